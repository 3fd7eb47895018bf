"""Control groups: the limits of every group from ours up to the root, v1, v2 and both at once.

A child's limit may be higher than its parent's; the lowest one counts. Inside a container /proc/self/cgroup may name a
path that does not exist there: then what is mounted is our own group.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmcheck.host import Host

# cgroup v1 writes "no limit" as the largest page-aligned 63-bit number; anything near it is none.
_V1_UNLIMITED = 1 << 62


def memory_limit(host: Host) -> tuple[int, str] | None:
    """The lowest memory limit in bytes and where it was read; None where there is none."""
    limits = []
    for version, folder in _folders(host, "memory"):
        name = "memory.max" if version == 2 else "memory.limit_in_bytes"
        value = host.read_int(f"{folder}/{name}")  # "max" is no number, so no limit
        if value is not None and value < _V1_UNLIMITED:
            limits.append((value, f"cgroup v{version} {folder}/{name}"))
    return min(limits, default=None)


def cpu_quota(host: Host) -> tuple[float, str] | None:
    """The lowest processor quota, in processors, and where it was read; None where there is none."""
    quotas = []
    for version, folder in _folders(host, "cpu"):
        if version == 2:
            name, words = "cpu.max", (host.read(f"{folder}/cpu.max") or "").split()
        else:
            name = "cpu.cfs_quota_us"
            words = [(host.read(f"{folder}/{part}") or "").strip() for part in (name, "cpu.cfs_period_us")]
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
            quotas.append((int(words[0]) / int(words[1]), f"cgroup v{version} {folder}/{name}"))
    return min(quotas, default=None)


def _folders(host: Host, controller: str) -> Iterator[tuple[int, str]]:
    """(version, folder) of our group and its parents in every hierarchy that may hold the controller."""
    paths = dict(_own_paths(host.read("/proc/self/cgroup") or ""))
    for version, controllers, mount, root in _mounts(host.read("/proc/self/mountinfo") or ""):
        if version == 1 and controller not in controllers:
            continue
        own = next(
            (paths[name] for name in paths if (controller in name.split(",") if version == 1 else not name)), "/"
        )
        inside = own.removeprefix(root) if root != "/" and own.startswith(root) else own
        folder = f"{mount}/{inside.strip('/')}".rstrip("/")
        if not host.exists(folder):
            folder = mount
        yield version, folder
        while folder != mount and folder.startswith(mount):
            folder = folder.rpartition("/")[0]
            yield version, folder


def _own_paths(text: str) -> Iterator[tuple[str, str]]:
    """(controllers, path) of each line of /proc/self/cgroup; v2's has no controllers."""
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            yield parts[1], parts[2]


def _mounts(text: str) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    """(version, controllers, mount point, root inside the hierarchy) of each cgroup mount."""
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3 or not kind[0].startswith("cgroup"):
            continue
        yield (2 if kind[0] == "cgroup2" else 1), tuple(kind[2].split(",")), fields[4], fields[3]
