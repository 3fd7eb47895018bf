"""GPUs and systems that PyTorch's index has a build for: where programs run that bring no kernels of their own."""

from __future__ import annotations

from llmcheck.runtimes.behaviour.interface import Platform

ROCM = (
    "gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1150",
    "gfx1151", "gfx1200", "gfx1201",
)  # fmt: skip
PLATFORMS = (
    # of the embedded chips, Orin's has wheels
    Platform(vendor="nvidia", min_compute_capability=(5, 0), embedded=((8, 7),)),
    Platform(vendor="amd", gfx=ROCM, systems=("linux",)),
    Platform(vendor="intel", systems=("linux", "windows")),
    Platform(vendor="apple"),
)
"""The union of the advised rows of ``data/torch_wheels.csv``; a test compares them."""
