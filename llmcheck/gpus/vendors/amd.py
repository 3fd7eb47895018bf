"""AMD: ROCm. A card's architecture is its gfx target (gfx942). Kernels run only on the target they are compiled for."""

from __future__ import annotations

import re

from llmcheck.gpus.unified_memory import RADEON, STRIX_HALO, SharedRam
from llmcheck.gpus.vendors import TorchSupport, Vendor
from llmcheck.schema.machine import Gpu
from llmcheck.tables.torch_wheel import TorchWheel

_INSTINCT = re.compile(r"\bMI\d{3}[AX]?\b", re.IGNORECASE)


_INTEGRATED = frozenset({"gfx1035", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153"})
"""Targets of integrated GPUs with enough compute units: Radeon 660M to 890M (LLVM's guide to its AMDGPU backend)."""
_INTEGRATED_NAMES = re.compile(r"\b(?:6[68]|7[468]|8[4689])0M\b")


def _runs_models(gpu: Gpu) -> bool:
    return gpu.gfx in _INTEGRATED or bool(_INTEGRATED_NAMES.search(gpu.name or ""))


def _has_kernels(wheel: TorchWheel, gpu: Gpu) -> bool:
    return gpu.gfx is None or gpu.gfx in wheel.gpu_archs


def _model_names(name: str) -> tuple[str, ...]:
    """Data centre cards report names that contain a board number."""
    model = _INSTINCT.search(name)
    return (f"Instinct {model[0]}",) if model else ()


VENDOR = Vendor(
    id="amd",
    name="AMD",
    name_words=("AMD",),
    ignored_words=("amd",),
    model_names=_model_names,
    platform="rocm",
    platform_name="ROCm",
    torch=TorchSupport(
        tag="rocm",
        rank=2,
        has_kernels=_has_kernels,
        elsewhere={"windows": "AMD's own wheels are at https://repo.amd.com/rocm/whl/, for Python 3.12"},
        without_kernels=(
            "HSA_OVERRIDE_GFX_VERSION makes some of these cards report another target; AMD does not support this, and "
            "users report hangs"
        ),
    ),
    llama_cpp="hip",
    collectives="RCCL",
    # xGMI: AMD's CDNA 3 and 4 white papers
    links_gb_s={
        "AMD Instinct MI250X": 700,
        "AMD Instinct MI300A": 384,
        "AMD Instinct MI300X": 896,
        "AMD Instinct MI325X": 896,
        "AMD Instinct MI350X": 1075.2,
        "AMD Instinct MI355X": 1075.2,
    },
    architecture_field="gfx",
    hidden_by=("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
    runs_models=_runs_models,
    processors={
        "AMD Ryzen AI Max+ 395 (Radeon 8060S)": STRIX_HALO,
        "AMD Instinct MI300A": SharedRam(max_processors=4, split=True),
        **{f"AMD Radeon {each}M Graphics": RADEON for each in (680, 760, 780, 840, 860, 880, 890)},
    },
)
