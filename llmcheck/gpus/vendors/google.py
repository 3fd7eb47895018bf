"""Google's TPUs, known from offers alone: they run no software for GPUs."""

from __future__ import annotations

from llmcheck.gpus.vendors import Vendor

VENDOR = Vendor(id="google", name="Google", is_gpu=False, platform="tpu", platform_name="TPU", has_driver=False)
