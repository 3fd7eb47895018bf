"""Main memory: the size of the machine's RAM, and the lowest limit that applies to this process."""

from __future__ import annotations

from llmcheck.probe import Reading, Request, _numa, _slurm
from llmcheck.probe._cgroup import memory_left, memory_limit
from llmcheck.schema.machine import NumaNode, Ram
from llmcheck.system.host import Host


def probe(host: Host, _request: Request) -> Reading:
    nodes = _numa.nodes(host)
    sources: dict[str, str] = {}
    total, available = _main_memory(host, nodes, sources)
    limits = [limit for limit in (memory_limit(host), _slurm.memory(host)) if limit is not None]
    limit, limit_source = min(limits, key=lambda each: each[0], default=(None, None))
    if limit_source is not None:
        sources["ram.limit"] = limit_source
    available = _within_limits(host, available, sources)
    swap_total, swap_free = host.swap()
    huge_pages = _huge_pages(host.meminfo())
    sources |= _other_sources(host, swap_total, huge_pages, nodes)
    if total is not None:
        sources["ram.usable"] = "the lower of total and limit"
    known = [size for size in (total, limit) if size is not None]
    return Reading(
        ram=Ram(
            total=total,
            available=available,
            limit=limit,
            limit_source=limit_source,
            usable=min(known) if total is not None else None,
            swap_total=swap_total,
            swap_free=swap_free,
            huge_pages=huge_pages,
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


def _huge_pages(values: dict[str, int]) -> int | None:
    """Bytes reserved for huge pages: of all sizes where the kernel reports the sum, else of the default size."""
    if "Hugetlb" in values:
        return values["Hugetlb"]
    if "HugePages_Total" in values and "Hugepagesize" in values:
        return values["HugePages_Total"] * values["Hugepagesize"]
    return None
