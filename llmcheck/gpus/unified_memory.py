"""What a GPU may have of memory that it shares with the processor, as it was seen on such machines."""

from __future__ import annotations

from llmcheck.units import GB, GIB

_METAL_LARGE = 36 * GIB
_SPARK = 125_508_468 * 1024
"""Bytes of a DGX Spark that its kernel reports (MemTotal in hwloc's tests/hwloc/linux at 3b37b02; 125,501,816 and
125,506,204 kB on two others), of 128 GiB that are built in."""


def metal(ram: int) -> int:
    """Bytes of a Mac's RAM that Metal may wire at once, where no limit was set.

    recommendedMaxWorkingSetSize in llama.cpp's logs: two thirds of 16 GiB (11453.25 MB, M1 Pro) and of 32 GiB
    (21845.34 MiB, M2 Max: ollama/ollama#434), three quarters of 36 GiB (28991.03 MB, M4 Max), 64 GiB (51539.61 MB, M2
    Max) and 96 GiB. Newer systems grant more (12713 MB of 16 GiB; 107.52 of 128 GiB: antirez/ds4#893), so it is low.
    """
    return ram * 3 // 4 if ram >= _METAL_LARGE else ram * 2 // 3


def metal_words(ram: int) -> str:
    return "three quarters" if ram >= _METAL_LARGE else "two thirds"


def as_built(ram: int) -> int:
    """Bytes of memory that is sold as so many GB: 64 GB are 64 GiB of chips. What is no whole GB stays."""
    return ram // GB * GIB if ram % GB == 0 else ram


def of_gb10(built_in: int) -> int:
    """Bytes that the kernel of a GB10 reports, and its GPU can have."""
    return built_in * _SPARK // (128 * GIB)
