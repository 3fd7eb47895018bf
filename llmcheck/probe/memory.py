"""Main memory: the size of the machine's RAM, and the lowest limit that applies to this process."""

from __future__ import annotations

from llmcheck.probe import Reading, Request, _numa, _slurm
from llmcheck.probe._cgroup import memory_left, memory_limit
from llmcheck.schema.machine import NumaNode, Ram
from llmcheck.system.host import Host

_ARC = "/proc/spl/kstat/zfs/arcstats"


def probe(host: Host, _request: Request) -> Reading:
    nodes = _numa.nodes(host)
    sources: dict[str, str] = {}
    total, available = _main_memory(host, nodes, sources)
    group, job = memory_limit(host), _slurm.memory(host)
    by_job = job is not None and (group is None or job[0] < group.size)
    limit, limit_source = job if by_job and job else (group.size, group.source) if group else (None, None)
    if limit_source is not None:
        facts = ("limit", "limit_by", "limit_soft", *(() if by_job else ("limit_file",)))
        sources |= {f"ram.{fact}": limit_source for fact in facts}
    cache = zfs_cache(host)
    if cache is not None:
        sources["ram.zfs_cache"] = _ARC
    if cache and available is not None:
        available += cache
        sources["ram.available"] += f", and {_ARC}: ZFS's cache above its least size gives way"
    available = _within_limits(host, available, sources)
    swap_total, swap_free = host.swap()
    huge_pages = _huge_pages(host.meminfo())
    sources |= _other_sources(host, swap_total, huge_pages, nodes)
    if total is not None:
        sources["ram.usable"] = "the lower of total, less huge pages, and limit"
    pageable = None if total is None else max(total - (huge_pages or 0), 0)
    known = [size for size in (pageable, limit) if size is not None]
    return Reading(
        ram=Ram(
            total=total,
            available=available,
            limit=limit,
            limit_source=limit_source,
            limit_by=None if limit is None else "slurm" if by_job else "cgroup",
            limit_file=None if by_job or group is None else f"{group.folder}/{group.name.partition(' ')[0]}",
            limit_soft=None if limit is None else not by_job and group is not None and group.soft,
            usable=min(known) if total is not None else None,
            swap_total=swap_total,
            swap_free=swap_free,
            huge_pages=huge_pages,
            zfs_cache=cache,
            numa=nodes,
        ),
        sources=sources,
    )


def _other_sources(
    host: Host, swap_total: int | None, huge_pages: int | None, nodes: tuple[NumaNode, ...]
) -> dict[str, str]:
    meminfo = "/proc/meminfo" if host.platform == "linux" else "the system"
    found = {
        "ram.swap_total": meminfo if swap_total is not None else None,
        "ram.swap_free": meminfo if swap_total is not None else None,
        "ram.huge_pages": meminfo if huge_pages is not None else None,
        "ram.numa": "/sys/devices/system/node" if nodes else None,
    }
    return {fact: source for fact, source in found.items() if source}


def _main_memory(host: Host, nodes: tuple[NumaNode, ...], sources: dict[str, str]) -> tuple[int | None, int | None]:
    """(total, available) in bytes, without GPU memory that the kernel lists as NUMA nodes and counts as RAM."""
    total, available = host.memory()
    where = "/proc/meminfo" if host.platform == "linux" else "the system"
    gpu_nodes = [node for node in nodes if node.accelerator_memory]
    named = ", ".join(str(node.node) for node in gpu_nodes)
    less = f", less NUMA nodes {named}, which are GPU memory" if gpu_nodes else ""
    for node in gpu_nodes:
        if total is not None:
            total -= node.memory_total or 0
        if available is not None:
            available = max(0, available - (_numa.meminfo(host, node.node, "MemFree") or 0))
    if total is not None:
        sources["ram.total"] = where + less
    if available is not None:
        sources["ram.available"] = where + less
    return total, available


def _within_limits(host: Host, available: int | None, sources: dict[str, str]) -> int | None:
    """The available memory, lowered to what the control group or the Slurm job has left."""
    if available is None:
        return None
    for left in (memory_left(host), _slurm.memory(host)):
        if left is not None and left[0] < available:
            available, sources["ram.available"] = left
    return available


def zfs_cache(host: Host) -> int | None:
    """Bytes of ZFS's cache (ARC) above the size that it keeps (``c_min``); None without ZFS.

    The kernel does not count them as available, and ZFS gives them back when processes need them (OpenZFS, module
    parameters, zfs_arc_min and zfs_arc_sys_free; read 2026-11-27).
    """
    fields = (line.split() for line in (host.read(_ARC) or "").splitlines())
    values = {each[0]: int(each[2]) for each in fields if len(each) == 3 and each[2].isdecimal()}
    size, least = values.get("size"), values.get("c_min")
    return None if size is None or least is None else max(size - least, 0)


def _huge_pages(values: dict[str, int]) -> int | None:
    """Bytes reserved for huge pages: of all sizes where the kernel reports the sum, else of the default size."""
    if "Hugetlb" in values:
        return values["Hugetlb"]
    if "HugePages_Total" in values and "Hugepagesize" in values:
        return values["HugePages_Total"] * values["Hugepagesize"]
    return None
