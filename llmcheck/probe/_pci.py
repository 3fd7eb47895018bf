"""GPUs and accelerators on the PCI bus, from sysfs: what is plugged in, whatever the drivers say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from llmcheck.system.host import Host

DISPLAY = 0x03
"""PCI base class of VGA, 3D and other display controllers."""
ACCELERATOR = 0x12
"""PCI base class of processing accelerators."""

_DEVICES = "/sys/bus/pci/devices"
_DRM = "/sys/class/drm"
_CARD = r"card\d+"


class Display(Struct, frozen=True):
    """A device of one of the classes that were asked for."""

    bus_id: str
    vendor: int
    device: int
    driver: str | None
    """The kernel driver bound to it; None where none is."""
    path: str


def displays(host: Host, vendor: int, classes: Sequence[int] = (DISPLAY,)) -> tuple[Display, ...] | None:
    """Those of one vendor id, in bus order; None where the bus cannot be listed (no sysfs, WSL).

    A tree without the bus may still show its cards under /sys/class/drm.
    """
    entries = host.list(_DEVICES)
    if entries is None:
        cards = [name for name in host.list(_DRM) or () if re.fullmatch(_CARD, name)]
        if not cards:
            return None
        found = (_device(host, f"{_DRM}/{name}/device", None, vendor, classes) for name in cards)
    else:
        found = (_device(host, f"{_DEVICES}/{bus_id}", bus_id, vendor, classes) for bus_id in entries)
    return tuple(sorted(filter(None, found), key=lambda device: (device.bus_id, device.path)))


def numa_node(host: Host, path: str) -> int | None:
    """The NUMA node that a device hangs on; None where there is one node only (the kernel says -1) or none is told."""
    node = host.read_int(f"{path}/numa_node")
    return None if node is None or node < 0 else node


def _device(host: Host, path: str, bus_id: str | None, vendor: int, classes: Sequence[int]) -> Display | None:
    """The device in this folder, if it is one that was asked for; its vendor is asked first, for most are not."""
    own = host.read_int(f"{path}/vendor")
    if own not in (vendor, None):
        return None
    told = _uevent(host, path)
    told_vendor, _, told_device = told.get("PCI_ID", "").partition(":")
    number = host.read_int(f"{path}/class") or _hexadecimal(told.get("PCI_CLASS"))
    if (own or _hexadecimal(told_vendor)) != vendor or number >> 16 not in classes:
        return None
    link = host.resolve(f"{path}/driver").rpartition("/")[2] if host.exists(f"{path}/driver") else None
    return Display(
        bus_id or told.get("PCI_SLOT_NAME", ""),
        vendor,
        host.read_int(f"{path}/device") or _hexadecimal(told_device),
        told.get("DRIVER") or (None if link == "driver" else link),
        path,
    )


def _uevent(host: Host, path: str) -> dict[str, str]:
    """The kernel's own words on a device: DRIVER, PCI_CLASS, PCI_ID, PCI_SLOT_NAME."""
    lines = (host.read(f"{path}/uevent") or "").splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def _hexadecimal(text: str | None) -> int:
    try:
        return int(text or "0", 16)
    except ValueError:
        return 0
