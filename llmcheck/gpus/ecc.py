"""Memory that error correction takes of a card: on GDDR the check bits lie in the memory itself, on HBM beside it."""

from __future__ import annotations

from llmcheck.schema.machine import Gpu
from llmcheck.units import GIB

# 1/16 of the memory (NVIDIA, Tesla K80 and M40 board specifications; nvidia-smi lines in public logs: K80 11441 of
# 12206 MiB, M40 24GB 22945 of 24478 MiB, A10 22731 of 24564 MiB; read 2026-11-27).
_PARTS = 16
_LEAST, _MOST = 0.04, 0.08
"""Shares of the memory that are missing; a driver keeps less than the first for itself."""
_FASTEST_GDDR = 2000
"""GB/s; what is faster has HBM (GDDR7 of the RTX 5090: 1,792)."""


def taken(gpu: Gpu) -> int | None:
    """Bytes of a card with ECC on that it is sold with and does not report; None where nothing is missing for it.

    By the size in the table where the card is known, else by the share that ECC takes.
    """
    if gpu.ecc is None or not gpu.ecc.mode or not gpu.memory_total or gpu.parent is not None:
        return None
    if gpu.spec is None or gpu.spec.memory_gb is None:
        return gpu.memory_total // (_PARTS - 1) if (gpu.name or "").startswith("Tesla K") else None
    if (gpu.spec.bandwidth_gb_s or 0.0) > _FASTEST_GDDR:
        return None
    missing = 1 - gpu.memory_total / (gpu.spec.memory_gb * GIB)
    return round(gpu.spec.memory_gb * GIB) - gpu.memory_total if _LEAST < missing < _MOST else None
