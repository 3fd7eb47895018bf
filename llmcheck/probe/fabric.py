"""Connections to other machines, from sysfs: RDMA ports, network interfaces, and their access to GPU memory."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.probe import Reading, Request, _pci
from llmcheck.probe._infiniband import DEVICES, ports
from llmcheck.schema.machine import Fabric, Nic
from llmcheck.system.host import Host

_NET = "/sys/class/net"
_BONDING = "bonding_masters"
"""The one file among the interfaces."""
_MODULES = "/sys/module"
_AMAZON = 0x1D0F
# Elastic Fabric Adapters. Source: Linux drivers/infiniband/hw/efa/efa_main.c, its PCI id table; read 2026-11-22.
_EFA = frozenset({0xEFA0, 0xEFA1, 0xEFA2, 0xEFA3})


def probe(host: Host, _request: Request) -> Reading:
    names = host.list(_NET)
    fabric = Fabric(
        ports=ports(host),
        nics=_nics(host, names),
        interfaces=None if names is None else tuple(name for name in names if name != _BONDING),
        efa=_efa(host),
        gpudirect=_gpudirect(host),
    )
    where = {
        "ports": DEVICES,
        "nics": _NET,
        "interfaces": _NET,
        "efa": f"{_pci.DEVICES}, {DEVICES}",
        "gpudirect": _MODULES,
    }
    return Reading(
        fabric=fabric,
        sources={f"fabric.{name}": source for name, source in where.items() if getattr(fabric, name) is not None},
    )


def _nics(host: Host, names: Sequence[str] | None) -> tuple[Nic, ...] | None:
    """Interfaces with a hardware device, unlike bridges, tunnels and the veth of a container."""
    if names is None:
        return None
    return tuple(_nic(host, name) for name in names if host.exists(f"{_NET}/{name}/device"))


def _nic(host: Host, name: str) -> Nic:
    folder = f"{_NET}/{name}"
    speed = host.read_int(f"{folder}/speed")  # reading it fails while the link is down
    state = (host.read(f"{folder}/operstate") or "").strip()
    return Nic(
        name=name,
        # The kernel writes -1 for an unknown speed; older kernels write it as an unsigned 32-bit number.
        speed_mbps=speed if speed is not None and 0 < speed < 2**32 - 1 else None,
        up=None if state in ("", "unknown") else state == "up",
        driver=_pci.bound_driver(host, f"{folder}/device"),
        carrier_changes=host.read_int(f"{folder}/carrier_changes"),
    )


def _efa(host: Host) -> int | None:
    """The number of adapters, by PCI id or, where the bus is hidden, by driver; None where neither can be listed."""
    devices, adapters = host.list(_pci.DEVICES), host.list(DEVICES)
    if devices is None and adapters is None:
        return None
    on_bus = sum(
        host.read_int(f"{_pci.DEVICES}/{bus_id}/vendor") == _AMAZON
        and host.read_int(f"{_pci.DEVICES}/{bus_id}/device") in _EFA
        for bus_id in devices or ()
    )
    return max(on_bus, sum(_pci.bound_driver(host, f"{DEVICES}/{name}/device") == "efa" for name in adapters or ()))


def _gpudirect(host: Host) -> bool | None:
    """Whether network cards can access NVIDIA GPU memory; None without NVIDIA's kernel module.

    NVIDIA's open kernel module also exports GPU memory as dma-buf. No file shows whether the network driver uses that,
    so None without a peer module there.
    """
    if any(host.exists(f"{_MODULES}/{name}") for name in ("nvidia_peermem", "nv_peer_mem")):
        return True
    if not host.exists(f"{_MODULES}/nvidia"):
        return None
    return None if "Open Kernel Module" in (host.read("/proc/driver/nvidia/version") or "") else False
