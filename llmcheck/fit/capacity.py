"""What a machine has to give: the memory of its GPUs that can be had now, in groups that work together, and its RAM."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from llmcheck.schema.machine import Gpu, Machine, counted_gpus, joint_gpus
from llmcheck.units import GIB, format_gb, format_gib


class Device(Struct, frozen=True, kw_only=True):
    gpu: Gpu
    total: int | None
    """Bytes; None where it could not be read."""
    free: int | None
    """Bytes that can be had now, or when idle where that is asked; None where it could not be read."""


class Capacity(Struct, frozen=True, kw_only=True):
    groups: tuple[tuple[Device, ...], ...]
    """GPUs that one job can use together, the largest first in each; the group with most memory first."""
    ram: int | None
    """Bytes of RAM that can be had; None where that is not known."""
    ram_stated: bool
    """False: nothing says how much RAM there is, and nothing is put there."""
    listed: bool
    """False: the GPUs could not be listed."""
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
        words=in_words(machine),
        assumptions=tuple(dict.fromkeys(notes)),
    )


def _device(gpu: Gpu, machine: Machine, assume_idle: bool, notes: list[str]) -> Device:
    total = gpu.memory_total or (machine.ram.total if gpu.unified else None)
    if total is None:
        return Device(gpu=gpu, total=None, free=None)
    idle = total - (gpu.memory_reserved or 0)
    if assume_idle:
        return Device(gpu=gpu, total=total, free=idle)
    if gpu.unified:
        available = machine.ram.available
        return Device(gpu=gpu, total=total, free=total if available is None else min(total, available))
    if gpu.memory_free is None:
        notes.append("how much of the GPU memory is free is not known; it is counted as idle")
        return Device(gpu=gpu, total=total, free=idle)
    return Device(gpu=gpu, total=total, free=gpu.memory_free)


def in_words(machine: Machine) -> str:
    counts: dict[str, int] = {}
    for gpu in counted_gpus(machine):
        size = "memory unknown" if gpu.memory_total is None else format_gib(gpu.memory_total)
        name = f"{gpu.name or f'{gpu.vendor} GPU'} ({size})"
        counts[name] = counts.get(name, 0) + 1
    parts = [name if count == 1 else f"{count} x {name}" for name, count in counts.items()] or ["no GPU"]
    ram = machine.ram.usable or machine.ram.total
    # whole GiB are what a Mac has; 64 GB were written so
    said = "" if not ram else f"{format_gib(ram) if ram % GIB == 0 else format_gb(ram)} RAM"
    return ", ".join([*parts, *([said] if said else [])])


def without_vendor(name: str | None) -> str:
    """``RTX 4090`` for ``NVIDIA GeForce RTX 4090``."""
    words = (name or "GPU").split()
    while len(words) > 1 and words[0] in {"NVIDIA", "AMD", "Intel", "GeForce", "Apple", "Tesla"}:
        words = words[1:]
    return " ".join(words)


def equal(devices: Sequence[Device]) -> bool:
    """Whether they have much the same memory free, so that an even split is the best one."""
    sizes = [each.free or 0 for each in devices]
    return not sizes or min(sizes) > 0.9 * max(sizes)
