"""Facts that cannot be true are unknown, with the reason: of a live driver as of a saved file.

Facts that decide together fall together: where one figure of a memory is impossible or contradicts another, nothing
says which of them is right, and all of that memory is unknown.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from llmcheck.schema import fact_bounds as bounds
from llmcheck.schema.age import implausible_time
from llmcheck.schema.duplicates import Doubt, number, without_duplicates
from llmcheck.schema.fact_bounds import Bound
from llmcheck.schema.gpu import CARVE_OUT, CONTRADICTORY, IMPLAUSIBLE, Gpu
from llmcheck.schema.machine import Cpu, Disk, Fabric, Limits, Machine, ModelCache, Problem, Ram, Rlimit, capability_of
from llmcheck.units import MIB, format_gib

_S = TypeVar("_S", bound=Any)

# Sizes are rounded to MiB and read one after the other.
_ROUNDING = 64 * MIB
# What a driver takes for itself and for ECC and does not list: 1/16 on cards with GDDR memory.
_UNLISTED_SHARE = 1 / 8
_UNLISTED = 1024 * MIB
_MOST_NAMED = 3

_GPU = {
    "index": ("index", bounds.INDEX),
    "nvlinks": ("number of NVLinks", bounds.NVLINKS),
    "bar1_total": ("BAR1", bounds.GPU_MEMORY_PART),
    "temperature_c": ("temperature", bounds.TEMPERATURE),
    "power_limit_w": ("power limit", bounds.WATTS),
    "numa_node": ("NUMA node", bounds.NUMA_NODE),
}
_PCIE = {
    "generation": ("PCIe generation", bounds.PCIE_GENERATION),
    "max_generation": ("PCIe generation", bounds.PCIE_GENERATION),
    "width": ("number of PCIe lanes", bounds.PCIE_LANES),
    "max_width": ("number of PCIe lanes", bounds.PCIE_LANES),
    "card_width": ("number of PCIe lanes", bounds.PCIE_LANES),
}
_ECC = {
    "uncorrected_errors": ("number of memory errors", bounds.COUNTED),
    "sram_corrected_volatile": ("number of memory errors", bounds.COUNTED),
    "sram_uncorrected_volatile": ("number of memory errors", bounds.COUNTED),
    "dram_corrected_volatile": ("number of memory errors", bounds.COUNTED),
    "dram_uncorrected_volatile": ("number of memory errors", bounds.COUNTED),
    "sram_corrected_aggregate": ("number of memory errors", bounds.COUNTED),
    "sram_uncorrected_aggregate": ("number of memory errors", bounds.COUNTED),
    "dram_corrected_aggregate": ("number of memory errors", bounds.COUNTED),
    "dram_uncorrected_aggregate": ("number of memory errors", bounds.COUNTED),
    "remapped_rows": ("number of remapped rows", bounds.COUNTED),
    "remapped_rows_corrected": ("number of remapped rows", bounds.COUNTED),
    "retired_pages": ("number of retired pages", bounds.COUNTED),
}
_CLOCKS = {
    "graphics_application_mhz": ("clock", bounds.CLOCK_MHZ),
    "graphics_max_mhz": ("clock", bounds.CLOCK_MHZ),
    "memory_application_mhz": ("clock of the memory", bounds.CLOCK_MHZ),
    "memory_max_mhz": ("clock of the memory", bounds.CLOCK_MHZ),
}
_SPEC = (
    "memory_gb", "bandwidth_gb_s", "bf16_tflops", "fp16_tflops", "fp8_tflops", "nvlink_gb_s", "tdp_w",
)  # fmt: skip
_CPU = {
    "sockets": ("number of sockets", bounds.PROCESSORS),
    "cores": ("number of cores", bounds.PROCESSORS),
    "threads": ("number of threads", bounds.PROCESSORS),
    "threads_affinity": ("number of threads of this process", bounds.PROCESSORS),
    "threads_usable": ("number of usable threads", bounds.PROCESSORS),
    "quota": ("CPU quota", bounds.PROCESSORS_OF_TIME),
}
_RAM = {
    "total": ("RAM", bounds.RAM),
    "limit": ("limit of the RAM", bounds.RAM),
    "usable": ("usable RAM", bounds.RAM),
    "available": ("available RAM", bounds.RAM_PART),
}
_SWAP = {"swap_total": ("swap", bounds.RAM_PART), "swap_free": ("free swap", bounds.RAM_PART)}
_SHM = {"shm_size": ("shared memory", bounds.RAM_PART), "shm_free": ("free shared memory", bounds.RAM_PART)}


def plausible(machine: Machine, now: datetime.datetime) -> Machine:
    """The machine with each fact that cannot be true set to None, and a Problem for each reason.

    Unchanged where every fact can be true; the same again where it was applied before. A card that is listed twice, by
    PCI address or UUID, is kept once. A GPU whose memory is impossible gets ``usable = None`` and a ``fault``, so that
    nothing is placed on it. ``now``: a machine cannot be collected after it (with a time zone). Never raises.
    """
    doubts: list[Doubt] = []
    found = without_duplicates(machine, doubts)
    ram = _ram(found.ram, doubts)
    unknown_ram = any(getattr(ram, name) is None and getattr(found.ram, name) is not None for name in _RAM)
    changes = {
        "collected_at": _collected_at(found, now, doubts),
        "ram": ram,
        "cpu": _cpu(found.cpu, doubts),
        "disks": _each(found.disks, lambda disk: _disk(disk, doubts)),
        "nvme_drives": _each(
            found.nvme_drives,
            lambda drive: _bounded(drive, {"size": ("size", bounds.NETWORK_DISK)}, "drives", drive.name, doubts),
        ),
        "model_caches": _each(found.model_caches, lambda cache: _model_cache(cache, doubts)),
        "gpus": _each(found.gpus, lambda gpu: _gpu(gpu, doubts, unknown_ram=unknown_ram)),
        "accelerators": tuple(
            each
            for each in found.accelerators
            if not _outside(each.count, bounds.ACCELERATORS, f"number of {each.name}", "other", each.kind, doubts)
        ),
        "fabric": _fabric(found.fabric, doubts),
        "limits": _limits(found.limits, doubts),
        "access": replace(
            found.access,
            endpoints=_each(
                found.access.endpoints,
                lambda each: _bounded(
                    each,
                    {"seconds": ("time", bounds.SECONDS), "bytes_per_second": ("speed", bounds.TRANSFER)},
                    "access",
                    each.name,
                    doubts,
                ),
            ),
        ),
    }
    if not doubts:
        return machine
    new = [problem for problem in _problems(doubts) if problem not in machine.problems]
    return replace(found, **changes, problems=(*found.problems, *new))


# --- the parts of a machine ---


def _gpu(gpu: Gpu, doubts: list[Doubt], *, unknown_ram: bool) -> Gpu:
    probe, label = f"gpu.{gpu.vendor}", "GPU" if gpu.index is None else f"GPU {number(gpu.index)}"
    before = len(doubts)
    whole, part = (bounds.RAM, bounds.RAM_PART) if gpu.unified else (bounds.GPU_MEMORY, bounds.GPU_MEMORY_PART)
    sizes = {
        "memory_total": ("memory", whole),
        "memory_used": ("used memory", part),
        "memory_free": ("free memory", part),
        "memory_reserved": ("reserved memory", part),
    }
    _bounded(gpu, sizes, probe, label, doubts)
    if len(doubts) == before:
        _gpu_memory_contradicts(gpu, probe, label, doubts)
    if len(doubts) == before and gpu.unified and gpu.memory_pool != CARVE_OUT and unknown_ram:
        doubts.append((probe, CONTRADICTORY, label, "its memory is the RAM, whose size is not known"))
    if len(doubts) > before:
        broken = gpu.usable is False
        gpu = replace(
            gpu,
            **dict.fromkeys(sizes),
            usable=gpu.usable if broken else None,
            fault=gpu.fault if broken else doubts[-1][1],
        )
    gpu = _bounded(gpu, _GPU, probe, label, doubts)
    capability = capability_of(gpu)
    if capability is not None and _outside(
        capability[0], bounds.CAPABILITY, "compute capability", probe, label, doubts
    ):
        gpu = replace(gpu, compute_capability=None)
    if gpu.pcie is not None:
        gpu = _changed(gpu, "pcie", _bounded(gpu.pcie, _PCIE, probe, label, doubts))
    if gpu.ecc is not None:
        gpu = _changed(gpu, "ecc", _bounded(gpu.ecc, _ECC, probe, label, doubts))
    if gpu.clocks is not None:
        gpu = _changed(gpu, "clocks", _bounded(gpu.clocks, _CLOCKS, probe, label, doubts))
    return _gpu_lists(gpu, probe, label, doubts)


def _gpu_lists(gpu: Gpu, probe: str, label: str, doubts: list[Doubt]) -> Gpu:
    """The same for the processes of a GPU and its published figures."""
    part = {"memory": ("memory of a process", bounds.RAM_PART if gpu.unified else bounds.GPU_MEMORY_PART)}
    gpu = _changed(
        gpu, "processes", _each(gpu.processes, lambda process: _bounded(process, part, probe, label, doubts))
    )
    if gpu.spec is not None:
        figures = {name: (f"published figure {name}", bounds.PUBLISHED) for name in _SPEC}
        if _bounded(gpu.spec, figures, probe, label, doubts) is not gpu.spec:
            return replace(gpu, spec=None)
    return gpu


def _gpu_memory_contradicts(gpu: Gpu, probe: str, label: str, doubts: list[Doubt]) -> None:
    total, used, free = gpu.memory_total, gpu.memory_used, gpu.memory_free
    if total is None:
        return
    for name, size in (("free", free), ("used", used), ("reserved", gpu.memory_reserved)):
        if size is not None and size > total + _ROUNDING:
            text = f"{format_gib(size)} are {name} of a memory of {format_gib(total)}"
            doubts.append((probe, CONTRADICTORY, label, text))
            return
    # of shared memory, the system and its GPU count differently
    if used is None or free is None or (gpu.unified and gpu.memory_pool != CARVE_OUT):
        return
    listed = used + free
    least = total - (gpu.memory_reserved or 0) - max(_UNLISTED, int(total * _UNLISTED_SHARE))
    if not least <= listed <= total + _ROUNDING:
        text = f"{format_gib(used)} used and {format_gib(free)} free are not a memory of {format_gib(total)}"
        doubts.append((probe, CONTRADICTORY, label, text))


def _ram(ram: Ram, doubts: list[Doubt]) -> Ram:
    before = len(doubts)
    _bounded(ram, _RAM, "memory", "", doubts)
    if len(doubts) == before:
        _ram_contradicts(ram, doubts)
    if len(doubts) > before:
        ram = replace(ram, **dict.fromkeys(_RAM), limit_source=None)
    ram = _pair(ram, _SWAP, "memory", doubts)
    ram = _bounded(ram, {"huge_pages": ("memory of huge pages", bounds.RAM_PART)}, "memory", "", doubts)
    node = {"memory_total": ("memory", bounds.RAM_PART)}
    return _changed(
        ram,
        "numa",
        _each(ram.numa, lambda each: _bounded(each, node, "memory", f"NUMA node {number(each.node)}", doubts)),
    )


def _ram_contradicts(ram: Ram, doubts: list[Doubt]) -> None:
    """A limit above the total binds nothing and is legal (``docker run -m``), but what is usable is the lower one."""
    for name, size, whole, most in (
        ("usable", ram.usable, "RAM", ram.total),
        ("usable", ram.usable, "limit", ram.limit),
        ("available", ram.available, "RAM", ram.total),  # older versions stated what the machine has, not the limit
    ):
        if size is not None and most is not None and size > most + _ROUNDING:
            text = f"{format_gib(size)} are {name} of a {whole} of {format_gib(most)}"
            doubts.append(("memory", CONTRADICTORY, "", text))
            return


def _cpu(cpu: Cpu, doubts: list[Doubt]) -> Cpu:
    cpu = _bounded(cpu, _CPU, "cpu", "", doubts)
    if cpu.threads is not None and cpu.threads_usable is not None and cpu.threads_usable > cpu.threads:
        text = f"{cpu.threads_usable:,} threads of {cpu.threads:,} are usable"
        doubts.append(("cpu", CONTRADICTORY, "", text))
        return replace(cpu, threads_usable=None)
    return cpu


def _disk(disk: Disk, doubts: list[Doubt]) -> Disk:
    whole = bounds.NETWORK_DISK if disk.kind == "network" else bounds.DISK
    sizes = {"size": ("size", whole), "free": ("free space", (0, *whole[1:]))}
    disk = _pair(disk, sizes, "disk", doubts, disk.mount_point or disk.path)
    rate = {
        "read_bytes_per_second": ("speed", bounds.TRANSFER),
        "inodes_free": ("number of files that may be made", bounds.COUNTED),
    }
    return _bounded(disk, rate, "disk", disk.mount_point or disk.path, doubts)


def _model_cache(cache: ModelCache, doubts: list[Doubt]) -> ModelCache:
    """Models whose size cannot be are left out: a plan would count them as downloaded."""
    space: Bound = (0, *bounds.NETWORK_DISK[1:])
    cache = _bounded(cache, {"free": ("free space", space)}, "model_caches", cache.path, doubts)
    models = cache.models and tuple(
        each
        for each in cache.models
        if not _outside(each.bytes, space, "size of a model", "model_caches", cache.path, doubts)
    )
    if models is None or len(models) == len(cache.models or ()):
        return cache
    return replace(cache, models=models, truncated=True)


def _fabric(fabric: Fabric, doubts: list[Doubt]) -> Fabric:
    port = {
        "rate_gbps": ("rate", bounds.PORT_GBPS),
        "link_downed": ("number of link failures", bounds.COUNTED),
        "numa_node": ("NUMA node", bounds.NUMA_NODE),
    }
    nic = {
        "speed_mbps": ("speed", bounds.NIC_MBPS),
        "carrier_changes": ("number of changes of the link", bounds.COUNTED),
    }
    fabric = _bounded(fabric, {"efa": ("number of EFA adapters", bounds.ADAPTERS)}, "fabric", "", doubts)
    fabric = _changed(
        fabric, "ports", _each(fabric.ports, lambda each: _bounded(each, port, "fabric", each.device, doubts))
    )
    fabric = _changed(fabric, "nics", _each(fabric.nics, lambda each: _bounded(each, nic, "fabric", each.name, doubts)))
    links = {count for row in fabric.nvlink_matrix or () for count in row if count is not None}
    if any(_outside(count, bounds.NVLINKS, "number of NVLinks", "fabric", "", doubts) for count in sorted(links)):
        fabric = replace(fabric, nvlink_matrix=None)
    return fabric


def _limits(limits: Limits, doubts: list[Doubt]) -> Limits:
    limits = _pair(limits, _SHM, "limits", doubts)
    for name in ("memlock", "nofile"):
        limit: Rlimit | None = getattr(limits, name)
        values = [] if limit is None else [limit.soft, limit.hard]
        if any(value is not None and value < 0 for value in values):  # None would mean that there is no limit
            doubts.append(("limits", IMPLAUSIBLE, "", f"the limit {name} is negative"))
            limits = replace(limits, **{name: None})
    return limits


def _collected_at(machine: Machine, now: datetime.datetime, doubts: list[Doubt]) -> str | None:
    reason = implausible_time(machine.collected_at, now)
    if reason is None:
        return machine.collected_at
    written = f"'{(machine.collected_at or '')[:40]}'"
    doubts.append(("machine", IMPLAUSIBLE, "", f"collected_at of {written} cannot be: {reason}; its age is unknown"))
    return None


# --- bounds ---


def _bounded(value: _S, limits: Mapping[str, tuple[str, Bound]], probe: str, label: str, doubts: list[Doubt]) -> _S:
    """The value with None for each fact outside of its bound."""
    wrong = [
        name
        for name, (words, bound) in limits.items()
        if _outside(getattr(value, name), bound, words, probe, label, doubts)
    ]
    return replace(value, **dict.fromkeys(wrong)) if wrong else value


def _pair(value: _S, limits: Mapping[str, tuple[str, Bound]], probe: str, doubts: list[Doubt], label: str = "") -> _S:
    """The same for a whole and its free part, which are unknown together."""
    before = len(doubts)
    _bounded(value, limits, probe, label, doubts)
    (whole, (words, _)), (part, _) = limits.items()
    size, free = getattr(value, whole), getattr(value, part)
    if len(doubts) == before and size is not None and free is not None and free > size + _ROUNDING:
        text = f"{format_gib(free)} are free of a {words} of {format_gib(size)}"
        doubts.append((probe, CONTRADICTORY, label, text))
    return replace(value, **dict.fromkeys(limits)) if len(doubts) > before else value


def _outside(value: float | None, bound: Bound, words: str, probe: str, label: str, doubts: list[Doubt]) -> bool:
    low, high, unit, reason = bound
    if value is None or low <= value <= high:
        return False
    why = "" if value < low else f": {reason}"
    doubts.append((probe, IMPLAUSIBLE, label, f"{words} of {_written(value, unit)} cannot be{why}"))
    return True


def _written(value: float, unit: str) -> str:
    if unit == "bytes" and 0 <= value < 2**64:
        return format_gib(int(value))
    return f"{number(value)}{' B' if unit == 'bytes' else unit}"


# --- small tools of this module ---


def _each(values: Sequence[_S] | None, change: Any) -> Any:
    """Each value of a tuple changed; None stays."""
    return None if values is None else tuple(change(each) for each in values)


def _changed(value: _S, name: str, fact: object) -> _S:
    return value if fact == getattr(value, name) else replace(value, **{name: fact})


def _problems(doubts: Sequence[Doubt]) -> list[Problem]:
    """One Problem for each reason, however many devices it is about."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for probe, code, label, text in doubts:
        labels.setdefault((probe, code, text), []).append(label)
    return [
        Problem(probe=probe, code=code, message=f"{_named(names)}{text}")
        for (probe, code, text), names in labels.items()
    ]


def _named(labels: Sequence[str]) -> str:
    named = list(dict.fromkeys(label for label in labels if label))
    more = f" and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
    return f"{', '.join(named[:_MOST_NAMED])}{more}: " if named else ""
