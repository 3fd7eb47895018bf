"""The file systems of the Hugging Face cache, of the working directory and of ``--path``."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from llmcheck import shell
from llmcheck.probe import Reading, Request, _room
from llmcheck.probe._distributions import shown
from llmcheck.probe._mounts import Mount, mount_of, mounts
from llmcheck.probe._storage import kind_of_mount, may_cache
from llmcheck.schema.machine import Disk, Problem
from llmcheck.system.host import Host

# Errors of a mount whose server or device is gone. FUSE returns ENOTCONN when its program has died.
_DEAD = frozenset(
    ("ESTALE", "ENOTCONN", "EIO", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT", "ENODEV", "ENXIO", "ESHUTDOWN", "EREMOTEIO")
)
_DENIED = frozenset(("EACCES", "EPERM"))

# Bytes of the smallest file whose read speed is measured.
_MEASURABLE = 64 * 2**20
# The search for a large file in the model cache ends after so many entries.
_MOST_ENTRIES = 2000


def probe(host: Host, request: Request) -> Iterator[Reading]:
    """Yields a reading after each path, so that one that hangs hides neither the others nor its own mount."""
    table = mounts(host)
    places = list(_room.places(host, request.path, table))
    paths = [(role, path) for role, path, _ in places]
    disks = [replace(_listed(host, table, role, path), chosen_by=variable) for role, path, variable in places]
    sources: dict[str, str] = {}
    problems: list[Problem] = []
    # Network file systems may hang, so they come last.
    for index in sorted(range(len(paths)), key=lambda index: disks[index].kind == "network"):
        disk, found = _disk(host, table, *paths[index])
        disks[index] = replace(disk, chosen_by=disks[index].chosen_by)
        found += _room.problems(disks[index])
        problems += found
        sources |= _sources(host, index, disks[index])
        yield _reading(disks, sources, problems)
    if "disk" in request.measure:
        _measure(host, table, disks, sources, problems)
        yield _reading(disks, sources, problems)


def _reading(disks: list[Disk], sources: dict[str, str], problems: list[Problem]) -> Reading:
    """The reading so far, with all text in valid UTF-8."""
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
    if disk.writable is not None:
        found[f"disks.{index}.writable"] = "access(2)"
    if disk.chosen_by is not None:
        found[f"disks.{index}.chosen_by"] = "the environment"
    for fact in ("size", "read_only", "inodes_free"):
        if getattr(disk, fact) is not None:
            found[f"disks.{index}.{fact}"] = "statvfs"
    return found


def _listed(host: Host, table: list[Mount], role: str, path: str) -> Disk:
    """A disk from the mount table alone, without access to the path."""
    mount = mount_of(table, path)
    kind = kind_of_mount(host, table, mount, None)
    return _with_mount(Disk(role=role, path=path, kind=kind.kind, kind_source=kind.source), mount)


def _with_mount(disk: Disk, mount: Mount | None) -> Disk:
    if mount is None:
        return disk
    # Either the mount or the file system may be read-only. Without "ro" a file system may still refuse writes.
    read_only = True if "ro" in (*mount.options, *mount.super_options) else None
    return replace(
        disk, mount_point=mount.mount_point, filesystem=mount.filesystem, device=mount.source, read_only=read_only
    )


def _disk(host: Host, table: list[Mount], role: str, path: str) -> tuple[Disk, list[Problem]]:
    # Resolve links first: the target of a link need not exist yet.
    existing, error = _nearest_existing(host, host.resolve(path))
    number = host.device_of(existing) if error is None else None
    mount = mount_of(table, existing, number)
    kind = kind_of_mount(host, table, mount, number)
    stat = host.statvfs(existing) if error is None else None
    disk = _with_mount(Disk(role=role, path=path, kind=kind.kind, kind_source=kind.source), mount)
    if stat is None:
        return disk, _unreadable(host, path, mount, error)
    # Some file systems (autofs, a few of FUSE) have no size and report 0 or an impossible number.
    known = stat.size > 0
    free = stat.free if known and 0 <= stat.free <= stat.size else None
    folder = existing.rpartition("/")[0] if host.is_file(existing) else existing
    writable = host.may_write(folder or "/") and not stat.read_only
    facts = {"read_only": stat.read_only, "writable": writable, "inodes_free": stat.inodes_free}
    return replace(disk, size=stat.size if known else None, free=free, **facts), []


def _nearest_existing(host: Host, path: str) -> tuple[str, str | None]:
    """The nearest existing folder of a path, and the error if it cannot be read, else None."""
    while True:
        error = host.error_at(path)
        if error not in ("ENOENT", "ENOTDIR"):
            return path, error
        parent = path.rpartition("/")[0] or "/"
        if parent == path or "/" not in path:
            return path, error
        path = parent


def _unreadable(host: Host, path: str, mount: Mount | None, error: str | None) -> list[Problem]:
    """Why the sizes are missing; () for a captured tree, which has none."""
    if error in _DEAD:
        where = mount.mount_point if mount else path
        again = f"sudo umount -l {shell.quote(where)} && sudo mount {shell.quote(where)}"
        source = f" ({mount.source})" if mount else ""
        return [
            Problem(
                probe="disk",
                code="dead-mount",
                message=f"the file system at {where}{source}, which contains {path}, does not respond: {error}",
                remedy=f"mount it again ({again}), or name another folder with --path",
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
    """Measure the read speed with large files: ``--path`` if it is one, and one in the model cache. Never writes."""
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
        reasons.append("neither the model cache nor --path has a file of 64 MiB or more")
    problems += [
        Problem(
            probe="disk",
            code="not-measured",
            message=f"the read speed of the disk was not measured: {reason}",
            remedy="name a large file on that disk with --path",
        )
        for reason in reasons
    ]


def _large_file(host: Host, disk: Disk) -> str | None:
    if disk.role == "path":
        return disk.path if _is_large(host, disk.path) else None
    return _large_file_below(host, disk.path) if disk.role == "models" else None


def _large_file_below(host: Host, folder: str) -> str | None:
    """The first large file of a model cache, breadth first; weights are in models--NAME/blobs."""
    waiting, seen = [folder], 0
    for current in waiting:
        for name in host.list(current) or ():
            path = f"{current}/{name}"
            seen += 1
            if seen > _MOST_ENTRIES:
                return None
            if _is_large(host, path):
                return path
            # Snapshots are links to the blobs, which would then be searched twice.
            if name not in ("snapshots", "refs", ".locks") and host.list(path) is not None:
                waiting.append(path)
    return None


def _is_large(host: Host, path: str) -> bool:
    return (host.file_size(path) or 0) >= _MEASURABLE
