"""The kind of storage of a file system: by its type, by its devices, or by those of the file system below it."""

from __future__ import annotations

from functools import partial

from llmcheck.probe._block import FileKind, Kind, combined, kind_of_device, kind_of_name
from llmcheck.probe._mounts import Mount, mount_of, option
from llmcheck.system.host import Host

# Guards against circular overlays.
_MAX_DEPTH = 6

_NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "wekafs"),
        *("panfs", "pvfs2", "orangefs", "ocfs2", "gfs2", "smb2", "afpfs", "webdav", "vastnfs", "quobyte"),
    )
)
# FUSE programs that read from the network: the part after "fuse.", or the mount source where there is no such part.
_NETWORK_FUSE = (
    *("sshfs", "gcsfuse", "s3fs", "goofys", "geesefs", "juicefs", "rclone", "mountpoint-s3", "blobfuse", "davfs"),
    *("glusterfs", "ceph", "beegfs", "cvmfs", "seaweedfs", "alluxio", "hdfs", "curlftpfs", "smbnetfs", "mfs"),
    *("lizardfs", "dfuse", "cubefs", "quobyte", "curvefs", "objectivefs", "onedrive"),
)
_MEMORY = frozenset(("tmpfs", "ramfs", "devtmpfs", "hugetlbfs", "rootfs"))
# Folders of the host that its hypervisor shares with this machine. They may be on any kind of storage, and the guest
# cannot see which.
_SHARED = frozenset(("9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "drvfs", "fuse.vmhgfs-fuse"))
_BLOCK_FUSE = ("fuseblk", "fuse.ntfs-3g", "fuse.ntfs", "fuse.exfat", "fuse.ext2fs", "fuse.fuse-ext2")


def kind_of_mount(host: Host, table: list[Mount], mount: Mount | None, number: str | None, depth: int = 0) -> Kind:
    """The kind of storage of a mount. ``number``: the device of the path itself as ``major:minor``, None if unknown."""
    if mount is None:
        return Kind("unknown", "the mount was not found")
    filesystem = mount.filesystem
    by_name = _by_filesystem(mount)
    if by_name is not None:
        return by_name
    if depth > _MAX_DEPTH:
        return Kind("unknown", f"file system {filesystem}: too many layers on top of each other")
    if filesystem in ("overlay", "aufs", "unionfs", "fuse.fuse-overlayfs", "fuse-overlayfs"):
        return _overlay(host, table, mount, depth)
    if filesystem == "zfs":
        return _zfs(host, table, mount, depth)
    if filesystem == "btrfs":
        several = _btrfs(host, table, mount, depth)
        if several is not None:
            return several
    if filesystem == "bcachefs" and ":" in mount.source:
        names = [each.rpartition("/")[2] for each in mount.source.split(":")]
        return _volume(host, table, names, depth, "bcachefs")
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
        return "it is in memory"
    if mount.filesystem == "zfs":
        return "ZFS has its own cache"
    if mount.filesystem in _SHARED or mount.filesystem.startswith("fuse"):
        return f"file system {mount.filesystem} may have its own cache"
    return None


def _by_filesystem(mount: Mount) -> Kind | None:
    filesystem = mount.filesystem
    if filesystem in _MEMORY:
        return Kind("memory", f"file system {filesystem}")
    if filesystem == "9p" and option(mount, "trans") in ("tcp", "rdma"):
        return Kind("network", f"file system 9p over {option(mount, 'trans')}")
    if filesystem in _SHARED:
        return Kind("unknown", f"file system {filesystem}: the hypervisor shares it and hides its storage")
    if filesystem in _NETWORK:
        return Kind("network", f"file system {filesystem}")
    if filesystem in _BLOCK_FUSE or not filesystem.startswith("fuse"):
        return None
    program = filesystem.partition(".")[2] or mount.source
    if program.lower().startswith(_NETWORK_FUSE):
        return Kind("network", f"file system {filesystem}" + (f" of {program}" if "." not in filesystem else ""))
    if "overlayfs" in program:
        return None
    return Kind("unknown", f"file system {filesystem}: {program or 'it'} does not show where its files are stored")


def _overlay(host: Host, table: list[Mount], mount: Mount, depth: int) -> Kind:
    """The kind of the upper folder, where files are written. Inside a container its path is one of the host."""
    upper = option(mount, "upperdir")
    visible = _kind_of_path(host, table, depth, mount, upper) if upper else None
    if visible is not None:
        return Kind(visible.kind, f"overlay on {upper}: {visible.source}")
    sibling = _docker_file_mount(table, upper or "")
    if sibling is not None:
        below = kind_of_mount(host, table, sibling, None, depth + 1)
        return Kind(below.kind, f"overlay on the same disk as {sibling.mount_point}: {below.source}")
    return Kind("unknown", "the overlay does not show the disk below it")


def _docker_file_mount(table: list[Mount], upper: str) -> Mount | None:
    """A file that Docker mounts into each container from the disk that also has the overlays; None if there is none.

    /var/lib/docker has both containers/ID/hosts and overlay2. The mount table shows the path within the file system,
    which is the end of the full path.
    """
    folder = upper.partition("/overlay2/")[0]
    for mount in table:
        if mount.mount_point in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):
            own, found, _ = mount.root.partition("/containers/")
            if found and folder != upper and folder.endswith(own):
                return mount
    return None


def _btrfs(host: Host, table: list[Mount], mount: Mount, depth: int) -> Kind | None:
    """The kind of a btrfs on one or several devices (the mount names only one); None where sysfs does not list it."""
    name = _device_name(host, mount)
    for uuid in host.list("/sys/fs/btrfs") or ():
        devices = host.list(f"/sys/fs/btrfs/{uuid}/devices") or []
        if name in devices:
            return _volume(host, table, devices, depth, "btrfs")
    return None


def _volume(host: Host, table: list[Mount], names: list[str], depth: int, what: str) -> Kind:
    """The kind of a file system on the devices with these kernel names."""
    kinds = [kind_of_name(host, each, _below(host, table, depth)) for each in names]
    return combined((kind or Kind("unknown", "a device that is not visible") for kind in kinds), what)


def _zfs(host: Host, table: list[Mount], mount: Mount, depth: int) -> Kind:
    """The kind of the disks of a ZFS pool, by udev's database. ZFS itself lists them only to its own commands."""
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
        return Kind("unknown", f"the disks of the ZFS pool {pool} are not known here")
    return combined(kinds, f"ZFS pool {pool}")


def _below(host: Host, table: list[Mount], depth: int) -> FileKind:
    """A function that returns the kind of storage of a file, for file systems inside files."""
    return partial(_kind_of_path, host, table, depth, None)


def _kind_of_path(host: Host, table: list[Mount], depth: int, not_on: Mount | None, path: str) -> Kind | None:
    """The kind of storage of a path; None where it is not visible or is on ``not_on``: then the host has it."""
    if not host.exists(path):
        return None
    number = host.device_of(path)
    mount = mount_of(table, host.resolve(path), number)
    if mount is None or mount == not_on:
        return None
    return kind_of_mount(host, table, mount, number, depth + 1)


def _device_name(host: Host, mount: Mount) -> str:
    """The kernel's name of the device that the mount names: ``dm-0`` for /dev/mapper/vg-root."""
    name = host.resolve(mount.source).rpartition("/")[2]
    if host.exists(f"/sys/class/block/{name}") or not mount.source.startswith("/dev/mapper/"):
        return name
    wanted = mount.source.rpartition("/")[2]  # a container's /dev has no mapper folder, but sysfs names its devices
    for each in host.list("/sys/class/block") or ():
        if each.startswith("dm-") and (host.read(f"/sys/class/block/{each}/dm/name") or "").strip() == wanted:
            return each
    return name
