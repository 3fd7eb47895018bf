"""GPUs and accelerators on the PCI bus, from sysfs, with or without a driver."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from llmcheck.probe._cgroup import restricts_devices
from llmcheck.probe.system import container_of
from llmcheck.schema.gpu import NOT_LISTABLE, NOT_LISTED
from llmcheck.schema.machine import Problem
from llmcheck.system.host import Host

DISPLAY = 0x03
"""PCI base class of VGA, 3D and other display controllers."""
ACCELERATOR = 0x12
"""PCI base class of processing accelerators, such as the MI300X."""
DEVICES = "/sys/bus/pci/devices"
DRIVER_NOT_LOADED = "driver-not-loaded"
"""The fault of a card that no suitable kernel driver is bound to."""

VFIO = "vfio-pci"
"""The kernel driver that holds a card for a virtual machine."""

_DXG = "/dev/dxg"
_MOST_NAMED = 8
# Documentation/admin-guide/devices.txt of Linux.
_NODE_MAJORS = {"nvidia": 195}
_DRM = "/sys/class/drm"
_CARD = r"card\d+"


class PciDevice(Struct, frozen=True):
    """A display controller or accelerator."""

    bus_id: str
    vendor: int
    device: int
    driver: str | None
    """The kernel driver that is bound to it; None without one."""
    path: str


def devices(host: Host, vendor: int, classes: Sequence[int] = (DISPLAY,)) -> tuple[PciDevice, ...] | None:
    """The devices with a vendor id and one of these classes, in bus order; None where that cannot be found out.

    Where the bus is missing, cards are read from /sys/class/drm, which need not have all of them.
    """
    entries = host.list(DEVICES)
    if entries is None:
        cards = [name for name in host.list(_DRM) or () if re.fullmatch(_CARD, name)]
        found = [_device(host, f"{_DRM}/{name}/device", None, vendor, classes) for name in cards]
    else:
        found = [_device(host, f"{DEVICES}/{bus_id}", bus_id, vendor, classes) for bus_id in entries]
    seen = tuple(sorted(filter(None, found), key=lambda device: (device.bus_id, device.path)))
    return seen if seen or is_complete(host) else None


def is_complete(host: Host) -> bool:
    """Whether a GPU that is not on the bus is not there. Windows shows its cards to WSL as /dev/dxg, and not there."""
    return host.list(DEVICES) is not None and not host.exists(_DXG)


def cannot_list(host: Host) -> Problem:
    """Why it is not known which GPUs there are, where no driver listed one."""
    describe = "describe the machine: --machine 'RX 7900 XTX, 64 GB RAM'"
    if host.exists(_DXG):
        message = (
            "the GPUs cannot be listed: Windows shows its cards to WSL as /dev/dxg, which does not tell them apart"
        )
        remedy = f"an NVIDIA card is listed with NVIDIA's driver for Windows; of another card {describe}"
    elif host.platform == "linux":
        message = f"the GPUs cannot be listed: {DEVICES} cannot be read here"
        remedy = f"run llmcheck outside of the container, or {describe}"
    else:
        message = "the GPUs cannot be listed: on Windows only those of NVIDIA can be, on macOS those of Apple silicon"
        remedy = describe
    return Problem(probe="gpu", code=NOT_LISTABLE, message=message, remedy=remedy)


def numa_node(host: Host, path: str) -> int | None:
    """The NUMA node that a device is attached to; None where it is unknown (the kernel writes -1)."""
    node = host.read_int(f"{path}/numa_node")
    return None if node is None or node < 0 else node


def bound_driver(host: Host, path: str) -> str | None:
    """The kernel driver that is bound to the device in a folder of sysfs; None without one."""
    return host.resolve(f"{path}/driver").rpartition("/")[2] if host.exists(f"{path}/driver") else None


def driver_problem(probe: str, device: PciDevice, name: str, drivers: Sequence[str], remedy: str) -> Problem:
    """The problem of a card that none of its ``drivers`` is bound to; ``remedy`` is for a card without any driver."""
    message = f"the {name} {device.bus_id} is not bound to the kernel driver {' or '.join(drivers)}"
    if device.driver:
        message += f"; it is bound to {device.driver}"
        remedy = f"unbind it from {device.driver} and bind it to {drivers[0]}"
    return Problem(probe=probe, code=DRIVER_NOT_LOADED, message=message, remedy=remedy)


def not_listed(
    host: Host, probe: str, name: str, driver: str, seen: Sequence[PciDevice], listed: Sequence[str | None]
) -> list[Problem]:
    """Cards on the bus that a working driver does not list, one problem for each kernel driver that has them.

    ``driver``: the kernel driver that should; ``listed``: bus ids of the cards that it lists, None for one that does
    not tell. Virtual functions are no cards. None where this process was given a part of the cards: a container has
    device nodes for its own only, and a job's control group or Slurm withholds the others.
    """
    cards = [card for card in seen if not host.exists(f"{card.path}/physfn")]
    known = {_short(bus_id) for bus_id in listed if bus_id}
    missing = [card for card in cards if _short(card.bus_id) not in known]
    if len(missing) <= sum(bus_id is None for bus_id in listed):
        return []
    bound = [card for card in cards if card.driver == driver]
    if _was_given_a_part(host, driver, len(bound), len(listed)):
        missing = [card for card in missing if card.driver != driver]
    by_driver: dict[str | None, list[PciDevice]] = {}
    for card in missing:
        by_driver.setdefault(card.driver, []).append(card)
    return [_missing(probe, name, driver, other, group, len(cards)) for other, group in by_driver.items()]


def in_words(cards: Sequence[PciDevice]) -> str:
    """``0000:3b:00.0 [10de:1eb8]``, for several cards a list."""
    named = [f"{card.bus_id} [{card.vendor:04x}:{card.device:04x}]" for card in cards[:_MOST_NAMED]]
    more = len(cards) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _missing(probe: str, name: str, driver: str, other: str | None, cards: Sequence[PciDevice], count: int) -> Problem:
    is_are = "is" if len(cards) == 1 else "are"
    which = f"{len(cards)} of the {count} {name} GPUs on the PCI bus {is_are}"
    if other == driver:
        message = f"{which} not listed by the driver, though bound to it: {in_words(cards)}"
        remedy = "look at 'dmesg' for messages of the driver; power the machine off and on, and check power and seating"
    elif other == VFIO:
        message = f"{which} reserved for virtual machines (bound to {VFIO}): {in_words(cards)}"
        remedy = f"to use it on this machine, unbind it from {VFIO} and bind it to {driver}"
    else:
        message = f"{which} not bound to the driver {driver}: {in_words(cards)}" + (
            f", bound to {other}" if other else ""
        )
        remedy = "look at 'dmesg': the installed driver may not support the card"
    return Problem(probe=probe, code=NOT_LISTED, message=message, remedy=remedy)


def _was_given_a_part(host: Host, driver: str, bound: int, listed: int) -> bool:
    """Whether fewer cards than the machine has were given to this process."""
    nodes = sum(bool(re.fullmatch(rf"{driver}\d+", name)) for name in host.list("/dev") or ())
    if nodes:
        major = _NODE_MAJORS.get(driver)
        limited = nodes < bound or (major is not None and restricts_devices(host, major))
    else:  # a container that shows no nodes may have been given some of the cards by other means
        limited = container_of(host) is not None
    given = host.environ.get("SLURM_GPUS_ON_NODE", "")
    return limited or given == str(listed) or ("SLURM_JOB_ID" in host.environ and not given)


def _short(bus_id: str) -> str:
    """A bus id without leading zeros: NVML writes the domain with eight digits, the kernel with four."""
    return bus_id.lower().lstrip("0")


def _device(host: Host, path: str, bus_id: str | None, vendor: int, classes: Sequence[int]) -> PciDevice | None:
    """The device in a folder; None if it has another vendor or class. The vendor is read first: most devices differ."""
    own = host.read_int(f"{path}/vendor")
    if own not in (vendor, None):
        return None
    uevent = _uevent(host, path)
    uevent_vendor, _, uevent_device = uevent.get("PCI_ID", "").partition(":")
    number = host.read_int(f"{path}/class") or _hexadecimal(uevent.get("PCI_CLASS"))
    if (own or _hexadecimal(uevent_vendor)) != vendor or number >> 16 not in classes:
        return None
    link = bound_driver(host, path)
    return PciDevice(
        bus_id or uevent.get("PCI_SLOT_NAME", ""),
        vendor,
        host.read_int(f"{path}/device") or _hexadecimal(uevent_device),
        uevent.get("DRIVER") or (None if link == "driver" else link),
        path,
    )


def _uevent(host: Host, path: str) -> dict[str, str]:
    """The device's uevent file: DRIVER, PCI_CLASS, PCI_ID, PCI_SLOT_NAME."""
    lines = (host.read(f"{path}/uevent") or "").splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def _hexadecimal(text: str | None) -> int:
    try:
        return int(text or "0", 16)
    except ValueError:
        return 0
