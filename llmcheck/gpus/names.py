"""Names of GPUs as messages and screens write them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from llmcheck.gpus import vendors
from llmcheck.schema.machine import Gpu


def full_name(gpu: Gpu) -> str:
    """The name that the driver reports; ``NVIDIA GPU`` for a GPU without one."""
    return gpu.name or f"{vendors.of(gpu).name} GPU"


def short_name(name: str | None) -> str:
    """The name without vendor and brand: ``RTX 4090`` for ``NVIDIA GeForce RTX 4090``; ``GPU`` for None."""
    words = (name or "GPU").split()
    while len(words) > 1 and words[0] in _brands():
        words = words[1:]
    return " ".join(words)


def in_words(gpus: Iterable[Gpu], size: Callable[[int], str]) -> str:
    """A list of GPUs, equal ones counted: ``2 x NVIDIA GeForce RTX 4090 (25.8 GB)``; ``no GPU`` for none.

    ``size`` formats a number of bytes in the unit of the surrounding text.
    """
    counts: dict[str, int] = {}
    for gpu in gpus:
        memory = "memory unknown" if gpu.memory_total is None else size(gpu.memory_total)
        name = f"{full_name(gpu)} ({memory})"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items()) or "no GPU"


@functools.cache
def _brands() -> frozenset[str]:
    return frozenset(word for vendor in vendors.every() for word in vendor.name_words)
