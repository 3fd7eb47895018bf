"""The file systems that will really be used: of the Hugging Face cache, the working directory and ``--path``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from llmcheck.probe import Reading, Request
from llmcheck.probe._distributions import shown
from llmcheck.probe._mounts import Mount, mount_of, mounts
from llmcheck.probe._storage import kind_of_mount, may_cache
from llmcheck.schema.machine import Disk, Problem
from llmcheck.system.host import Host

# Where huggingface_hub stores models, by its own order, then what it derives the folder from.
# TRANSFORMERS_CACHE is what transformers before 5 read. Source: huggingface_hub constants.py; read 2026-11-22.
_CACHES = (
    ("HF_HUB_CACHE", ""),
    ("HUGGINGFACE_HUB_CACHE", ""),
    ("TRANSFORMERS_CACHE", ""),
    ("HF_HOME", "/hub"),
    ("XDG_CACHE_HOME", "/huggingface/hub"),
)
_VARIABLE = r"\$(?:\{(\w+)\}|(\w+))"

# What a mount answers whose server or device is gone. ENOTCONN is FUSE's when its program has died.
_DEAD = frozenset(
    ("ESTALE", "ENOTCONN", "EIO", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT", "ENODEV", "ENXIO", "ESHUTDOWN", "EREMOTEIO")
)
_DENIED = frozenset(("EACCES", "EPERM"))

_MEASURABLE = 64 * 2**20
# A cache of that many entries is not searched further for a large file.
_MOST_ENTRIES = 2000


def probe(host: Host, request: Request) -> Iterator[Reading]:
    """Yields what is known after each path: one that hangs does not hide the others, nor what the mount table says."""
    table = mounts(host)
    paths = [("models", model_cache(host)), ("work", host.cwd)]
    if request.path is not None:
        paths.append(("path", host.absolute(request.path)))
    disks = [_listed(host, table, role, path) for role, path in paths]
    sources: dict[str, str] = {}
    problems: list[Problem] = []
    # What may hang comes last, so that the others are told by then.
    for index in sorted(range(len(paths)), key=lambda index: disks[index].kind == "network"):
        disks[index], found = _disk(host, table, *paths[index])
        problems += found
        sources |= _sources(host, index, disks[index])
        yield _reading(disks, sources, problems)
    if "disk" in request.measure:
        _measure(host, table, disks, sources, problems)
        yield _reading(disks, sources, problems)


def model_cache(host: Host) -> str:
    """Where huggingface_hub stores models."""
    for name, below in _CACHES:
        value = host.environ.get(name)
        if value:
            return host.absolute(_expanded(host, value) + below)
    home = host.home()
    return f"{home}/.cache/huggingface/hub" if home else host.cwd


def _expanded(host: Host, path: str) -> str:
    """With variables replaced, as huggingface_hub does; an unknown one stays as it is written."""
    return re.sub(_VARIABLE, lambda match: host.environ.get(match[1] or match[2], match[0]), path)


def _reading(disks: list[Disk], sources: dict[str, str], problems: list[Problem]) -> Reading:
    """What is known so far, in text that can be written whatever bytes the names of folders are."""
    return Reading(
        disks=tuple(replace(disk, path=shown(disk.path)) for disk in disks),
        sources={fact: shown(source) for fact, source in sources.items()},
        problems=tuple(
            replace(problem, message=shown(problem.message), remedy=problem.remedy and shown(problem.remedy))
            for problem in dict.fromkeys(problems)
        ),
    )


def _sources(host: Host, index: int, disk: Disk) -> dict[str, str]:
    found = {}
    if disk.mount_point is not None:
        target = host.resolve(disk.path)
        via = f", {disk.path} is {target}" if target != disk.path else ""
        for fact in ("mount_point", "filesystem", "device"):
            found[f"disks.{index}.{fact}"] = f"/proc/self/mountinfo{via}"
    if disk.kind_source is not None:
        found[f"disks.{index}.kind"] = disk.kind_source
    if disk.free is not None:
        found[f"disks.{index}.free"] = "statvfs, for this user: without reserved blocks, within the quotas it shows"
    for fact in ("size", "read_only"):
        if getattr(disk, fact) is not None:
            found[f"disks.{index}.{fact}"] = "statvfs"
    return found


def _listed(host: Host, table: list[Mount], role: str, path: str) -> Disk:
    """What the mount table says of a path without touching it."""
    mount = mount_of(table, path)
    kind = kind_of_mount(host, table, mount, None)
    return _with_mount(Disk(role=role, path=path, kind=kind.kind, kind_source=kind.source), mount)


def _with_mount(disk: Disk, mount: Mount | None) -> Disk:
    if mount is None:
        return disk
    # Said of the mount or of all of the file system; that neither says so does not mean that it takes writes.
    read_only = True if "ro" in (*mount.options, *mount.super_options) else None
    return replace(
        disk, mount_point=mount.mount_point, filesystem=mount.filesystem, device=mount.source, read_only=read_only
    )


def _disk(host: Host, table: list[Mount], role: str, path: str) -> tuple[Disk, list[Problem]]:
    # Through symbolic links first: the folder that a link names need not exist yet either.
    existing, error = _nearest_existing(host, host.resolve(path))
    number = host.device_of(existing) if error is None else None
    mount = mount_of(table, existing, number)
    kind = kind_of_mount(host, table, mount, number)
    stat = host.statvfs(existing) if error is None else None
    disk = _with_mount(Disk(role=role, path=path, kind=kind.kind, kind_source=kind.source), mount)
    if stat is None:
        return disk, _unreadable(host, path, mount, error)
    # Some file systems (autofs, a few of FUSE) have no size to tell, and say 0 or nonsense.
    known = stat.size > 0
    free = stat.free if known and 0 <= stat.free <= stat.size else None
    return replace(disk, size=stat.size if known else None, free=free, read_only=stat.read_only), []


def _nearest_existing(host: Host, path: str) -> tuple[str, str | None]:
    """The folder where a path that does not exist yet would be made, and why it cannot be reached; None if it can."""
    while True:
        error = host.error_at(path)
        if error not in ("ENOENT", "ENOTDIR"):
            return path, error
        parent = path.rpartition("/")[0] or "/"
        if parent == path or "/" not in path:
            return path, error
        path = parent


def _unreadable(host: Host, path: str, mount: Mount | None, error: str | None) -> list[Problem]:
    """Why there are no sizes; nothing of a captured tree, which has none."""
    if error in _DEAD:
        where = mount.mount_point if mount else path
        source = f" ({mount.source})" if mount else ""
        return [
            Problem(
                probe="disk",
                code="dead-mount",
                message=f"{where}{source}, where {path} lies, does not answer: {error}",
                remedy=f"mount it anew ('umount -l {where}', then 'mount {where}'), or name another folder with --path",
            )
        ]
    if not host.live and error not in _DENIED:
        return []
    why = ": permission denied" if error in _DENIED else f": {error}" if error else ""
    return [
        Problem(
            probe="disk",
            code="unreadable-path",
            message=f"the file system of {path} could not be read{why}",
            remedy="name a readable folder with --path",
        )
    ]


def _measure(
    host: Host, table: list[Mount], disks: list[Disk], sources: dict[str, str], problems: list[Problem]
) -> None:
    """Reads what large files there are: ``--path`` where it is one, and one in the model cache. It never writes."""
    reasons = []
    measured = False
    for index, disk in enumerate(disks):
        file = _large_file(host, disk)
        if file is None:
            continue
        why_not = may_cache(mount_of(table, host.resolve(file), host.device_of(file))) if host.live else None
        speed, how = (None, why_not) if why_not else host.read_speed(file)
        if speed is None:
            reasons.append(f"{file}: {how}")
            continue
        measured = True
        disks[index] = replace(disk, read_bytes_per_second=speed)
        sources[f"disks.{index}.read_bytes_per_second"] = f"{how}: {file}"
    if not measured and not reasons:
        reasons.append("there is no file of 64 MiB or more in the model cache, and --path names none")
    problems += [
        Problem(
            probe="disk",
            code="not-measured",
            message=f"the speed of the disk was not measured: {reason}",
            remedy="name a large file on that disk with --path",
        )
        for reason in reasons
    ]


def _large_file(host: Host, disk: Disk) -> str | None:
    if disk.role == "path":
        return disk.path if _is_large(host, disk.path) else None
    return _large_file_below(host, disk.path) if disk.role == "models" else None


def _large_file_below(host: Host, folder: str) -> str | None:
    """The first large file of a model cache, breadth first; weights lie in models--NAME/blobs."""
    waiting, seen = [folder], 0
    for current in waiting:
        for name in host.list(current) or ():
            path = f"{current}/{name}"
            seen += 1
            if seen > _MOST_ENTRIES:
                return None
            if _is_large(host, path):
                return path
            # Snapshots are links to the blobs; a folder of links would be searched twice.
            if name not in ("snapshots", "refs", ".locks") and host.list(path) is not None:
                waiting.append(path)
    return None


def _is_large(host: Host, path: str) -> bool:
    return (host.file_size(path) or 0) >= _MEASURABLE
