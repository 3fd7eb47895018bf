"""Intel Gaudi, by the name of its first maker: accelerators whose build of PyTorch comes from Intel alone."""

from __future__ import annotations

from llmcheck.gpus.vendors import Vendor

VENDOR = Vendor(
    id="habana",
    name="Gaudi",
    platform="hpu",
    platform_name="HPU",
    collectives="HCCL",
    hidden_by=("HABANA_VISIBLE_DEVICES", "HABANA_VISIBLE_MODULES"),
)
