"""Intel Gaudi (Habana) accelerators, from the PCI bus and the files of the habanalabs driver."""

from __future__ import annotations

from llmcheck.probe import Reading, Request, _pci
from llmcheck.probe._pci import ACCELERATOR, DISPLAY, DRIVER_NOT_LOADED, PciDevice, driver_problem, numa_node
from llmcheck.schema.machine import Driver, Gpu, Problem
from llmcheck.system.host import Host

VENDOR_ID = 0x1DA3

_PROBE = "gpu.habana"
_DRIVER = "habanalabs"
# By PCI device id; cards that share an id (HL-225B, C, H) share a name. Sources: HabanaAI/hl-thunk-open
# pci_ids.h, and the id tables of the habanalabs driver and of rdma-core's hbl provider; read 2026-11-22.
_NAMES = {
    0x1000: "HL-205 (Gaudi)",
    0x1001: "HL-205 (Gaudi)",
    0x1010: "HL-205 (Gaudi)",
    0x1011: "HL-205 (Gaudi)",
    0x1020: "HL-225 (Gaudi2)",
    0x1021: "HL-288 (Gaudi2)",
    0x1060: "HL-325L (Gaudi3)",
    0x1063: "HL-338 (Gaudi3)",
}
# hl-smi reads the memory size through an ioctl of the driver.
_MEMORY_UNKNOWN = "the memory size of a Gaudi is not in sysfs: what its name is sold with counts; 'hl-smi' shows it"
_INSTALL = "install Intel's Gaudi software and run 'sudo modprobe habanalabs'"


def probe(host: Host, _request: Request) -> Reading:
    seen = _pci.devices(host, VENDOR_ID, (ACCELERATOR, DISPLAY))
    if seen is None:
        return Reading(gpus=None)
    cards = [card for card in seen if card.device != 0x0001]  # 0x0001 is Goya, which needs other software
    if not cards:
        return Reading(gpus=(), sources={"gpus": "no Gaudi on the PCI bus"})
    gpus = tuple(_gpu(host, card, index) for index, card in enumerate(cards))
    working = [card for card in cards if card.driver == _DRIVER]
    problems = [driver_problem(_PROBE, card, "Gaudi", (_DRIVER,), _INSTALL) for card in cards if card.driver != _DRIVER]
    if working:
        problems.append(Problem(probe=_PROBE, code="memory-unknown", message=_MEMORY_UNKNOWN))
    version = (host.read(f"/sys/module/{_DRIVER}/version") or "").strip() or None
    return Reading(
        gpus=gpus,
        drivers={"habana": Driver(version=version)} if working else {},
        problems=tuple(problems),
        sources={"gpus": "PCI bus and /sys/class/accel"},
    )


def _gpu(host: Host, card: PciDevice, index: int) -> Gpu:
    bound = card.driver == _DRIVER
    return Gpu(
        vendor="habana",
        index=_minor(host, card, index) if bound else None,
        name=_NAMES.get(card.device) or f"Gaudi [1da3:{card.device:04x}]",
        usable=bound,
        fault=None if bound else DRIVER_NOT_LOADED,
        pci_bus_id=card.bus_id,
        numa_node=numa_node(host, card.path),
    )


def _minor(host: Host, card: PciDevice, index: int) -> int:
    """The driver's number of the card: 7 for accel7, or hl7 in older kernels; else its position on the bus."""
    for folder, prefix in (("accel", "accel"), ("habanalabs", "hl")):
        for name in host.list(f"{card.path}/{folder}") or ():
            number = name.removeprefix(prefix)
            if number != name and number.isdecimal():
                return int(number)
    return index
