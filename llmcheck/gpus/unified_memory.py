"""Memory that a GPU shares with the processor: the one rule for inventory, judging, fitting and machines in words.

By kind (``Gpu.memory_pool``): a carve-out of the firmware lies outside the RAM that the system reports, and is memory
of the GPU alone. Everything else is RAM: what AMD's driver may map (GTT), what macOS lets the GPU keep, what an
integrated GPU's driver offers, or all of it (GB10, Jetson, MI300A). Grace has memory of its own beside that of its GPU,
and the kernel's nodes tell them apart (``probe.memory``). The figures were read on real machines.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.gpu import CARVE_OUT, CONTRADICTORY, IMPLAUSIBLE
from llmcheck.schema.machine import Gpu, Ram
from llmcheck.units import GB, GIB, format_gib

GTT, WIRED_LIMIT, DRIVER_LIMIT = "gtt", "wired-limit", "driver-limit"
"""Values of ``Gpu.memory_pool`` for parts of the RAM."""
_METAL_LARGE = 36 * GIB
_HEAP_LARGE = 4 * GIB
_N1X = "N1X"
_SPARK = 125_508_468 * 1024
"""Bytes of a DGX Spark that its kernel reports (MemTotal in hwloc's tests/hwloc/linux at 3b37b02; 125,501,816 and
125,506,204 kB on two others), of 128 GiB that are built in."""


class SharedRam(Struct, frozen=True, kw_only=True):
    """How the GPU of a processor uses the machine's RAM. By default it may use all of it."""

    max_processors: int = 1
    """How many of these processors one machine can have."""
    integrated: bool = False
    """Whether it is the graphics of a processor that was not made for models: it runs them, but counts for no tier."""
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


def is_in_ram(gpu: Gpu, ram: Ram) -> bool:
    """Whether the memory of a GPU is part of the RAM that the system reports: what one of them uses the other lacks.

    False for a card with memory of its own, and for a carve-out. A unified GPU of unknown kind that has more memory
    than the system reports can only have a carve-out; what a driver may map (GTT) can be set higher than the RAM.
    """
    if not gpu.unified or gpu.memory_pool == CARVE_OUT:
        return False
    has_more = gpu.memory_total is not None and ram.total is not None and gpu.memory_total > ram.total
    return gpu.memory_pool is not None or not has_more


def usable_memory(gpu: Gpu, ram: Ram) -> UsableMemory:
    """The memory that a GPU may use: what it reports, if it has memory of its own or a carve-out.

    A GPU that uses the RAM may use up to its limit where one is known (``Gpu.memory_total``), but no more RAM than this
    process may. Its free memory is what both the GPU and the RAM can give; None where neither reports any. Both are
    None where its figures cannot be true.
    """
    if gpu.fault in (IMPLAUSIBLE, CONTRADICTORY) or not is_in_ram(gpu, ram):
        return UsableMemory(total=gpu.memory_total, free=gpu.memory_free)
    most = ram.usable if ram.usable is not None else ram.total
    total = _smallest(gpu.memory_total, most, _offered(gpu, ram))
    if total is None or (gpu.memory_free is None and ram.available is None):
        return UsableMemory(total=total, free=None)
    return UsableMemory(total=total, free=_smallest(total, gpu.memory_free, ram.available))


def with_usable_memory(gpu: Gpu, ram: Ram) -> Gpu:
    """The GPU with its usable memory as total and free; unchanged where it has memory of its own."""
    if gpu.fault in (IMPLAUSIBLE, CONTRADICTORY) or not is_in_ram(gpu, ram):
        return gpu
    usable = usable_memory(gpu, ram)
    return replace(gpu, memory_total=usable.total, memory_free=usable.free)


def ram_left(ram: int | None, shared: int) -> int | None:
    """Bytes of RAM beside GPUs that use ``shared`` bytes of it; None where the RAM is not known."""
    return None if ram is None else max(ram - shared, 0)


