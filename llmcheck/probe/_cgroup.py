"""Control groups: the limits of every group from ours up to the root, for v1, v2 and both at once.

A child's limit may be higher than its parent's; the lowest limit applies. Inside a container, /proc/self/cgroup may
name a path that does not exist there: then the mounted folder is our own group.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from llmcheck.probe._mounts import mounts
from llmcheck.system.host import Host

# cgroup v1 writes "no limit" as the largest page-aligned 63-bit number, so a number near it is no limit.
_V1_UNLIMITED = 1 << 62


class Limit(Struct, frozen=True):
    """A limit of memory."""

    size: int
    """Bytes."""
    folder: str
    """Of the group."""
    name: str
    """Of the file, or of the file and the value in it."""
    version: int
    soft: bool = False
    """Beyond it the group is slowed down, not ended."""

    @property
    def source(self) -> str:
        return f"cgroup v{self.version} {self.folder}/{self.name}"


def memory_limit(host: Host) -> Limit | None:
    """The lowest memory limit, hard or soft; None without a limit."""
    return min(_memory_limits(host), key=lambda each: each.size, default=None)


def memory_left(host: Host) -> tuple[int, str] | None:
    """The smallest number of bytes that a group has left below its limit, and how it is known; None without a limit.

    The kernel drops inactive cached files (``inactive_file``) before it kills a process, so they do not count as used.
    """
    left = []
    for limit in _memory_limits(host):
        used = _memory_used(host, limit.folder)
        if used is not None:
            left.append((max(0, limit.size - used), f"{limit.source}, less what is in use"))
    return min(left, key=lambda each: each[0], default=None)


def cpu_quota(host: Host) -> tuple[float, str] | None:
    """The lowest CPU quota, in processors, and where it was read; None without a quota."""
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


def cpuset(host: Host) -> tuple[int, str] | None:
    """How many logical processors the group may run on, and where it was read; None where no group has a set.

    In v2 the effective set already respects the parents, and a group without the controller has its parent's set; in v1
    every set is within its parent's. So the set of the nearest group applies.
    """
    nearest: dict[int, tuple[int, str]] = {}
    for version, folder in _folders(host, "cpuset"):
        for name in ("cpuset.cpus.effective",) if version == 2 else ("cpuset.effective_cpus", "cpuset.cpus"):
            count = cpu_count(host.read(f"{folder}/{name}") or "")
            if count and version not in nearest:
                nearest[version] = (count, f"cgroup v{version} {folder}/{name}")
    return min(nearest.values(), default=None)


def restricts_devices(host: Host, major: int) -> bool:
    """Whether a v1 group may not open every device of a driver; v2 has no file that tells it."""
    for version, folder in _folders(host, "devices"):
        rules = (host.read(f"{folder}/devices.list") or "").split("\n") if version == 1 else []
        if rules and not any(rule.startswith(("a ", f"c {major}:* ")) for rule in rules):
            return any(rules)
    return False


def cpu_count(text: str) -> int | None:
    """How many processors are in a list of the kernel's form (``0-3,8``); None for an empty or malformed list."""
    count = 0
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            return None
        count += int(last or first) - int(first) + 1
    return count or None


def _memory_limits(host: Host) -> Iterator[Limit]:
    """Every limit that applies to us; of v2 also memory.high, which systemd calls MemoryHigh."""
    own, separate = True, False
    for version, folder in _folders(host, "memory"):
        if version == 2:
            for name in ("memory.max", "memory.high"):
                value = host.read_int(f"{folder}/{name}")  # "max" means no limit, and is read as None
                if value is not None:
                    yield Limit(value, folder, name, 2, name == "memory.high")
            continue
        # Without use_hierarchy, the use of a v1 group is not charged to its parents, so their limits do not apply.
        # Newer kernels have hierarchies only; an unreadable file counts as one.
        separate = separate or (not own and host.read_int(f"{folder}/memory.use_hierarchy") == 0)
        found = {} if separate else {"memory.limit_in_bytes": host.read_int(f"{folder}/memory.limit_in_bytes")}
        if own:  # this value includes the limits of parents that a container cannot see
            found["memory.stat hierarchical_memory_limit"] = _stat(host, folder, "hierarchical_memory_limit")
        for name, value in found.items():
            if value is not None and value < _V1_UNLIMITED:
                yield Limit(value, folder, name, 1)
        own = False


def _memory_used(host: Host, folder: str) -> int | None:
    for name, inactive in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
        used = host.read_int(f"{folder}/{name}")
        if used is not None:
            return max(0, used - (_stat(host, folder, inactive) or 0))
    return None


def _stat(host: Host, folder: str, name: str) -> int | None:
    """One value of memory.stat."""
    for line in (host.read(f"{folder}/memory.stat") or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None


def _folders(host: Host, controller: str) -> Iterator[tuple[int, str]]:
    """(version, folder) of our group and its parents in every hierarchy that may have the controller, ours first."""
    paths = dict(_own_paths(host.read("/proc/self/cgroup") or ""))
    for version, controllers, mount, root in _hierarchies(host):
        if version == 1 and controller not in controllers:
            continue
        own = next(
            (paths[name] for name in paths if (controller in name.split(",") if version == 1 else not name)), "/"
        )
        # A container without a cgroup namespace sees its own group mounted, but its path from the machine's root.
        inside = own[len(root) :] if root != "/" and f"{own}/".startswith(f"{root}/") else own
        folder = f"{mount}/{inside.strip('/')}".rstrip("/")
        if "/.." in inside or not host.exists(folder):
            folder = mount
        yield version, folder
        while folder != mount and folder.startswith(mount):
            folder = folder.rpartition("/")[0]
            yield version, folder


def _own_paths(text: str) -> Iterator[tuple[str, str]]:
    """(controllers, path) of each line of /proc/self/cgroup; the line of v2 has no controllers."""
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            yield parts[1], parts[2]


def _hierarchies(host: Host) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    """(version, controllers, mount point, root inside the hierarchy) of each cgroup mount."""
    for mount in mounts(host):
        if mount.filesystem in ("cgroup", "cgroup2") and any(mount.super_options):
            version = 2 if mount.filesystem == "cgroup2" else 1
            yield version, mount.super_options, mount.mount_point, mount.root
