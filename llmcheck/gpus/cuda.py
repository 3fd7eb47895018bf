"""CUDA releases: the one of a build of PyTorch, and the oldest NVIDIA driver that runs it. The tables are data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from llmcheck.schema.machine import Gpu, capability_of
from llmcheck.tables.torch_wheel import CudaDriver

# First branch that knows Blackwell; that CUDA 12 builds need it there is practice, no published minimum.
_BLACKWELL, _DRIVER_OF_BLACKWELL = (10, 0), "570"


def cuda_of(tag: str) -> tuple[int, int] | None:
    """``cu126`` is CUDA 12.6; None for a build without CUDA."""
    match = re.fullmatch(r"cu(\d{2})(\d)", tag)
    return (int(match[1]), int(match[2])) if match else None


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare two of one scheme."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def min_driver(cuda: tuple[int, int], gpus: Iterable[Gpu], drivers: Sequence[CudaDriver]) -> CudaDriver | None:
    """The oldest driver of a CUDA release for these cards, with its source; for an unknown release, its major's."""
    of_major = [each for each in drivers if int(each.cuda.split(".")[0]) == cuda[0]]
    exact = next((each for each in of_major if each.cuda == f"{cuda[0]}.{cuda[1]}"), None)
    oldest = exact or (of_major[-1] if of_major else None)
    if oldest is None:
        return None
    blackwell = any((capability_of(gpu) or (0, 0)) >= _BLACKWELL for gpu in gpus)
    if blackwell and numbers(oldest.linux) < numbers(_DRIVER_OF_BLACKWELL):
        source = "Blackwell is in the driver since its branch 570; no published minimum of minor version compatibility"
        return replace(oldest, linux=_DRIVER_OF_BLACKWELL, windows=_DRIVER_OF_BLACKWELL, source=source)
    return oldest


def min_driver_version(driver: CudaDriver, system: str) -> str:
    """Its version on ``linux`` or ``windows``."""
    return driver.windows if system == "windows" else driver.linux
