"""Intel GPUs from sysfs: cards and the graphics of CPUs, distinguished by their device ids.

Programs see each tile of a Data Center GPU Max as a device, unless ZE_FLAT_DEVICE_HIERARCHY is COMPOSITE. So each tile
is listed as a GPU here, where the driver lists tiles.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from llmcheck.gpus.unified_memory import DRIVER_LIMIT, vulkan_heap
from llmcheck.probe import Reading, Request, _pci
from llmcheck.probe._pci import ACCELERATOR, DISPLAY, DRIVER_NOT_LOADED, PciDevice, driver_problem, numa_node
from llmcheck.probe.gpu._visible import visible_intel
from llmcheck.schema.machine import Driver, Gpu, Problem
from llmcheck.system.host import Host

VENDOR_ID = 0x8086

_PROBE = "gpu.intel"
_DRIVERS = ("xe", "i915")

# Device ids of cards, first and last of each family: the kernel's include/drm/intel/pciids.h, read 2026-11-22.
# A device outside these families is the graphics of a CPU if it is on PCI bus 00.
_CARDS = (
    (0x0B69, 0x0B6E, "Intel(R) Data Center GPU Max"),
    (0x0BD0, 0x0BEF, "Intel(R) Data Center GPU Max"),
    (0x4905, 0x4909, "Intel(R) Iris(R) Xe MAX Graphics"),
    (0x5690, 0x56BF, "Intel(R) Arc(TM) Graphics"),
    (0x56C0, 0x56C2, "Intel(R) Data Center GPU Flex"),
    (0xE200, 0xE2FF, "Intel(R) Arc(TM) Graphics"),
)
# Graphics of processors that people run models on; the others are named by their id.
_INTEGRATED = {
    0x64A0: "Intel(R) Arc(TM) Graphics 130V / 140V",
    0x7D51: "Intel(R) Arc(TM) Graphics 130T / 140T",
    0x7D55: "Intel(R) Arc(TM) Graphics",
}
# Names of single ids, as Level Zero and PyTorch print them. Sources: Mesa's and compute-runtime's device tables, and
# device lines of xpu-smi in public logs for 0xE211, 0xE212 and 0xE223; read 2026-11-22.
_NAMES = {
    0x0BD5: "Intel(R) Data Center GPU Max 1550",
    0x0BDA: "Intel(R) Data Center GPU Max 1100",
    0x5690: "Intel(R) Arc(TM) A770M Graphics",
    0x5691: "Intel(R) Arc(TM) A730M Graphics",
    0x5692: "Intel(R) Arc(TM) A550M Graphics",
    0x5693: "Intel(R) Arc(TM) A370M Graphics",
    0x5694: "Intel(R) Arc(TM) A350M Graphics",
    0x56A0: "Intel(R) Arc(TM) A770 Graphics",
    0x56A1: "Intel(R) Arc(TM) A750 Graphics",
    0x56A2: "Intel(R) Arc(TM) A580 Graphics",
    0x56A5: "Intel(R) Arc(TM) A380 Graphics",
    0x56A6: "Intel(R) Arc(TM) A310 Graphics",
    0x56B3: "Intel(R) Arc(TM) Pro A60 Graphics",
    0x56C0: "Intel(R) Data Center GPU Flex 170",
    0x56C1: "Intel(R) Data Center GPU Flex 140",
    0xE20B: "Intel(R) Arc(TM) B580 Graphics",
    0xE20C: "Intel(R) Arc(TM) B570 Graphics",
    0xE211: "Intel(R) Arc(TM) Pro B60 Graphics",
    0xE212: "Intel(R) Arc(TM) Pro B50 Graphics",
    0xE223: "Intel(R) Arc(TM) Pro B70 Graphics",
}


def probe(host: Host, _request: Request) -> Reading:
    cards = _pci.devices(host, VENDOR_ID, (DISPLAY, ACCELERATOR))
    if cards is None:
        return Reading(gpus=None)
    # Level Zero lists cards before the graphics of the CPU.
    ordered = sorted(cards, key=lambda card: (_is_integrated(card), card.bus_id))
    if not ordered:
        return Reading(gpus=(), sources={"gpus": "no Intel display device on the PCI bus"})
    devices = [device for card in ordered for device in _devices(host, card)]
    visible = visible_intel(host.environ, [tiles for _, tiles in devices])
    gpus = tuple(
        replace(gpu, index=position, visible=position in visible) if gpu.usable else replace(gpu, visible=False)
        for position, (gpu, _) in enumerate(devices)
    )
    problems = [
        driver_problem(_PROBE, card, "Intel GPU", _DRIVERS, "run 'sudo modprobe xe'")
        for card in ordered
        if not _is_integrated(card) and card.driver not in _DRIVERS
    ]
    problems += [_memory_unknown(gpu) for gpu in gpus if gpu.usable and not gpu.integrated and gpu.memory_total is None]
    return Reading(
        gpus=gpus,
        drivers=_driver(host, ordered),
        problems=tuple(problems),
        sources={"gpus": "PCI bus and sysfs of i915 or xe"},
    )


def _is_integrated(card: PciDevice) -> bool:
    if _family(card.device):
        return False
    return card.bus_id.startswith("0000:00:")


def _family(device: int) -> str | None:
    return next((name for first, last, name in _CARDS if first <= device <= last), None)


def _devices(host: Host, card: PciDevice) -> list[tuple[Gpu, int]]:
    """The devices of a card as programs see them, each with its number of tiles: the card, or each tile."""
    bound = card.driver in _DRIVERS
    integrated = _is_integrated(card)
    gpu = Gpu(
        vendor="intel",
        name=_NAMES.get(card.device) or f"{_family(card.device) or 'Intel GPU'} [8086:{card.device:04x}]",
        usable=bound or integrated,
        fault=None if bound or integrated else DRIVER_NOT_LOADED,
        integrated=integrated,
        unified=integrated,
        pci_bus_id=card.bus_id,
        numa_node=numa_node(host, card.path),
    )
    if integrated:
        ram = host.memory()[0]
        most = None if ram is None else vulkan_heap(ram)
        name = _INTEGRATED.get(card.device) or gpu.name
        pool = None if most is None else DRIVER_LIMIT
        return [(replace(gpu, name=name, memory_total=most, memory_pool=pool), 1)]
    tiles = _tiles(host, card)
    if len(tiles) > 1 and host.environ.get("ZE_FLAT_DEVICE_HIERARCHY", "FLAT").upper() != "COMPOSITE":
        return [(replace(gpu, memory_total=size), 1) for size in tiles]
    if tiles:
        return [(replace(gpu, memory_total=None if None in tiles else sum(size or 0 for size in tiles)), len(tiles))]
    return [(replace(gpu, memory_total=_lmem(host, card)), 1)]


def _tiles(host: Host, card: PciDevice) -> list[int | None]:
    """Bytes of each tile from the xe driver, the driver's own part included; empty without tiles, as under i915."""
    names = sorted(name for name in host.list(card.path) or () if re.fullmatch(r"tile\d+", name))
    sizes = []
    for name in names:
        tile = f"{card.path}/{name}"
        size = host.read_int(f"{tile}/physical_vram_size_bytes")
        sizes.append(size or host.read_int(f"{tile}/memory/physical_vram_size_bytes"))
    return sizes


def _lmem(host: Host, card: PciDevice) -> int | None:
    """Bytes of memory from Intel's own i915 driver; None under the i915 of stock kernels."""
    folder = f"{card.path}/drm"
    places = [card.path, *(f"{folder}/{name}" for name in host.list(folder) or () if name.startswith("card"))]
    if card.path.endswith("/device"):
        places.append(card.path.removesuffix("/device"))
    return next((size for size in (host.read_int(f"{place}/lmem_total_bytes") for place in places) if size), None)


def _memory_unknown(gpu: Gpu) -> Problem:
    return Problem(
        probe=_PROBE,
        code="memory-unknown",
        message=f"the driver of the Intel GPU {gpu.pci_bus_id} does not report its memory size",
        remedy="'xpu-smi discovery' shows it; the xe driver of newer kernels reports it",
    )


def _driver(host: Host, cards: list[PciDevice]) -> dict[str, Driver]:
    """The driver of the cards; empty with integrated graphics only. Drivers of stock kernels have no version."""
    names = [card.driver for card in cards if not _is_integrated(card) and card.driver in _DRIVERS]
    if not names:
        return {}
    return {"intel": Driver(version=(host.read(f"/sys/module/{names[0]}/version") or "").strip() or None)}
