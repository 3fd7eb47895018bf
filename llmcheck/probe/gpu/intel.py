"""Intel GPUs from sysfs: the graphics of a CPU sit on PCI bus 00, cards do not."""

from __future__ import annotations

from llmcheck.host import Host
from llmcheck.machine import Gpu
from llmcheck.probe import Reading, Request
from llmcheck.probe._pci import displays

VENDOR_ID = 0x8086


def probe(host: Host, _request: Request) -> Reading:
    return Reading(
        gpus=tuple(
            Gpu(
                vendor="intel",
                index=index,
                name=f"Intel GPU [8086:{card.device:04x}]",
                integrated=card.bus_id.startswith("0000:00:"),
                pci_bus_id=card.bus_id,
            )
            for index, card in enumerate(displays(host, VENDOR_ID) or ())
        )
    )
