"""How much of the machine's RAM a GPU without memory of its own can use. The figures were read on real machines."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.gpu import CONTRADICTORY, IMPLAUSIBLE
from llmcheck.schema.machine import Gpu, Ram
from llmcheck.units import GB, GIB, format_gib

_METAL_LARGE = 36 * GIB
_SPARK = 125_508_468 * 1024
"""Bytes of a DGX Spark that its kernel reports (MemTotal in hwloc's tests/hwloc/linux at 3b37b02; 125,501,816 and
125,506,204 kB on two others), of 128 GiB that are built in."""


class SharedRam(Struct, frozen=True, kw_only=True):
    """How the GPU of a processor uses the machine's RAM. By default it may use all of it."""

    max_processors: int = 1
    """How many of these processors one machine can have."""
    split: bool = False
    """Whether the RAM is divided between several processors, so that a GPU uses only the part of its processor."""
    reported: Callable[[int], int] = lambda size: size
    """Bytes of RAM that the system reports, given the bytes that the machine is sold with."""
    granted: Callable[[int], int] = lambda ram: ram
    """Bytes that the GPU may use, given the bytes that the system reports and no limit set by the user."""
    note: Callable[[int], str | None] = lambda _ram: None
    """The assumption behind ``granted`` and ``reported`` for a machine with so many bytes of RAM; None without one."""

    def per_gpu(self, ram: int, count: int) -> int:
        """Bytes for each GPU of a machine with ``count`` of these processors and ``ram`` bytes of RAM."""
        return self.granted(ram // count if self.split else ram)


class UsableMemory(Struct, frozen=True, kw_only=True):
    """Memory that a GPU may use, in bytes; each None where it is not known."""

    total: int | None
    free: int | None


def usable_memory(gpu: Gpu, ram: Ram) -> UsableMemory:
    """The memory that a GPU may use: what it reports, if it has memory of its own.

    A unified GPU may use up to its limit where one is known (``Gpu.memory_total``), else all the RAM that this process
    may use. Its free memory is the smallest figure that the GPU and the system report; None where neither reports one.
    Both are None where its figures cannot be true.
    """
    if not gpu.unified or gpu.fault in (IMPLAUSIBLE, CONTRADICTORY):
        return UsableMemory(total=gpu.memory_total, free=gpu.memory_free)
    total = next((size for size in (gpu.memory_total, ram.usable, ram.total) if size is not None), None)
    if total is None or (gpu.memory_free is None and ram.available is None):
        return UsableMemory(total=total, free=None)
    return UsableMemory(total=total, free=_smallest(total, gpu.memory_free, ram.available, ram.usable))


def with_usable_memory(gpu: Gpu, ram: Ram) -> Gpu:
    """The GPU with its usable memory as total and free; unchanged where it has memory of its own."""
    if not gpu.unified or gpu.fault in (IMPLAUSIBLE, CONTRADICTORY):
        return gpu
    usable = usable_memory(gpu, ram)
    return replace(gpu, memory_total=usable.total, memory_free=usable.free)


def metal_limit(ram: int) -> int:
    """Bytes of a Mac's RAM that Metal may wire at once, where the user has set no limit.

    recommendedMaxWorkingSetSize in llama.cpp's logs: two thirds of 16 GiB (11453.25 MB, M1 Pro) and of 32 GiB
    (21845.34 MiB, M2 Max: ollama/ollama#434), three quarters of 36 GiB (28991.03 MB, M4 Max), 64 GiB (51539.61 MB, M2
    Max) and 96 GiB. Newer systems grant more (12713 MB of 16 GiB; 107.52 of 128 GiB: antirez/ds4#893), so the figure
    is a lower bound.
    """
    return ram * 3 // 4 if ram >= _METAL_LARGE else ram * 2 // 3


def metal_fraction(ram: int) -> str:
    """The fraction behind ``metal_limit``, in words."""
    return "three quarters" if ram >= _METAL_LARGE else "two thirds"


def installed_bytes(ram: int) -> int:
    """Bytes of memory that is sold as so many GB: 64 GB are 64 GiB of chips. Any other size is unchanged."""
    return ram // GB * GIB if ram % GB == 0 else ram


def _gb10_reported(ram: int) -> int:
    return installed_bytes(ram) * _SPARK // (128 * GIB)


def _smallest(*sizes: int | None) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


APPLE = SharedRam(
    reported=installed_bytes,
    granted=metal_limit,
    note=lambda ram: f"{metal_fraction(ram)} of the RAM counts as GPU memory, the default limit of macOS",
)
GB10 = SharedRam(
    reported=_gb10_reported,
    note=lambda ram: f"{format_gib(ram)} of RAM is assumed: a DGX Spark with 128 GiB reports 119.7 GiB",
)
STRIX_HALO = SharedRam(
    granted=lambda ram: ram * 3 // 4,
    note=lambda _ram: "three quarters of the RAM counts as GPU memory; the system may have to be configured for that",
)
