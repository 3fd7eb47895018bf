"""The file systems that will really be used: of the Hugging Face cache, the working directory and ``--path``."""

from __future__ import annotations

from typing import NamedTuple

from llmcheck.host import Host
from llmcheck.machine import Disk, Problem
from llmcheck.probe import Reading, Request

_NETWORK = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "afs", "wekafs", "fuse.sshfs")
_MEMORY = ("tmpfs", "ramfs", "devtmpfs")
# Virtual disks report what the hypervisor left at its default, so "rotational" says nothing about them.
_VIRTUAL = ("vd", "xvd", "sr", "fd")


class Mount(NamedTuple):
    device_number: str
    mount_point: str
    filesystem: str
    source: str
    options: str


def probe(host: Host, request: Request) -> Reading:
    mounts = _mounts(host.read("/proc/self/mountinfo") or "")
    disks = [_disk(host, mounts, "models", model_cache(host)), _disk(host, mounts, "work", host.cwd)]
    if request.path is not None:
        disks.append(_disk(host, mounts, "path", host.absolute(request.path)))
    problems = tuple(
        Problem(
            probe="disk",
            code="unreadable-path",
            message=f"the file system of {disk.path} could not be read",
            remedy="name a readable folder with --path",
        )
        for disk in disks
        if host.live and disk.size is None
    )
    return Reading(disks=tuple(disks), problems=problems)


def model_cache(host: Host) -> str:
    """Where huggingface_hub stores models, by its own order of environment variables."""
    for name, below in (
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "/hub"),
        ("XDG_CACHE_HOME", "/huggingface/hub"),
    ):
        if host.environ.get(name):
            return host.absolute(host.environ[name] + below)
    home = host.home()
    return f"{home}/.cache/huggingface/hub" if home else host.cwd


def _disk(host: Host, mounts: list[Mount], role: str, path: str) -> Disk:
    existing = _nearest_existing(host, path)
    number = host.device_of(existing)
    mount = _mount_of(mounts, host.resolve(existing), number)
    kind, source = _kind(host, mount, number)
    stat = host.statvfs(existing)
    return Disk(
        role=role,
        path=path,
        mount_point=mount.mount_point if mount else None,
        filesystem=mount.filesystem if mount else None,
        device=mount.source if mount else None,
        kind=kind,
        kind_source=source,
        size=stat.size if stat else None,
        free=stat.free if stat else None,
        read_only=stat.read_only if stat else None,
    )


def _nearest_existing(host: Host, path: str) -> str:
    """The folder where a path that does not exist yet would be made."""
    while path not in ("/", "") and not host.exists(path):
        parent = path.rpartition("/")[0] or "/"
        if parent == path:
            break
        path = parent
    return path or "/"


def _mounts(text: str) -> list[Mount]:
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) >= 5 and len(kind) >= 2:
            options = kind[2] if len(kind) > 2 else ""
            found.append(Mount(fields[2], _unescape(fields[4]), kind[0], _unescape(kind[1]), options))
    return found


def _unescape(text: str) -> str:
    """mountinfo writes blanks in paths as octal."""
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(octal, character)
    return text


def _mount_of(mounts: list[Mount], path: str, number: str | None) -> Mount | None:
    """The last mount on the longest prefix of the path: later mounts lie over earlier ones."""
    best: Mount | None = None
    for mount in mounts:
        point = mount.mount_point.rstrip("/")
        if (path == point or path.startswith(point + "/")) and (
            best is None or len(mount.mount_point) >= len(best.mount_point)
        ):
            best = mount
    if best is None or number is None or best.device_number == number:
        return best
    return next((mount for mount in reversed(mounts) if mount.device_number == number), best)


def _kind(host: Host, mount: Mount | None, number: str | None) -> tuple[str, str]:
    """(kind, what says so)."""
    if mount is None:
        return "unknown", "the mount was not found"
    filesystem = mount.filesystem
    if filesystem.startswith(_NETWORK):
        return "network", f"file system {filesystem}"
    if filesystem in _MEMORY:
        return "memory", f"file system {filesystem}"
    if filesystem == "overlay":
        return "unknown", "an overlay does not show the disk below it"
    device = number or mount.device_number
    if device.startswith("0:") and mount.source.startswith("/dev/"):
        block = host.resolve(mount.source).rpartition("/")[2]
        return _kind_of_block(host, host.resolve(f"/sys/class/block/{block}"))
    if not host.exists(f"/sys/dev/block/{device}"):
        return "unknown", f"file system {filesystem} has no block device"
    return _kind_of_block(host, host.resolve(f"/sys/dev/block/{device}"))


def _kind_of_block(host: Host, folder: str, depth: int = 0) -> tuple[str, str]:
    """Through partitions, device mapper and RAID to the disks; different kinds below one volume are unknown."""
    below = host.list(f"{folder}/slaves") or ()
    if below and depth < 8:
        kinds = {_kind_of_block(host, host.resolve(f"{folder}/slaves/{name}"), depth + 1) for name in below}
        names = {kind for kind, _ in kinds}
        return kinds.pop() if len(names) == 1 else ("unknown", f"a volume over {', '.join(sorted(names))}")
    if host.exists(f"{folder}/partition"):
        folder = folder.rpartition("/")[0]
    name = folder.rpartition("/")[2]
    rotational = host.read_int(f"{folder}/queue/rotational")
    where = f"{folder}/queue/rotational"
    if name.startswith("nvme"):
        return "nvme", f"device {name}"
    if rotational == 0:
        return "ssd", f"{where} = 0"
    if rotational is None:
        return "unknown", f"{where} cannot be read"
    vendor = (host.read(f"{folder}/device/vendor") or "").strip().upper()
    if name.startswith(_VIRTUAL) or vendor in ("QEMU", "VMWARE", "MSFT", "VBOX", "GOOGLE", "XEN"):
        return "unknown", f"virtual disk {name}: its rotational flag says nothing"
    return "hdd", f"{where} = 1"
