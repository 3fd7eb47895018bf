"""NVIDIA cards that are there and cannot be used, where no other can: nothing may be planned as if there were none."""

from __future__ import annotations

from llmcheck.gpus import vendors
from llmcheck.schema.machine import Gpu, Machine, counted_gpus

_NO_DEVICES = "no-devices"
_OF_DRIVER = ("driver-missing", "nouveau", "driver-not-loaded", "driver-mismatch", "no-device-nodes", "no-gpu-access")


def driver_fault(machine: Machine) -> str | None:
    """Why CUDA does not work, or its driver is missing although a card is there; None if it works, or there is none."""
    driver = vendors.driver_of(machine, "cuda")
    if driver is not None and driver.fault and driver.fault != _NO_DEVICES:  # it answers, and lists no card
        return driver.fault
    return next((gpu.fault for gpu in machine.gpus or () if _is_broken(gpu) and gpu.fault in _OF_DRIVER), None)


def unusable_card(machine: Machine) -> str | None:
    """Why a card that is there cannot be used until something is mended; None where no NVIDIA card is broken.

    For a machine without a usable one: a CPU build would hide the fault.
    """
    if vendors.on_platform(counted_gpus(machine), "cuda"):
        return None
    problems = {each.code: each for each in machine.problems}
    broken = [gpu for gpu in machine.gpus or () if _is_broken(gpu)]
    driver = vendors.driver_of(machine, "cuda")
    lists_none = _NO_DEVICES in problems or (driver is not None and driver.fault == _NO_DEVICES)
    code = next((gpu.fault for gpu in broken if gpu.fault), _NO_DEVICES if lists_none else None)
    if code is None:
        return None
    found = problems.get(code)
    what = (
        found.message
        if found
        else f"{next((gpu.name for gpu in broken), None) or 'an NVIDIA GPU'} cannot be used ({code})"
    )
    return f"{what}: {found.remedy}" if found and found.remedy else what


def _is_broken(gpu: Gpu) -> bool:
    on_cuda = vendors.of(gpu).platform == "cuda"
    return on_cuda and gpu.visible and not gpu.integrated and gpu.usable is False and gpu.parent is None
