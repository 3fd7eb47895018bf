"""Apple silicon: Metal. The GPU is part of the processor and uses the Mac's RAM.

PyTorch has one build for macOS, which supports Metal, so there is no choice of a build.
"""

from __future__ import annotations

from llmcheck.gpus.unified_memory import APPLE
from llmcheck.gpus.vendors import Vendor

VENDOR = Vendor(
    id="apple",
    name="Apple",
    name_words=("Apple",),
    pro_is_variant=True,
    platform="metal",
    platform_name="Metal",
    llama_cpp="metal",
    has_context=False,
    has_driver=False,
    system=("darwin", "arm64"),
    shared_ram=APPLE,
)
