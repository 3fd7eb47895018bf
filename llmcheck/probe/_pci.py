"""Display-class devices on the PCI bus, from sysfs: what is plugged in, whatever the drivers say."""

from __future__ import annotations

from typing import NamedTuple

from llmcheck.host import Host

_DEVICES = "/sys/bus/pci/devices"


class Display(NamedTuple):
    """A VGA, 3D or other display controller (PCI base class 03)."""

    bus_id: str
    vendor: int
    device: int
    driver: str | None
    """The kernel driver bound to it; None where none is."""
    path: str


def displays(host: Host, vendor: int) -> tuple[Display, ...] | None:
    """Those of one vendor id, in bus order; None where the bus cannot be listed (no sysfs, WSL)."""
    entries = host.list(_DEVICES)
    if entries is None:
        return None
    found = []
    for bus_id in entries:
        path = f"{_DEVICES}/{bus_id}"
        if host.read_int(f"{path}/vendor") != vendor:
            continue
        if (host.read_int(f"{path}/class") or 0) >> 16 != 0x03:
            continue
        driver = host.resolve(f"{path}/driver").rpartition("/")[2] if host.exists(f"{path}/driver") else None
        found.append(Display(bus_id, vendor, host.read_int(f"{path}/device") or 0, driver, path))
    return tuple(found)
