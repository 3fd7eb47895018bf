"""What a machine has to run a model: memory of its GPUs, in groups that one job can use together, RAM, programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.fit.installed import NOTHING_KNOWN, Installed, installed
from llmcheck.gpus import names, unified_memory, vendors
from llmcheck.gpus.c_library import WheelSite
from llmcheck.runtimes import Runtime
from llmcheck.schema.machine import Cpu, Gpu, Machine, counted_gpus, joint_gpus
from llmcheck.units import format_gib

GPU_COUNTS = (
    1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096,
)  # fmt: skip
"""Numbers of GPUs to try, on this machine and on one with more of them."""


NODE_GPUS = 8
"""How many GPUs of a kind one machine has at most: HGX boards and 8-way servers. More of them are a cluster."""


class Device(Struct, frozen=True, kw_only=True):
    """A GPU and the memory of it that a new process can use."""

    gpu: Gpu
    total: int | None
    """Bytes that programs can have, which is what a server takes its share of; None where it could not be read."""
    free: int | None
    """Bytes available now, or on an idle GPU with ``assume_idle``; None where it could not be read."""


class Capacity(Struct, frozen=True, kw_only=True):
    """Available memory of one machine, and what else decides how a model is run there."""

    groups: tuple[tuple[Device, ...], ...]
    """GPUs that one job can use together, most free memory first in each group; the group with most memory first."""
    ram: int | None
    """Bytes of RAM available, without what unified GPUs may use; None where it is not known."""
    ram_stated: bool
    """False: a hypothetical machine without a RAM size; nothing is placed in RAM."""
    gpus_listed: bool
    """False: the GPUs could not be listed."""
    system: str | None
    """``linux``, ``windows``, ``darwin``; None where it is not known."""
    libc: str | None = None
    """The C library, as in ``Os.libc``; None where it is not known."""
    description: str
    """``2 x RTX 4090 (24.0 GiB), 59.6 GiB RAM``."""
    installed: Installed = NOTHING_KNOWN
    """What is there of the programs that run a model."""
    cpu: Cpu = Cpu()
    """Its processors, which tell how fast RAM is read."""
    drivers: Mapping[str, str] = {}
    """Versions of the drivers, by vendor; one that is not named is not known."""
    assumptions: tuple[str, ...] = ()
    """What was assumed about this memory, in sentences."""

    def site_for(self, runtime: Runtime) -> WheelSite | None:
        """Where its wheels would be installed; None for a runtime that is there already."""
        return None if self.installed.has(runtime) else WheelSite(self.libc)


def of(machine: Machine, *, assume_idle: bool = False) -> Capacity:
    """``assume_idle``: as if no other process ran on the machine."""
    notes: list[str] = []
    groups = []
    for group in joint_gpus(vendors.for_models(machine)):
        devices = [_device(gpu, machine, assume_idle, notes) for gpu in group]
        groups.append(tuple(sorted(devices, key=lambda each: -(each.free or 0))))
    groups.sort(key=lambda group: -sum(each.free or 0 for each in group))
    ram = machine.ram.usable or machine.ram.total
    if not assume_idle:
        ram = machine.ram.available if ram is None else min(machine.ram.available or ram, ram)
        ram = None if machine.ram.available is None else ram
    devices = [each for group in groups for each in group]
    shared = sum(each.free or 0 for each in devices if unified_memory.is_in_ram(each.gpu, machine.ram))
    ram = unified_memory.ram_left(ram, shared)
    notes += [f"{names.full_name(gpu)} is not used: {why}" for gpu, why in _too_old(machine)]
    if assume_idle:
        notes.append("as if no other process ran on this machine")
    return Capacity(
        groups=tuple(groups),
        ram=ram,
        ram_stated=machine.ram.total is not None or not machine.hypothetical,
        gpus_listed=machine.gpus is not None,
        system=machine.os.system if machine.os is not None else None,
        libc=machine.os.libc if machine.os is not None else None,
        description=in_words(machine),
        cpu=machine.cpu,
        installed=installed(machine),
        drivers={vendor: driver.version for vendor, driver in machine.drivers.items() if driver.version},
        assumptions=tuple(dict.fromkeys(notes)),
    )


def _too_old(machine: Machine) -> Iterator[tuple[Gpu, str]]:
    for gpu in counted_gpus(machine):
        least = vendors.of(gpu).least_capability
        if least is not None and vendors.is_too_old(gpu):
            yield gpu, f"current software computes on compute capability {least[0]}.{least[1]} or newer"


def _device(gpu: Gpu, machine: Machine, assume_idle: bool, notes: list[str]) -> Device:
    share = unified_memory.usable_memory(gpu, machine.ram)
    if share.total is None:
        return Device(gpu=gpu, total=None, free=None)
    idle = share.total - (gpu.memory_reserved or 0)
    if assume_idle:
        return Device(gpu=gpu, total=idle, free=idle)
    if share.free is None:
        notes.append("the free GPU memory is not known; the GPU is counted as idle")
    return Device(gpu=gpu, total=idle, free=idle if share.free is None else share.free)


def used_by_others(device: Device) -> int:
    """Bytes that other processes use on this GPU; 0 where that is not known."""
    if device.total is None or device.free is None:
        return 0
    return max(device.total - device.free, 0)


def idle_cards(device: Device, count: int) -> tuple[Device, ...]:
    """``count`` GPUs of this kind on which no other process runs."""
    return (replace(device, free=device.total or 0),) * count


def in_words(machine: Machine) -> str:
    """GPUs with their memory, and RAM: ``2 x NVIDIA GeForce RTX 4090 (24.0 GiB), 59.6 GiB RAM``."""
    shown = counted_gpus(machine) or vendors.for_models(machine)
    gpus = names.in_words([unified_memory.with_usable_memory(gpu, machine.ram) for gpu in shown], format_gib)
    if machine.gpus is None:
        gpus = "GPUs unknown"
    ram = machine.ram.usable or machine.ram.total
    return f"{gpus}, {format_gib(ram)} RAM" if ram else gpus


def distinct(capacity: Capacity) -> Capacity:
    """The same without groups that are like one before them, such as slices of one card: they would hold the same."""
    kept: dict[tuple[object, ...], tuple[Device, ...]] = {}
    for group in capacity.groups:
        kept.setdefault(tuple((each.gpu.name, each.gpu.parent, each.total, each.free) for each in group), group)
    return capacity if len(kept) == len(capacity.groups) else replace(capacity, groups=tuple(kept.values()))


def have_equal_memory(devices: Sequence[Device]) -> bool:
    """Whether their free memory differs by less than 10 %, so that an even split is best."""
    sizes = [each.free or 0 for each in devices]
    return not sizes or min(sizes) > 0.9 * max(sizes)
