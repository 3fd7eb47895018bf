"""RDMA ports (InfiniBand, RoCE, EFA) from sysfs: Documentation/ABI/stable/sysfs-class-infiniband."""

from __future__ import annotations

import re

from llmcheck.probe._pci import numa_node
from llmcheck.schema.machine import FabricPort
from llmcheck.system.host import Host

DEVICES = "/sys/class/infiniband"
_BUS_ID = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"


def ports(host: Host) -> tuple[FabricPort, ...] | None:
    """The ports of all devices; None where sysfs is missing."""
    if host.list("/sys/class") is None:
        return None
    return tuple(
        _port(host, device, int(number), bus_id, node)
        for device in host.list(DEVICES) or ()
        for bus_id, node in [_slot(host, device)]
        for number in host.list(f"{DEVICES}/{device}/ports") or ()
        if number.isdigit()
    )


def _slot(host: Host, device: str) -> tuple[str | None, int | None]:
    """The adapter's PCI bus id and NUMA node; each None where it has none."""
    folder = f"{DEVICES}/{device}/device"
    name = host.resolve(folder).rpartition("/")[2]
    return (name if re.fullmatch(_BUS_ID, name) else None), numa_node(host, folder)


def _port(host: Host, device: str, number: int, bus_id: str | None, node: int | None) -> FabricPort:
    folder = f"{DEVICES}/{device}/ports/{number}"
    state = _word(host.read(f"{folder}/state"))
    rate = (host.read(f"{folder}/rate") or "").split()  # 400 Gb/sec (4X NDR)
    return FabricPort(
        device=device,
        port=number,
        link_layer=(host.read(f"{folder}/link_layer") or "").strip() or None,
        active=None if state is None else state == "ACTIVE",
        state=state,
        physical_state=_word(host.read(f"{folder}/phys_state")),
        rate_gbps=float(rate[0]) if rate and rate[0].replace(".", "", 1).isdigit() else None,
        link_downed=host.read_int(f"{folder}/counters/link_downed"),
        pci_bus_id=bus_id,
        numa_node=node,
    )


def _word(text: str | None) -> str | None:
    """The word after the number: ``ACTIVE`` for ``4: ACTIVE``."""
    return (text or "").rpartition(":")[2].strip() or None
