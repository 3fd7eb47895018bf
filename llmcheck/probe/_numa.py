"""NUMA nodes: their memory and processors, the GPUs that hang on them, and which of them are a GPU's own memory."""

from __future__ import annotations

from collections.abc import Iterator

from llmcheck.schema.machine import NumaNode
from llmcheck.system.host import Host

_NODES = "/sys/devices/system/node"
_DEVICES = "/sys/bus/pci/devices"
_NVIDIA, _AMD, _INTEL = 0x10DE, 0x1002, 0x8086
# PCI base classes: 03 is display controllers (3D controllers among them), 12 processing accelerators (MI300X).
_DISPLAY, _ACCELERATOR = 0x03, 0x12


def nodes(host: Host) -> tuple[NumaNode, ...]:
    """Those that have processors or memory; the empty ones that Grace keeps for MIG instances are left out.

    Memory without processors is a GPU's where NVIDIA puts it there: Grace Hopper, and POWER9 with NVLink. On x86 it is
    an expander (CXL), persistent memory or a processor's HBM, which programs use like any RAM.
    """
    gpus = tuple(_gpus(host))
    bus_seen = host.list(_DEVICES) is not None
    coherent = not _is_x86(host) and (not bus_seen or any(vendor == _NVIDIA for _, vendor, _ in gpus))
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
                    accelerator_memory=coherent and cpus is None and _can_tell_cpus(host, number),
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


def _can_tell_cpus(host: Host, number: int) -> bool:
    """An empty list means no processors; a list that is not there means nothing."""
    return host.read(f"{_NODES}/node{number}/cpulist") is not None


def _is_x86(host: Host) -> bool:
    architecture = host.machine_architecture()
    if architecture:
        return architecture.lower() in ("x86_64", "amd64", "i686")
    return any(line.startswith("flags") for line in (host.read("/proc/cpuinfo") or "")[:8192].splitlines())


def _gpus(host: Host) -> Iterator[tuple[str, int, int | None]]:
    """(bus id, vendor, node) of each GPU; a management controller's screen adapter is none."""
    for bus_id in host.list(_DEVICES) or ():
        vendor = host.read_int(f"{_DEVICES}/{bus_id}/vendor")
        kind = (host.read_int(f"{_DEVICES}/{bus_id}/class") or 0) >> 16
        if vendor is None:
            continue
        if (kind == _DISPLAY and vendor in (_NVIDIA, _AMD, _INTEL)) or (kind == _ACCELERATOR and vendor == _AMD):
            node = host.read_int(f"{_DEVICES}/{bus_id}/numa_node")  # -1: the firmware does not say
            yield bus_id, vendor, node if node is not None and node >= 0 else None
