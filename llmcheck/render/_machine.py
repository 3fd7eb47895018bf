"""The inventory."""

from __future__ import annotations

from llmcheck.machine import Cpu, Disk, Gpu, Machine, Problem, Ram
from llmcheck.render import Options
from llmcheck.render._blocks import Block, Bullets, Cell, Fact, Facts, Heading, Tone, moment
from llmcheck.units import GIB, binary, decimal

_ROLES = {"models": "Hugging Face cache", "work": "working directory", "path": "--path"}


def machine(value: Machine, options: Options) -> list[Block]:
    """The whole screen of ``llmcheck machine``."""
    detail = " · ".join(part for part in (value.identity.hostname, moment(value.collected_at)) if part)
    return [Heading("Machine", detail, level=1), *inventory(value, options, packages=True)]


def inventory(value: Machine, options: Options, packages: bool = False) -> list[Block]:
    """Facts, and the problems that kept others from being found."""
    rows = [_cpu(value.cpu), _ram(value.ram), *_gpus(value)]
    rows += [
        Fact("Other", f"{each.count} × {each.name} (not a GPU, not counted as one)") for each in value.accelerators
    ]
    rows += _disks(value.disks or ())
    rows += _fabric(value)
    rows.append(_system(value))
    rows += _software(value, packages or options.verbose > 0)
    blocks: list[Block] = [Facts(rows)]
    if value.problems:
        blocks += [Heading("Problems"), Bullets([_problem(each) for each in value.problems])]
    return blocks


def _problem(problem: Problem) -> Cell:
    remedy = f" – {problem.remedy}" if problem.remedy else ""
    return Cell(f"{problem.message} [{problem.code}]{remedy}", "warn")


def _cpu(cpu: Cpu) -> Fact:
    parts = [cpu.model or "model unknown"]
    if cpu.cores:
        parts.append(f"{cpu.cores} cores")
    if cpu.threads:
        parts.append(f"{cpu.threads} threads")
    if cpu.threads_usable is not None and cpu.threads_usable != cpu.threads:
        why = cpu.quota_source if cpu.quota is not None and cpu.quota < (cpu.threads_affinity or 0) else "affinity"
        parts.append(f"{cpu.threads_usable} usable ({why})")
    return Fact("CPU", " · ".join(parts))


def _ram(ram: Ram) -> Fact:
    if ram.usable is None:
        return Fact("RAM", "unknown", "unknown")
    if ram.limit is not None and ram.usable == ram.limit:
        total = f" (the machine has {binary(ram.total)})" if ram.total else ""
        return Fact("RAM", f"limited to {binary(ram.limit)} by {ram.limit_source}{total}", "warn")
    if ram.available is None:
        return Fact("RAM", binary(ram.usable))
    return Fact(
        "RAM", f"{_gib(ram.available)} of {_gib(ram.usable)} GiB available", used=1 - ram.available / ram.usable
    )


def _gpus(value: Machine) -> list[Fact]:
    if value.gpus is None:
        return [Fact("GPU", "could not be listed (see Problems)", "unknown")]
    if not value.gpus:
        return [Fact("GPU", "none", "dim")]
    driver = value.drivers.get("nvidia")
    rows = _alike([_gpu(gpu) for gpu in value.gpus])
    if driver and driver.version:
        cuda = f" · CUDA up to {driver.cuda_version}" if driver.cuda_version else ""
        rows.append(Fact("Driver", f"NVIDIA {driver.version}{cuda}"))
    return rows


def _alike(rows: list[Fact]) -> list[Fact]:
    """Neighbours that differ in their index alone become one row: ``GPU 0-7``."""
    merged: list[Fact] = []
    counts: list[int] = []
    for row in rows:
        if merged and merged[-1][1:] == row[1:] and row.label != "GPU":
            counts[-1] += 1
        else:
            merged.append(row)
            counts.append(1)
    return [
        row
        if count == 1
        else row._replace(label=f"{row.label}–{int(row.label.split()[1]) + count - 1}", value=f"{count} × {row.value}")
        for row, count in zip(merged, counts, strict=True)
    ]


