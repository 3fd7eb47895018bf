"""AMD GPUs from sysfs: what the amdgpu kernel driver says, without any ROCm tool."""

from __future__ import annotations

from llmcheck.host import Host
from llmcheck.machine import Driver, Gpu, Problem
from llmcheck.probe import Reading, Request
from llmcheck.probe._pci import Display, displays
from llmcheck.units import GIB

VENDOR_ID = 0x1002
# The carve-out of an integrated GPU is at most this; discrete cards that run a documented tier start above it.
_INTEGRATED_AT_MOST = 4 * GIB


def probe(host: Host, _request: Request) -> Reading:
    cards = displays(host, VENDOR_ID) or ()
    if not cards:
        return Reading(gpus=())
    gpus = tuple(_gpu(host, index, card) for index, card in enumerate(cards))
    version = (host.read("/sys/module/amdgpu/version") or host.read("/opt/rocm/.info/version") or "").strip() or None
    working = any(card.driver == "amdgpu" for card in cards)
    problems = tuple(
        Problem(
            probe="gpu.amd",
            code="driver-not-loaded",
            message=f"the AMD GPU {card.bus_id} has no amdgpu driver",
            remedy="run 'sudo modprobe amdgpu'",
        )
        for card in cards
        if card.driver != "amdgpu"
    )
    return Reading(gpus=gpus, drivers={"amd": Driver(version=version)} if working else {}, problems=problems)


def _gpu(host: Host, index: int, card: Display) -> Gpu:
    total = host.read_int(f"{card.path}/mem_info_vram_total")
    used = host.read_int(f"{card.path}/mem_info_vram_used")
    name = (host.read(f"{card.path}/product_name") or "").strip() or f"AMD GPU [1002:{card.device:04x}]"
    bound = card.driver == "amdgpu"
    return Gpu(
        vendor="amd",
        index=index if bound else None,
        name=name,
        memory_total=total,
        memory_used=used,
        memory_free=None if total is None or used is None else total - used,
        usable=bound,
        fault=None if bound else "driver-not-loaded",
        integrated=total is not None and total <= _INTEGRATED_AT_MOST,
        pci_bus_id=card.bus_id,
    )
