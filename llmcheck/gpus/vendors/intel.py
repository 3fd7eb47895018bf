"""Intel: Arc and Data Center GPUs, programmed through Level Zero. PyTorch calls them XPU.

PyTorch's XPU builds contain an intermediate code that the driver compiles, so any build runs on any card.
"""

from __future__ import annotations

from llmcheck.gpus.vendors import TorchSupport, Vendor

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
)