def metal_limit(ram: int) -> int:
    """Bytes of a Mac's RAM that Metal may wire at once, where the user has set no limit.

    recommendedMaxWorkingSetSize in llama.cpp's logs: two thirds of 16 GiB (11453.25 MB, M1 Pro) and of 32 GiB
    (21845.34 MiB, M2 Max: ollama/ollama#434), three quarters of 36 GiB (28991.03 MB, M4 Max), 64 GiB (51539.61 MB, M2
    Max) and 96 GiB. Newer systems grant more (12713 MB of 16 GiB; 107.52 of 128 GiB: antirez/ds4#893), so the figure
    is a lower bound.
    """
    return ram * 3 // 4 if ram >= _METAL_LARGE else ram * 2 // 3


def vulkan_heap(ram: int) -> int:
    """Bytes of RAM that Mesa's Vulkan driver offers on Intel's integrated GPUs: half of up to 4 GiB, else 3/4.

    Source: Mesa, src/intel/vulkan/anv_device.c, read 2026-11-27.
    """
    return ram * 3 // 4 if ram > _HEAP_LARGE else ram // 2


def metal_fraction(ram: int) -> str:
    """The fraction behind ``metal_limit``, in words."""
    return "three quarters" if ram >= _METAL_LARGE else "two thirds"


def installed_bytes(ram: int) -> int:
    """Bytes of memory that is sold as so many GB: 64 GB are 64 GiB of chips. Any other size is unchanged."""
    return ram // GB * GIB if ram % GB == 0 else ram


def _gb10_reported(ram: int) -> int:
    return installed_bytes(ram) * _SPARK // (128 * GIB)


def _offered(gpu: Gpu, ram: Ram) -> int | None:
    """Bytes that CUDA offers of the RAM, where that is not all of it and nothing on the machine says how much."""
    return N1X.granted(ram.total) if ram.total is not None and _N1X in (gpu.name or "") else None


def _smallest(*sizes: int | None) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


APPLE = SharedRam(
    reported=installed_bytes,
    granted=metal_limit,
    note=lambda ram: f"{metal_fraction(ram)} of the RAM counts as GPU memory, the default limit of macOS",
)
GB10 = SharedRam(
    max_processors=2,
    split=True,
    reported=_gb10_reported,
    note=lambda ram: (
        f"{format_gib(ram)} of RAM is assumed: a DGX Spark with 128 GiB reports 119.7 GiB"
        + ("; two of them, joined by their network, count as one machine" if ram > 128 * GIB else "")
    ),
)
INTEL = SharedRam(
    integrated=True,
    granted=vulkan_heap,
    note=lambda _ram: "three quarters of the RAM counts as GPU memory, what Mesa's Vulkan driver offers",
)
RADEON = SharedRam(
    integrated=True,
    granted=lambda ram: ram // 2,
    note=lambda _ram: (
        "half of the RAM counts as GPU memory, what the driver maps by default (ttm.pages_limit sets more)"
    ),
)
"""drivers/gpu/drm/ttm/ttm_module.c of Linux, read 2026-11-27."""
N1X = SharedRam(
    granted=lambda ram: ram * 4 // 5,
    note=lambda _ram: "four fifths of the RAM count as GPU memory: CUDA offered 45.4 of 54.2 GiB on such a machine",
)
"""NVML reported 8,128 MiB there, a carve-out (unslothai/unsloth#11208, 2026-09-17)."""
NVIDIA_CHIPS = frozenset({"5.3", "6.2", "7.2", "8.7", "11.0", "12.1"})
"""Compute capabilities of GPUs that are part of a processor: Jetson, Thor, GB10 and N1X (NVIDIA's CUDA GPUs page). What
NVML says of their memory is nothing, the RAM or a small carve-out, by driver; CUDA allocates from the RAM."""
STRIX_HALO = SharedRam(
    granted=lambda ram: ram * 3 // 4,
    note=lambda _ram: "three quarters of the RAM counts as GPU memory; the system may have to be configured for that",
)
