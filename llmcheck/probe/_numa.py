"""NUMA nodes: their memory, their processors, the GPUs attached to them, and which nodes are GPU memory."""

from __future__ import annotations

from collections.abc import Iterator

from llmcheck.probe._pci import ACCELERATOR, DEVICES, DISPLAY, numa_node
from llmcheck.schema.machine import NumaNode
from llmcheck.system.host import Host

_NODES = "/sys/devices/system/node"
_NVIDIA, _AMD, _INTEL = 0x10DE, 0x1002, 0x8086


def nodes(host: Host) -> tuple[NumaNode, ...]:
    """The nodes with processors or memory, without the empty ones that Grace reserves for MIG instances.

    A node without processors is GPU memory on Grace Hopper and on POWER9 with NVLink. On x86 it is CXL memory,
    persistent memory or the HBM of a processor, which programs use as RAM.
    """
    gpus = tuple(_gpus(host))
    has_bus = host.list(DEVICES) is not None
    coherent = not _is_x86(host) and (not has_bus or any(vendor == _NVIDIA for _, vendor, _ in gpus))
    found = []
    for number in _numbers(host):
        total = meminfo(host, number, "MemTotal")
        cpus = (host.read(f"{_NODES}/node{number}/cpulist") or "").strip() or None
        if cpus or total:
            found.append(
                NumaNode(
                    node=number,
                    memory_total=total,
                    cpus=cpus,
                    gpus=tuple(bus_id for bus_id, _, node in gpus if node == number),
                    accelerator_memory=coherent and cpus is None and _lists_cpus(host, number),
                )
            )
    return tuple(found)


def meminfo(host: Host, number: int, name: str) -> int | None:
    """One value of a node's meminfo, in bytes."""
    for line in (host.read(f"{_NODES}/node{number}/meminfo") or "").splitlines():
        words = line.split()  # Node 0 MemTotal: 125508468 kB
        if words[2:3] == [f"{name}:"] and words[3:4] and words[3].isdigit():
            return int(words[3]) * 1024
    return None


def _numbers(host: Host) -> list[int]:
    return sorted(int(name[4:]) for name in host.list(_NODES) or () if name.startswith("node") and name[4:].isdigit())


def _lists_cpus(host: Host, number: int) -> bool:
    """Whether the node has a list of processors; an empty list means none, a missing one that they are unknown."""
    return host.read(f"{_NODES}/node{number}/cpulist") is not None


def _is_x86(host: Host) -> bool:
    architecture = host.machine_architecture()
    if architecture:
        return architecture.lower() in ("x86_64", "amd64", "i686")
    return any(line.startswith("flags") for line in (host.read("/proc/cpuinfo") or "")[:8192].splitlines())


def _gpus(host: Host) -> Iterator[tuple[str, int, int | None]]:
    """(bus id, vendor, node) of each GPU, without the display adapter of a management controller."""
    for bus_id in host.list(DEVICES) or ():
        vendor = host.read_int(f"{DEVICES}/{bus_id}/vendor")
        kind = (host.read_int(f"{DEVICES}/{bus_id}/class") or 0) >> 16
        if vendor is None:
            continue
        if (kind == DISPLAY and vendor in (_NVIDIA, _AMD, _INTEL)) or (kind == ACCELERATOR and vendor == _AMD):
            yield bus_id, vendor, numa_node(host, f"{DEVICES}/{bus_id}")
