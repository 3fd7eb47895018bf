"""What kind of storage a file system is on: by its own name, by its devices, or by those of what it is layered over."""

from __future__ import annotations

from functools import partial

from llmcheck.probe._block import FileKind, Kind, kind_of_device, kind_of_name, together
from llmcheck.probe._mounts import Mount, mount_of, option
from llmcheck.system.host import Host

# Overlays over overlays end somewhere.
_DEEPEST = 6

_NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "wekafs"),
        *("panfs", "pvfs2", "orangefs", "ocfs2", "gfs2"),
    )
)
# Programs behind FUSE that fetch from elsewhere, as the part after "fuse." or as the source where there is none.
_NETWORK_FUSE = (
    *("sshfs", "gcsfuse", "s3fs", "goofys", "geesefs", "juicefs", "rclone", "mountpoint-s3", "blobfuse", "davfs"),
    *("glusterfs", "ceph", "beegfs", "cvmfs", "seaweedfs", "alluxio", "hdfs", "curlftpfs", "smbnetfs", "mfs"),
)
_MEMORY = frozenset(("tmpfs", "ramfs", "devtmpfs", "hugetlbfs", "rootfs"))
# Folders of the machine outside, handed in by its hypervisor. They are no network: what is below may be the fastest
# disk there is, or a network file system, and nothing inside tells. Calling it either would be a guess.
_SHARED = frozenset(("9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "drvfs", "fuse.vmhgfs-fuse"))
_BLOCK_FUSE = ("fuseblk", "fuse.ntfs-3g", "fuse.ntfs", "fuse.exfat", "fuse.ext2fs", "fuse.fuse-ext2")


def kind_of_mount(host: Host, table: list[Mount], mount: Mount | None, number: str | None, depth: int = 0) -> Kind:
    """Of what is mounted there; ``number`` is the device's of the path itself, where it is known."""
    if mount is None:
        return Kind("unknown", "the mount was not found")
    filesystem = mount.filesystem
    by_name = _by_filesystem(mount)
    if by_name is not None:
        return by_name
    if depth > _DEEPEST:
        return Kind("unknown", f"file system {filesystem}: layers over layers without an end")
    if filesystem in ("overlay", "aufs", "unionfs", "fuse.fuse-overlayfs", "fuse-overlayfs"):
        return _overlay(host, table, mount, depth)
    if filesystem == "zfs":
        return _zfs(host, table, mount, depth)
    if filesystem == "btrfs":
        several = _btrfs(host, table, mount, depth)
        if several is not None:
            return several
    for device in dict.fromkeys((number, mount.device_number)):
        found = kind_of_device(host, device, _below(host, table, depth)) if device and device[:2] != "0:" else None
        if found is not None:
            return found
    if mount.source.startswith("/dev/"):
        found = kind_of_name(host, _device_name(host, mount), _below(host, table, depth))
        if found is not None:
            return found
        return Kind("unknown", f"its device {mount.source} is not visible here")
    return Kind("unknown", f"file system {filesystem} has no block device")


def may_cache(mount: Mount | None) -> str | None:
    """Why reads past the page cache may still come from memory there; None where they come from the device."""
    if mount is None:
        return "the mount was not found"
    if mount.filesystem in _MEMORY:
        return "it lies in memory"
    if mount.filesystem == "zfs":
        return "ZFS has a cache of its own"
    if mount.filesystem in _SHARED or mount.filesystem.startswith("fuse"):
        return f"file system {mount.filesystem} may answer from a cache of its own"
    return None


def _by_filesystem(mount: Mount) -> Kind | None:
    filesystem = mount.filesystem
    if filesystem in _MEMORY:
        return Kind("memory", f"file system {filesystem}")
    if filesystem == "9p" and option(mount, "trans") in ("tcp", "rdma"):
        return Kind("network", f"file system 9p over {option(mount, 'trans')}")
    if filesystem in _SHARED:
        return Kind("unknown", f"file system {filesystem}: shared by the hypervisor, what lies below is not shown")
    if filesystem in _NETWORK:
        return Kind("network", f"file system {filesystem}")
    if filesystem in _BLOCK_FUSE or not filesystem.startswith("fuse"):
        return None
    program = filesystem.partition(".")[2] or mount.source
    if program.lower().startswith(_NETWORK_FUSE):
        return Kind("network", f"file system {filesystem}" + (f" of {program}" if "." not in filesystem else ""))
    if "overlayfs" in program:
        return None
    return Kind("unknown", f"file system {filesystem}: where {program or 'it'} keeps its files is not shown")


def _overlay(host: Host, table: list[Mount], mount: Mount, depth: int) -> Kind:
    """What is written goes to the upper folder; inside a container that is a path of the machine outside."""
    upper = option(mount, "upperdir")
    inside = _kind_of_path(host, table, depth, mount, upper) if upper else None
    if inside is not None:
        return Kind(inside.kind, f"overlay over {upper}: {inside.source}")
    beside = _beside_docker(table, upper or "")
    if beside is not None:
        below = kind_of_mount(host, table, beside, None, depth + 1)
        return Kind(below.kind, f"overlay beside {beside.mount_point}, on the same disk: {below.source}")
    return Kind("unknown", "an overlay does not show the disk below it")


def _beside_docker(table: list[Mount], upper: str) -> Mount | None:
    """A file that Docker mounts into each container from the folder which the overlays are in too.

    /var/lib/docker/containers/ID/hosts is beside /var/lib/docker/overlay2; a mount shows its path within the file
    system, which is the end of the full path.
    """
    folder = upper.partition("/overlay2/")[0]
    for mount in table:
        if mount.mount_point in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):
            own, found, _ = mount.root.partition("/containers/")
            if found and folder != upper and folder.endswith(own):
                return mount
    return None


def _btrfs(host: Host, table: list[Mount], mount: Mount, depth: int) -> Kind | None:
    """A btrfs may lie on several devices, of which the mount names one; None where its folder in sysfs is not found."""
    name = _device_name(host, mount)
    for uuid in host.list("/sys/fs/btrfs") or ():
        devices = host.list(f"/sys/fs/btrfs/{uuid}/devices") or []
        if name in devices:
            kinds = [kind_of_name(host, each, _below(host, table, depth)) for each in devices]
            return together((kind or Kind("unknown", "a device that is not visible") for kind in kinds), "btrfs")
    return None


def _zfs(host: Host, table: list[Mount], mount: Mount, depth: int) -> Kind:
    """ZFS shows its disks to its own commands only, but udev noted of each partition which pool it is part of."""
    pool = mount.source.partition("/")[0]
    kinds = []
    for entry in host.list("/run/udev/data") or ():
        if not entry.startswith("b"):
            continue
        notes = (host.read(f"/run/udev/data/{entry}") or "").splitlines()
        if "E:ID_FS_TYPE=zfs_member" in notes and f"E:ID_FS_LABEL={pool}" in notes:
            kind = kind_of_device(host, entry[1:], _below(host, table, depth))
            kinds.append(kind or Kind("unknown", "a device that is not visible"))
    if not kinds:
        return Kind("unknown", f"ZFS does not show here which disks the pool {pool} is on")
    return together(kinds, f"ZFS pool {pool}")


def _below(host: Host, table: list[Mount], depth: int) -> FileKind:
    """Tells the kind of storage below a file, for what lies in files."""
    return partial(_kind_of_path, host, table, depth, None)


def _kind_of_path(host: Host, table: list[Mount], depth: int, not_on: Mount | None, path: str) -> Kind | None:
    """None where the path is not visible, or would lie on ``not_on`` itself: then it is another machine's path."""
    if not host.exists(path):
        return None
    number = host.device_of(path)
    mount = mount_of(table, host.resolve(path), number)
    if mount is None or mount == not_on:
        return None
    return kind_of_mount(host, table, mount, number, depth + 1)


def _device_name(host: Host, mount: Mount) -> str:
    """The kernel's name of the device that the mount names: of /dev/mapper/vg-root, dm-0."""
    name = host.resolve(mount.source).rpartition("/")[2]
    if host.exists(f"/sys/class/block/{name}") or not mount.source.startswith("/dev/mapper/"):
        return name
    wanted = mount.source.rpartition("/")[2]  # a container's /dev has no mapper folder, but sysfs names its devices
    for each in host.list("/sys/class/block") or ():
        if each.startswith("dm-") and (host.read(f"/sys/class/block/{each}/dm/name") or "").strip() == wanted:
            return each
    return name
