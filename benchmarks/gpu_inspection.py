"""The inspection of llmcheck against ``nvidia-smi -q -x``, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from llmcheck.schema.machine import Gpu, Machine

_MIB = 2**20
_NEAR = 64 * _MIB
"""Memory in use changes between two readings."""


@dataclass(frozen=True)
class Field:
    """One fact as both say it, in words."""

    name: str
    ours: str
    theirs: str
    equal: bool


def compared(machine: Machine, report: str) -> list[Field]:
    """``report``: what ``nvidia-smi -q -x`` prints. Cards are matched by PCI address. Raises ParseError."""
    root = ElementTree.fromstring(report)
    driver = machine.drivers.get("nvidia")
    found = [
        _same("driver", driver.version if driver else None, root.findtext("driver_version")),
        _same("CUDA of the driver", driver.cuda_version if driver else None, root.findtext("cuda_version")),
    ]
    cards = {_bus(gpu.pci_bus_id): gpu for gpu in machine.gpus or () if gpu.vendor == "nvidia" and gpu.parent is None}
    theirs = {_bus(each.get("id")): each for each in root.findall("gpu")}
    found.append(_same("number of GPUs", len(cards), len(theirs)))
    for bus, element in theirs.items():
        gpu = cards.get(bus)
        if gpu is not None:
            found += [
                Field(f"{bus} {each.name}", each.ours, each.theirs, each.equal) for each in _of_card(gpu, element)
            ]
    return found


def _of_card(gpu: Gpu, element: ElementTree.Element) -> Iterator[Field]:
    def text(path: str) -> str | None:
        return element.findtext(path)

    yield _same("name", gpu.name, text("product_name"))
    yield _memory("memory", gpu.memory_total, text("fb_memory_usage/total"))
    yield _memory("memory in use", gpu.memory_used, text("fb_memory_usage/used"), near=_NEAR)
    yield _memory("memory reserved", gpu.memory_reserved, text("fb_memory_usage/reserved"), near=_NEAR)
    link = gpu.pcie
    yield _same(
        "PCIe generation", link.generation if link else None, text("pci/pci_gpu_link_info/pcie_gen/current_link_gen")
    )
    yield _same(
        "PCIe lanes", link.width if link else None, _lanes(text("pci/pci_gpu_link_info/link_widths/current_link_width"))
    )
    yield _same("persistence mode", _switch(gpu.persistence_mode), text("persistence_mode"))
    yield _same("compute mode", gpu.compute_mode, _words(text("compute_mode")))
    yield _same("MIG mode", _switch(gpu.mig_mode), text("mig_mode/current_mig"))
    yield _same("ECC mode", _switch(gpu.ecc.mode) if gpu.ecc else None, text("ecc_mode/current_ecc"))
    yield _number(
        "power limit (W)",
        gpu.power_limit_w,
        _first(text, "gpu_power_readings/current_power_limit", "power_readings/power_limit"),
        1,
    )
    yield _number("temperature (C)", gpu.temperature_c, text("temperature/gpu_temp"), 5)


def _first(text: Callable[[str], str | None], *paths: str) -> str | None:
    return next((found for path in paths if (found := text(path)) is not None), None)


def _same(name: str, ours: object, theirs: object) -> Field:
    """What neither has is the same."""
    here, there = _shown(ours), _shown(theirs)
    return Field(name, here, there, here == there)


def _memory(name: str, ours: int | None, theirs: str | None, near: int = _MIB) -> Field:
    size = _value(theirs)
    there = None if size is None else round(size * _MIB)
    equal = ours is there is None or (ours is not None and there is not None and abs(ours - there) <= near)
    return Field(name, "unknown" if ours is None else f"{ours // _MIB} MiB", theirs or "unknown", equal)


def _number(name: str, ours: float | None, theirs: str | None, near: float) -> Field:
    there = _value(theirs)
    equal = ours is there is None or (ours is not None and there is not None and abs(ours - there) <= near)
    return Field(name, _shown(ours), theirs or "unknown", equal)


def _value(text: str | None) -> float | None:
    try:
        return float((text or "").split()[0])
    except (IndexError, ValueError):
        return None


def _shown(value: object) -> str:
    return (
        "unknown" if value in (None, "", "N/A", "[N/A]", "Requested functionality has been deprecated") else str(value)
    )


def _switch(value: bool | None) -> str | None:
    return None if value is None else "Enabled" if value else "Disabled"


def _words(text: str | None) -> str | None:
    """``Exclusive_Process`` as llmcheck has it."""
    return None if text is None else text.lower().replace("_", "-")


def _lanes(text: str | None) -> str | None:
    return None if text is None else text.removesuffix("x")


def _bus(address: str | None) -> str:
    return (address or "").lower().lstrip("0")
