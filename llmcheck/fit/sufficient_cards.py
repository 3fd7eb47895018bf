"""The smallest GPUs that would hold a model."""

from __future__ import annotations

from llmcheck.fit.capacity import Capacity, Device
from llmcheck.fit.placement import place
from llmcheck.fit.plans import training
from llmcheck.fit.use import ModelUse
from llmcheck.schema.machine import Gpu
from llmcheck.schema.outlook import Cards
from llmcheck.units import GIB

MEMORY_GB = (8, 12, 16, 24, 32, 48, 80, 96, 141, 192, 288)
"""What NVIDIA and AMD sell (the table of GPUs), without sizes that are close to another one."""
_COUNTS = (1, 2, 4, 8)
"""Of one machine: tensor parallelism divides the heads of most models by a power of two."""
_REPORTED = 0.93
"""GiB that the driver reports for each GB that is sold: 24 GB cards report 22.3 to 24 GiB."""
_RAM = 16 * GIB
"""Of the machine: llama.cpp keeps the embedding there."""
_BF16 = "8.0"
"""Compute capability from which NVIDIA's cards compute in bf16."""


def sufficient_cards(use: ModelUse) -> tuple[Cards, ...]:
    """One card that holds it, and a number of smaller ones; the fewest and smallest. () where not even eight do."""
    found: list[Cards] = []
    for count in _COUNTS:
        smallest = _smallest(use, count, found[-1].memory_gb if found else MEMORY_GB[-1] + 1)
        if smallest is not None:
            found.append(Cards(count=count, memory_gb=smallest))
        if len(found) == 2:
            break
    return tuple(found)


def _smallest(use: ModelUse, count: int, below: int) -> int | None:
    """Memory in GB of the smallest of ``count`` cards that hold it, less than ``below``; None where none does."""
    sizes = [size for size in MEMORY_GB if size < below]
    low, high = 0, len(sizes)
    while low < high:
        middle = (low + high) // 2
        if _fits(use, count, sizes[middle]):
            high = middle
        else:
            low = middle + 1
    return sizes[low] if low < len(sizes) else None


def _fits(use: ModelUse, count: int, memory_gb: int) -> bool:
    size = round(memory_gb * _REPORTED * GIB)
    if use.stored.total - use.stored.embedding > count * size:
        return False
    gpu = Gpu(vendor="nvidia", name=f"{memory_gb} GB card", memory_total=size, compute_capability=_BF16)
    cards = Capacity(
        groups=((Device(gpu=gpu, total=size, free=size),) * count,),
        ram=_RAM,
        ram_stated=True,
        gpus_listed=True,
        system="linux",
        description="",
    )
    if use.is_inference:
        return place(use, cards).verdict == "fits"
    return training.easiest(use, cards)[1].verdict == "fits"
