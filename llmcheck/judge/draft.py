"""A profile that a machine itself would pass, with room for what differs between machines that are the same.

It is a draft: each line says what it was made of, so that a person can see which ones matter and how near they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llmcheck.gpus import ecc, vendors
from llmcheck.gpus.unified_memory import with_usable_memory
from llmcheck.judge.requirements.disk import judged_disk
from llmcheck.schema.machine import Gpu, Machine, counted_gpus, joint_gpus
from llmcheck.schema.profile_tools import Line
from llmcheck.units import GB, GIB, MOST_BYTES, format_gb, format_gib

_RAM, _THREADS, _DISK = 0.95, 0.9, 0.5
"""Parts of what this machine has that are asked for."""
_SHM_PER_GPU = GIB
_OPEN_FILES = 65_536
_PACKAGES = (
    *("torch", "transformers", "vllm", "sglang", "llama-cpp-python", "tensorrt-llm", "accelerate", "deepspeed"),
    *("peft", "trl", "bitsandbytes", "flash-attn", "unsloth", "mlx-lm", "lmdeploy", "ray"),
)
"""Of the installed packages, those that others build on; a list of all would be a lock file."""
_NUMBERS = r"(\d{1,9})\.(\d{1,9})"
_KEEPS = "firmware, kernel and control groups keep some of it"


def lines(machine: Machine) -> tuple[Line, ...]:
    """What this machine has, as requirements. What is not known of it is not asked for."""
    gpus = max(joint_gpus([gpu for gpu in counted_gpus(machine) if _is_known(gpu, machine)]), key=len, default=[])
    gpus = [with_usable_memory(gpu, machine.ram) for gpu in gpus]
    parts: Sequence[Iterator[Line]] = (
        _system(machine),
        _driver(machine, gpus),
        _cards(gpus),
        _health(gpus),
        _links(machine, gpus),
        _memory(machine, gpus),
        _storage(machine),
        _software(machine),
    )
    return tuple(line for part in parts for line in part)


def _is_known(gpu: Gpu, machine: Machine) -> bool:
    return gpu.usable is True and bool(with_usable_memory(gpu, machine.ram).memory_total)


def _line(id_: str, kind: str, why: str, **keys: Any) -> Line:
    return {"id": id_, "kind": kind, **keys, "why": why}


def _fact(id_: str, fact: str, why: str, fix: str, **keys: Any) -> Line:
    return {"id": id_, "kind": "fact", "fact": fact, **keys, "why": why, "fix": fix}


def _each(id_: str, fact: str, why: str, fix: str, **keys: Any) -> Line:
    return _fact(id_, f"gpus[*].{fact}", why, fix, quantifier="each", **keys)


def _system(machine: Machine) -> Iterator[Line]:
    if machine.os is None:
        return
    why = f"made on {machine.os.system}, {machine.os.architecture}: packages and drivers are builds for one system"
    fix = "use a machine of this system"
    yield _fact("system", "os.system", why, fix, eq=machine.os.system)
    yield _fact("architecture", "os.architecture", why, fix, eq=machine.os.architecture)


def _driver(machine: Machine, gpus: Sequence[Gpu]) -> Iterator[Line]:
    if not gpus:
        return
    vendor = gpus[0].vendor
    driver = machine.drivers.get(vendor)
    version = re.match(r"\d{1,9}", driver.version or "") if driver is not None and driver.fault is None else None
    if driver is None or version is None:
        return
    why = f"this machine has {driver.version}: its branch or a newer one"
    yield _line("driver", "driver", why, vendor=vendor, version=version[0])


def _cards(gpus: Sequence[Gpu]) -> Iterator[Line]:
    if not gpus:
        return
    least = min((gpu for gpu in gpus), key=lambda gpu: gpu.memory_total or 0)
    size = _advertised(least)
    if size == 0:
        return
    keys: dict[str, Any] = {"memory": _gb(size)}
    if len(gpus) > 1:
        keys["count"] = len(gpus)
    capabilities = [gpu.compute_capability for gpu in gpus if re.fullmatch(_NUMBERS, gpu.compute_capability or "")]
    if len(capabilities) == len(gpus):
        keys["compute_capability"] = min(filter(None, capabilities), key=lambda each: [int(x) for x in each.split(".")])
    name = least.name or f"{vendors.of(least).name} GPU"
    why = f"this machine has {len(gpus)} x {name} with {format_gb(least.memory_total or 0)}"
    yield _line("gpu", "gpu", why, **keys)


def _advertised(gpu: Gpu) -> int:
    """Bytes that such a card is sold with, where that is known and true of this one; else its whole GB, or for memory
    that is shared with the machine 95 % of it.
    """
    total = (gpu.memory_total or 0) + (ecc.taken(gpu) or 0)
    sold = round((gpu.spec.memory_gb or 0) * GB) if gpu.spec is not None and gpu.spec.memory_gb else 0
    if 0.9 * total <= sold <= total:
        return sold
    return _down(total * _RAM if gpu.unified else total)


def _health(gpus: Sequence[Gpu]) -> Iterator[Line]:
    checks: tuple[tuple[str, str, Callable[[Gpu], object], dict[str, Any], str, str], ...] = (
        (
            "ecc-errors",
            "ecc.uncorrected_errors",
            lambda gpu: gpu.ecc.uncorrected_errors if gpu.ecc else None,
            {"eq": 0},
            "memory errors that cannot be corrected end a job",
            "look at dmesg for Xid errors and drain the node",
        ),
        (
            "ecc-remap-pending",
            "ecc.remapping_pending",
            lambda gpu: gpu.ecc.remapping_pending if gpu.ecc else None,
            {"eq": False},
            "bad memory is replaced at the next reset only",
            "run 'sudo nvidia-smi --gpu-reset' or reboot",
        ),
        (
            "ecc-exhausted",
            "ecc.remapping_failed",
            lambda gpu: gpu.ecc.remapping_failed if gpu.ecc else None,
            {"eq": False},
            "no spare memory rows are left",
            "have the card replaced",
        ),
    )
    for id_, fact, read, stated, why, fix in checks:
        if gpus and all(read(gpu) is not None and read(gpu) == next(iter(stated.values())) for gpu in gpus):
            yield _each(id_, fact, why, fix, **stated)


def _links(machine: Machine, gpus: Sequence[Gpu]) -> Iterator[Line]:
    if gpus and all(gpu.pcie is not None and gpu.pcie.width and gpu.parent is None for gpu in gpus):
        width = min(gpu.pcie.width for gpu in gpus if gpu.pcie is not None and gpu.pcie.width)
        why = f"the cards of this machine use {width} lanes or more; fewer after a bad contact make copies slow"
        yield _each("pcie-width", "pcie.width", why, "reseat the card and its riser", ge=width)
    if gpus and all(gpu.nvlinks for gpu in gpus):
        links = min(gpu.nvlinks or 0 for gpu in gpus)
        why = f"every card of this machine has {links} NVLinks up; a link that is down halves what collectives reach"
        yield _each("nvlink", "nvlinks", why, "look at dmesg for Xid 74, reset or reboot", ge=links)
    active = [p for p in machine.fabric.ports or () if p.active and p.link_layer == "InfiniBand"]
    rates = [port.rate_gbps for port in active if port.rate_gbps]
    if active:
        why = f"this machine has {len(active)} active InfiniBand ports"
        where = {"link_layer": "InfiniBand", "active": True}
        fix = "check the cables and the subnet manager ('ibstat')"
        yield _fact("infiniband", "fabric.ports", why, fix, quantifier="count", where=where, ge=len(active))
        if len(rates) == len(active):
            rate = f"{min(rates):g} Gb/s"
            why = f"its slowest port runs at {rate}"
            yield _fact(
                "infiniband-rate", "fabric.ports[*].rate_gbps", why, fix, quantifier="each", where=where, ge=rate
            )


def _memory(machine: Machine, gpus: Sequence[Gpu]) -> Iterator[Line]:
    ram, limits, threads = machine.ram.usable, machine.limits, machine.cpu.threads_usable
    if threads:
        why = f"this machine has {threads}, of which {math.floor(threads * _THREADS) or 1} are asked for"
        fix = "use a larger machine, or raise the limit of the container or job"
        yield _fact("threads", "cpu.threads_usable", why, fix, ge=math.floor(threads * _THREADS) or 1)
    if ram and _down(ram * _RAM):
        why = f"this machine has {format_gb(ram)}, and about 95 % of it is asked for: {_KEEPS}"
        yield _line("ram", "ram", why, total=_gb(_down(ram * _RAM)))
    if gpus and limits.shm_size is not None and limits.shm_size >= len(gpus) * _SHM_PER_GPU:
        why = f"data loaders and NCCL pass data through /dev/shm; this machine has {format_gib(limits.shm_size)}"
        yield _line("shm", "shm", why, level="recommended", per_gpu=format_gib(_SHM_PER_GPU))
    if gpus and limits.nofile is not None and (limits.nofile.soft is None or limits.nofile.soft >= _OPEN_FILES):
        why = "data loaders and servers keep many files and connections open"
        fix = f"raise it: ulimit -n {_OPEN_FILES}"
        yield _fact("open-files", "limits.nofile.soft", why, fix, level="recommended", ge=_OPEN_FILES)
    if machine.fabric.ports and limits.memlock is not None and ram and _down(ram * _RAM):
        least = _down(min(ram * _RAM, limits.memlock.soft if limits.memlock.soft is not None else MOST_BYTES))
        if least:
            why = "RDMA locks the memory that it sends from"
            fix = "raise memlock to unlimited (/etc/security/limits.conf, LimitMEMLOCK=infinity)"
            yield _fact("memlock", "limits.memlock.soft", why, fix, ge=_gb(least))


def _storage(machine: Machine) -> Iterator[Line]:
    disk = judged_disk(machine, "models")
    if disk is None:
        return
    free = _down((disk.free or 0) * _DISK)
    if free:
        why = f"{format_gb(disk.free or 0)} were free where the models are stored, and half of it is asked for"
        yield _line("disk", "disk", why, free=_gb(free))
    if disk.kind in ("nvme", "ssd"):
        why = "weights are read from it at every start"
        yield _line("disk-ssd", "disk", why, level="recommended", type="ssd")


def _software(machine: Machine) -> Iterator[Line]:
    python = machine.software.python
    version = re.match(_NUMBERS, python.version or "") if python is not None else None
    if version:
        why = f"made with Python {version[0]}"
        yield _line("python", "python", why, level="recommended", version=f">={version[0]}")
    for name in _PACKAGES:
        installed = machine.software.versions.get(name, "")
        numbers = re.match(_NUMBERS, installed)
        if numbers:
            why = f"made with {name} {installed}: this release or a newer one"
            yield _line(name, "package", why, level="recommended", name=name, version=f">={numbers[0]}")


def _down(size: float) -> int:
    """A round size that is not larger: whole GB, of two digits from 100 on; whole MB below one GB."""
    unit = GB if size >= GB else 10**6
    whole = math.floor(size / unit)
    step = int("1".ljust(len(str(whole)) - 1, "0"))
    return whole // step * step * unit


def _gb(size: int) -> str:
    return f"{size // GB} GB" if size % GB == 0 else f"{size // 10**6} MB"
