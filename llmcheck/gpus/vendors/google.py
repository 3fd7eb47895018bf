"""Google's TPUs. They appear only in cloud offers, and run no GPU software."""

from __future__ import annotations

from llmcheck.gpus.vendors import Vendor

VENDOR = Vendor(id="google", name="Google", is_gpu=False, platform="tpu", platform_name="TPU", has_driver=False)
