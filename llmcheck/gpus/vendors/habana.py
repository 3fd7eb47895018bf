"""Intel Gaudi accelerators (the id is the name of their first maker). Only Intel distributes PyTorch for them."""

from __future__ import annotations

from llmcheck.gpus.vendors import Vendor

VENDOR = Vendor(
    id="habana",
    name="Gaudi",
    platform="hpu",
    platform_name="HPU",
    torch_from="Intel's own software for Gaudi (https://docs.habana.ai)",
    collectives="HCCL",
    memory_by_name=True,
    # Ethernet on the card: Intel's Gaudi 3 white paper
    links_gb_s={"HL-225 (Gaudi2)": 600, "HL-325L (Gaudi3)": 1200},
    hidden_by=("HABANA_VISIBLE_DEVICES", "HABANA_VISIBLE_MODULES"),
)