def _gpu(gpu: Gpu) -> Fact:
    label = "GPU" if gpu.parent is None else "MIG"
    label += "" if gpu.index is None else f" {gpu.index}"
    parts = [gpu.name or f"{gpu.vendor} GPU"]
    tone: Tone = "plain"
    used = None
    if gpu.memory_total is None:
        parts.append("shares the machine's RAM" if gpu.unified else "memory unknown")
    elif gpu.memory_free is not None and gpu.memory_total:
        used = 1 - gpu.memory_free / gpu.memory_total
        parts.append(f"{_gib(gpu.memory_free)} of {_gib(gpu.memory_total)} GiB free")
    else:
        parts.append(f"{_gib(gpu.memory_total)} GiB")
    if gpu.compute_capability:
        parts.append(f"CC {gpu.compute_capability}")
    if gpu.pcie and gpu.pcie.max_generation and gpu.pcie.width:
        parts.append(f"PCIe {gpu.pcie.max_generation} x{gpu.pcie.width}")
    if gpu.nvlinks:
        parts.append(f"{gpu.nvlinks} NVLinks up")
    if gpu.mig_mode:
        parts.append("MIG mode on")
    if gpu.parent is not None:
        parts.append(f"MIG instance of GPU {gpu.parent}")
    if gpu.integrated:
        parts.append("integrated, not counted")
        tone = "dim"
    if gpu.fault:
        parts.append(gpu.fault)
        tone = "bad" if gpu.usable is False else "unknown"
    if not gpu.visible:
        parts.append("hidden from this process")
        tone = "dim"
    return Fact(label, " · ".join(parts), tone, used)


def _gib(size: int) -> str:
    """One decimal: cards of one class differ there."""
    return f"{size / GIB:.1f}"


def _disks(disks: tuple[Disk, ...]) -> list[Fact]:
    """One line for each file system, with all that is on it."""
    rows: list[Fact] = []
    for place in dict.fromkeys(disk.mount_point or disk.path for disk in disks):
        members = [disk for disk in disks if (disk.mount_point or disk.path) == place]
        disk, roles = members[0], ", ".join(_ROLES.get(each.role, each.role) for each in members)
        kind = disk.kind if disk.kind != "unknown" else "kind unknown"
        what = f"{place} ({kind}, {disk.filesystem or 'file system unknown'})"
        if disk.free is None or not disk.size:
            rows.append(Fact("Disk", f"{what} · free space unknown · {roles}", "unknown"))
            continue
        text = f"{decimal(disk.free)} of {decimal(disk.size)} free · {what} · {roles}"
        text += " · read-only" if disk.read_only else ""
        rows.append(Fact("Disk", text, "warn" if disk.read_only else "plain", 1 - disk.free / disk.size))
    return rows


def _fabric(value: Machine) -> list[Fact]:
    ports = value.fabric.ports or ()
    groups: dict[str, int] = {}
    for port in ports:
        state = "active" if port.active else "state unknown" if port.active is None else "down"
        rate = f" {port.rate_gbps:g} Gb/s" if port.rate_gbps else ""
        name = f"{port.link_layer or 'unknown link layer'}{rate}, {state}"
        groups[name] = groups.get(name, 0) + 1
    return [Fact("Fabric", " · ".join(f"{count} × {name}" for name, count in groups.items()))] if groups else []


def _system(value: Machine) -> Fact:
    if value.os is None:
        return Fact("System", "unknown", "unknown")
    system = value.os
    parts = [system.distribution or system.system, system.version, system.libc, system.architecture]
    if system.container:
        parts.append(f"in a container ({system.container})")
    if system.wsl:
        parts.append(f"WSL {system.wsl}")
    if system.notebook:
        parts.append(f"{system.notebook} notebook: the disk is lost at the end")
    return Fact("System", " · ".join(part for part in parts if part))


def _software(value: Machine, packages: bool) -> list[Fact]:
    software = value.software
    if software.python is None:
        rows = [Fact("Python", "no environment found (name one with --python)", "unknown")]
    else:
        python = software.python
        rows = [Fact("Python", f"{python.version or 'unknown'} · {python.executable} · {python.reason}")]
    if software.torch is not None:
        build = f" ({software.torch.build})" if software.torch.build else ""
        rows.append(Fact("PyTorch", f"{software.torch.version or 'version unknown'}{build}"))
    elif software.packages is not None:
        rows.append(Fact("PyTorch", "not installed", "dim"))
    if not packages:
        return rows
    if software.packages is not None:
        names = ", ".join(f"{each.name} {each.version}" for each in software.packages)
        rows.append(Fact("Packages", f"{len(software.packages)}: {names}" if names else "none"))
    if software.tools is not None:
        there = ", ".join(tool.name for tool in software.tools if tool.path)
        rows.append(Fact("Tools", there or "none of those that matter here"))
    return rows
