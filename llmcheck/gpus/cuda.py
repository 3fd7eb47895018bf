"""CUDA releases: which one a build of PyTorch uses, and the oldest NVIDIA driver for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from llmcheck.schema.machine import Gpu, capability_of, version_numbers
from llmcheck.tables.torch_wheel import CudaDriver

# Driver branch 570 is the first that supports Blackwell. NVIDIA publishes no minimum for CUDA 12 builds on Blackwell.
_BLACKWELL, _BLACKWELL_DRIVER = (10, 0), "570"


def cuda_of(tag: str) -> tuple[int, int] | None:
    """The CUDA release of a build's tag: (12, 6) for ``cu126``; None for a build without CUDA."""
    match = re.fullmatch(r"cu(\d{2})(\d)", tag)
    return (int(match[1]), int(match[2])) if match else None


def min_driver(cuda: tuple[int, int], gpus: Iterable[Gpu], drivers: Sequence[CudaDriver]) -> CudaDriver | None:
    """The oldest driver that runs a CUDA release on these cards.

    A release that the table lacks gets the last row of its major version; None where the table lacks the major version.
    """
    same_major = [each for each in drivers if int(each.cuda.split(".")[0]) == cuda[0]]
    exact = next((each for each in same_major if each.cuda == f"{cuda[0]}.{cuda[1]}"), None)
    oldest = exact or (same_major[-1] if same_major else None)
    if oldest is None:
        return None
    blackwell = any((capability_of(gpu) or (0, 0)) >= _BLACKWELL for gpu in gpus)
    if blackwell and version_numbers(oldest.linux) < version_numbers(_BLACKWELL_DRIVER):
        source = "driver branch 570 is the first that supports Blackwell; NVIDIA publishes no minimum for this release"
        return replace(oldest, linux=_BLACKWELL_DRIVER, windows=_BLACKWELL_DRIVER, source=source)
    return oldest


def min_driver_version(driver: CudaDriver, system: str) -> str:
    """The version of that driver for ``linux`` or ``windows``."""
    return driver.windows if system == "windows" else driver.linux
