"""Memory that a machine has available: of its GPUs, in groups that work together, and its RAM."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.gpus import names, unified_memory
from llmcheck.schema.machine import Gpu, Machine, counted_gpus, joint_gpus
from llmcheck.units import GIB, format_gb, format_gib

GPU_COUNTS = (
    1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096,
)  # fmt: skip
"""How many GPUs are tried, on this machine and on one with more of them."""


class Device(Struct, frozen=True, kw_only=True):
    gpu: Gpu
    total: int | None
    """Bytes; None where it could not be read."""
    free: int | None
    """Bytes available now, or when idle where that is asked; None where it could not be read."""


class Capacity(Struct, frozen=True, kw_only=True):
    groups: tuple[tuple[Device, ...], ...]
    """GPUs that one job can use together, the largest first in each; the group with most memory first."""
    ram: int | None
    """Bytes of RAM available; None where that is not known."""
    ram_stated: bool
    """False: nothing says how much RAM there is, and nothing is put there."""
    listed: bool
    """False: the GPUs could not be listed."""
    system: str | None
    """``linux``, ``windows``, ``darwin``; None where it is not known."""
    words: str
    """``2 x RTX 4090 (24.0 GiB), 64 GB RAM``."""
    assumptions: tuple[str, ...] = ()


def of(machine: Machine, *, assume_idle: bool = False) -> Capacity:
    """``assume_idle``: as if nothing else ran on it."""
    notes: list[str] = []
    groups = []
    for group in joint_gpus(counted_gpus(machine)):
        devices = [_device(gpu, machine, assume_idle, notes) for gpu in group]
        groups.append(tuple(sorted(devices, key=lambda each: -(each.free or 0))))
    groups.sort(key=lambda group: -sum(each.free or 0 for each in group))
    ram = machine.ram.usable or machine.ram.total
    if not assume_idle:  # a limit holds whatever the host has available
        ram = machine.ram.available if ram is None else min(machine.ram.available or ram, ram)
        ram = None if machine.ram.available is None else ram
    shared = sum(each.free or 0 for group in groups for each in group if each.gpu.unified)
    if ram is not None and shared:
        ram = max(ram - shared, 0)
    if assume_idle:
        notes.append("as if nothing else ran on this machine")
    return Capacity(
        groups=tuple(groups),
        ram=ram,
        ram_stated=machine.ram.total is not None or not machine.hypothetical,
        listed=machine.gpus is not None,
        system=machine.os.system if machine.os is not None else None,
        words=in_words(machine),
        assumptions=tuple(dict.fromkeys(notes)),
    )


def _device(gpu: Gpu, machine: Machine, assume_idle: bool, notes: list[str]) -> Device:
    share = unified_memory.share_of(gpu, machine.ram)
    if share.total is None:
        return Device(gpu=gpu, total=None, free=None)
    idle = share.total - (gpu.memory_reserved or 0)
    if assume_idle:
        return Device(gpu=gpu, total=share.total, free=idle)
    if share.free is None:
        notes.append("how much of the GPU memory is free is not known; it is counted as idle")
    return Device(gpu=gpu, total=share.total, free=idle if share.free is None else share.free)


def idle_cards(device: Device, count: int) -> tuple[Device, ...]:
    """So many cards of this kind on which nothing else runs."""
    return (replace(device, free=(device.total or 0) - (device.gpu.memory_reserved or 0)),) * count


def in_words(machine: Machine) -> str:
    """GPUs with their memory, and RAM: ``2 x NVIDIA GeForce RTX 4090 (24.0 GiB), 64.0 GB RAM``."""
    gpus = names.in_words(counted_gpus(machine), format_gib)
    ram = machine.ram.usable or machine.ram.total
    if not ram:
        return gpus
    # whole GiB are what a Mac has; 64 GB were written so
    return f"{gpus}, {format_gib(ram) if ram % GIB == 0 else format_gb(ram)} RAM"


def distinct(capacity: Capacity) -> Capacity:
    """The same without groups that are like one before them, such as slices of one card: they would hold the same."""
    kept: dict[tuple[object, ...], tuple[Device, ...]] = {}
    for group in capacity.groups:
        kept.setdefault(tuple((each.gpu.name, each.gpu.parent, each.total, each.free) for each in group), group)
    return capacity if len(kept) == len(capacity.groups) else replace(capacity, groups=tuple(kept.values()))


def equal(devices: Sequence[Device]) -> bool:
    """Whether they have much the same memory free, so that an even split is the best one."""
    sizes = [each.free or 0 for each in devices]
    return not sizes or min(sizes) > 0.9 * max(sizes)
