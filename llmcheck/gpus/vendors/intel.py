"""Intel: Arc and Data Center GPUs, programmed through Level Zero. PyTorch calls them XPU.

PyTorch's XPU builds contain an intermediate code that the driver compiles, so any build runs on any card.
"""

from __future__ import annotations

import re

from llmcheck.gpus.unified_memory import INTEL
from llmcheck.gpus.vendors import TorchSupport, Vendor
from llmcheck.schema.machine import Gpu

# Windows writes "Intel(R) Arc(TM) 140V GPU (16GB)", Mesa "Intel(R) Arc(TM) Graphics (MTL)".
_INTEGRATED = re.compile(r"\bArc(?:\(TM\))? (?:Graphics|GPU|1[34]0[TV]|B3[79]0)\b")


def _runs_models(gpu: Gpu) -> bool:
    return bool(_INTEGRATED.search(gpu.name or ""))


VENDOR = Vendor(
    id="intel",
    name="Intel",
    name_words=("Intel",),
    ignored_words=("intel",),
    platform="xpu",
    platform_name="XPU",
    torch=TorchSupport(tag="xpu", rank=3),
    llama_cpp="vulkan",
    collectives="oneCCL",
    hidden_by=("ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR"),
    processors={f"Intel(R) Arc(TM) Graphics{each}": INTEL for each in ("", " 130T / 140T", " 130V / 140V")},
    runs_models=_runs_models,
)
