"""How much of the machine's RAM a GPU may use that has no memory of its own, as it was seen on such machines."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.machine import Gpu, Ram
from llmcheck.units import GB, GIB, format_gib

_METAL_LARGE = 36 * GIB
_SPARK = 125_508_468 * 1024
"""Bytes of a DGX Spark that its kernel reports (MemTotal in hwloc's tests/hwloc/linux at 3b37b02; 125,501,816 and
125,506,204 kB on two others), of 128 GiB that are built in."""


class SharedRam(Struct, frozen=True, kw_only=True):
    """How the GPU of a processor uses the machine's RAM. The default is one that may use all of it."""

    most: int = 1
    """How many such processors one machine can have."""
    split: bool = False
    """Each of several processors has its own part of the RAM, and its GPU uses that alone."""
    reported: Callable[[int], int] = lambda size: size
    """Bytes of RAM that the system reports of so many bytes that a machine is sold with."""
    granted: Callable[[int], int] = lambda ram: ram
    """Bytes that the GPU may use of so many bytes that the system reports, unless a limit was set."""
    note: Callable[[int], str | None] = lambda _ram: None
    """What is assumed by ``granted`` and ``reported``, in words."""

    def of_gpu(self, ram: int, count: int) -> int:
        """Bytes for each GPU, where ``count`` such processors have that RAM together."""
        return self.granted(ram // count if self.split else ram)


class Share(Struct, frozen=True, kw_only=True):
    """What a GPU may use, in bytes; each None where it is not known."""

    total: int | None
    free: int | None


def share_of(gpu: Gpu, ram: Ram) -> Share:
    """What a GPU may use. One with memory of its own: what it reports.

    A unified one: its own limit where one was read or set (``Gpu.memory_total``), else all the RAM that this process
    may use; of that, what both the GPU and the system report as free, None where neither does.
    """
    if not gpu.unified:
        return Share(total=gpu.memory_total, free=gpu.memory_free)
    total = next((size for size in (gpu.memory_total, ram.usable, ram.total) if size is not None), None)
    if total is None or (gpu.memory_free is None and ram.available is None):
        return Share(total=total, free=None)
    return Share(total=total, free=_least(total, gpu.memory_free, ram.available, ram.usable))


def with_share(gpu: Gpu, ram: Ram) -> Gpu:
    """The GPU with what it may use as its memory; unchanged where it has memory of its own."""
    if not gpu.unified:
        return gpu
    share = share_of(gpu, ram)
    return replace(gpu, memory_total=share.total, memory_free=share.free)


def metal(ram: int) -> int:
    """Bytes of a Mac's RAM that Metal may wire at once, where no limit was set.

    recommendedMaxWorkingSetSize in llama.cpp's logs: two thirds of 16 GiB (11453.25 MB, M1 Pro) and of 32 GiB
    (21845.34 MiB, M2 Max: ollama/ollama#434), three quarters of 36 GiB (28991.03 MB, M4 Max), 64 GiB (51539.61 MB, M2
    Max) and 96 GiB. Newer systems grant more (12713 MB of 16 GiB; 107.52 of 128 GiB: antirez/ds4#893), so it is low.
    """
    return ram * 3 // 4 if ram >= _METAL_LARGE else ram * 2 // 3


def metal_words(ram: int) -> str:
    return "three quarters" if ram >= _METAL_LARGE else "two thirds"


def as_built(ram: int) -> int:
    """Bytes of memory that is sold as so many GB: 64 GB are 64 GiB of chips. What is no whole GB stays."""
    return ram // GB * GIB if ram % GB == 0 else ram


def _of_gb10(ram: int) -> int:
    return as_built(ram) * _SPARK // (128 * GIB)


def _least(*sizes: int | None) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


APPLE = SharedRam(
    reported=as_built,
    granted=metal,
    note=lambda ram: f"{metal_words(ram)} of the RAM count as GPU memory, the usual share that macOS grants",
)
GB10 = SharedRam(
    reported=_of_gb10,
    note=lambda ram: f"{format_gib(ram)} are counted: of 128 GiB the kernel of a DGX Spark reports 119.7",
)
STRIX_HALO = SharedRam(
    granted=lambda ram: ram * 3 // 4,
    note=lambda _ram: "three quarters of the RAM count as GPU memory; the system may have to be set to grant that much",
)
