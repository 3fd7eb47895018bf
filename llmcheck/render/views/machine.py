"""The screen of ``llmcheck machine``: the inventory of a machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from llmcheck.gpus import names, vendors
from llmcheck.gpus.unified_memory import with_usable_memory
from llmcheck.render import Options
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Fact,
    Facts,
    Heading,
    Table,
    Tone,
    format_time,
)
from llmcheck.schema.gpu import CARVE_OUT
from llmcheck.schema.machine import Access, Cpu, Disk, Driver, Gpu, Machine, ModelCache, Problem, Ram, Source
from llmcheck.units import GIB, format_gb, format_gib

PROGRAMS = {"huggingface": "Hugging Face cache", "ollama": "Ollama", "llama.cpp": "llama.cpp"}
_ROLES = {
    "models": "Hugging Face cache",
    "work": "working directory",
    "path": "--path",
    "temporary": "temporary files",
    "xet": "pieces of downloads",
}


def machine(value: Machine, options: Options) -> list[Block]:
    detail = " · ".join(part for part in (value.identity.hostname, format_time(value.collected_at)) if part)
    blocks = [Heading("Machine", detail, level=1), *inventory(value, options, detailed=True)]
    if value.sources:
        columns = [
            Column("fact"),
            Column("read from"),
            Column("probe", fixed=True),
            Column("ms", right=True, fixed=True),
        ]
        blocks += [Heading("Where each fact was read"), Table(columns, [_source(each) for each in value.sources])]
    return blocks


def _source(source: Source) -> list[Cell]:
    spent = "" if source.seconds is None else f"{source.seconds * 1000:.1f}"
    return [Cell(source.fact), Cell(source.source), Cell(source.probe, "dim"), Cell(spent, "dim")]


def inventory(value: Machine, options: Options, detailed: bool = False) -> list[Block]:
    """Facts and problems. ``detailed``: also facts that few tiers need."""
    detailed = detailed or options.verbose > 0
    rows = [_cpu(value.cpu), _ram(value.ram), *_gpus(value, detailed)]
    rows += [
        Fact("Other", f"{each.count} × {each.name} (not a GPU, not counted as one)") for each in value.accelerators
    ]
    rows += _disks(value.disks or ())
    rows += [_model_cache(each) for each in value.model_caches or () if detailed and each.models]
    rows += _fabric(value, detailed)
    rows.append(_system(value))
    rows += _software(value, detailed)
    if detailed:
        rows += [*_limits(value), *_access(value.access)]
    blocks: list[Block] = [Facts(rows)]
    if value.problems:
        blocks += [Heading("Problems"), Bullets([problem_line(each) for each in value.problems])]
    return blocks


def problem_line(problem: Problem) -> Cell:
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
        total = f" (the machine has {format_gib(ram.total)})" if ram.total else ""
        softly = "softly " if ram.limit_soft else ""
        return Fact("RAM", f"{softly}limited to {format_gib(ram.limit)} by {ram.limit_source}{total}", "warn")
    if ram.available is None:
        return Fact("RAM", format_gib(ram.usable))
    text = f"{_gib(ram.available)} of {_gib(ram.usable)} GiB available"
    if ram.huge_pages:
        text += f" · {format_gib(ram.huge_pages)} reserved for huge pages"
    if ram.zfs_cache:
        text += f" · {format_gib(ram.zfs_cache)} of it in ZFS's cache"
    return Fact("RAM", text, used=1 - ram.available / ram.usable)


def _gpus(value: Machine, detailed: bool) -> list[Fact]:
    if value.gpus is None:
        return [Fact("GPU", "could not be listed (see Problems)", "unknown")]
    if not value.gpus:
        return [Fact("GPU", "none", "dim")]
    rows = _grouped_rows([with_usable_memory(gpu, value.ram) for gpu in value.gpus])
    if detailed:
        rows += [Fact("", text) for text in _gpu_notes(value.gpus)]
    return rows + [Fact("Driver", text) for text in _drivers(value.drivers)]


def _drivers(drivers: Mapping[str, Driver]) -> Iterator[str]:
    for vendor, driver in drivers.items():
        if driver.version:
            cuda = f" · CUDA up to {driver.cuda_version}" if driver.cuda_version else ""
            yield f"{vendors.named(vendor).name} {driver.version}{cuda}"


def _grouped_rows(gpus: Sequence[Gpu]) -> list[Fact]:
    """One row for consecutive GPUs that differ only in their index: ``GPU 0–7``."""
    runs: list[list[Gpu]] = []
    for gpu in gpus:
        last = runs[-1][-1] if runs else None
        follows = last is not None and None not in (last.index, gpu.index) and gpu.index == (last.index or 0) + 1
        if last is not None and follows and _without_index(last) == _without_index(gpu) and last.parent == gpu.parent:
            runs[-1].append(gpu)
        else:
            runs.append([gpu])
    rows = []
    for run in runs:
        row = _gpu(run[0])
        if len(run) > 1:
            row = replace(row, label=f"{row.label}–{run[-1].index}", value=f"{len(run)} × {row.value}")
        rows.append(row)
    return rows


def _without_index(gpu: Gpu) -> Fact:
    return replace(_gpu(gpu), label="")


def _gpu(gpu: Gpu) -> Fact:
    vendor = vendors.of(gpu)
    label = vendor.partition_label if gpu.parent is not None else "GPU"
    label += "" if gpu.index is None else f" {gpu.index}"
    parts = [names.full_name(gpu)]
    tone: Tone = "plain"
    used = None
    if gpu.memory_total is None:
        parts.append("shares the machine's RAM" if gpu.unified else "memory unknown")
    elif gpu.memory_free is not None and gpu.memory_total:
        used = 1 - gpu.memory_free / gpu.memory_total
        parts.append(f"{_gib(gpu.memory_free)} of {_gib(gpu.memory_total)} GiB free")
    else:
        parts.append(f"{_gib(gpu.memory_total)} GiB")
    if gpu.memory_pool == CARVE_OUT:
        parts.append("set aside from the RAM")
    if gpu.compute_capability or gpu.gfx:
        parts.append(f"CC {gpu.compute_capability}" if gpu.compute_capability else f"{gpu.gfx}")
    if gpu.partition:
        parts.append(gpu.partition)
    if gpu.pcie and gpu.pcie.max_generation and gpu.pcie.width:
        parts.append(f"PCIe {gpu.pcie.max_generation} x{gpu.pcie.width}")
    if gpu.nvlinks:
        of_all = f" of {len(gpu.links)}" if gpu.nvlinks < len(gpu.links) else ""
        parts.append(f"{gpu.nvlinks}{of_all} NVLinks up")
    if gpu.mig_mode:
        parts.append("MIG mode on")
    if gpu.parent is not None:
        parts.append(f"{vendor.partition} of GPU {gpu.parent}")
    if gpu.integrated:
        parts.append("integrated, counts for no tier" if vendor.runs_models(gpu) else "integrated, not counted")
        tone = "dim"
    if gpu.fault:
        parts.append(gpu.fault)
        tone = "bad" if gpu.usable is False else "unknown"
    if not gpu.visible:
        parts.append("hidden from this process")
        tone = "dim"
    return Fact(label, " · ".join(parts), tone, used)


def _published(gpu: Gpu) -> str:
    """Published figures of a GPU that decide how fast models run on it."""
    spec = gpu.spec
    if spec is None:
        return "not in the table of known cards: no published figures"
    figures = [f"{spec.bandwidth_gb_s:g} GB/s" if spec.bandwidth_gb_s else ""]
    figures.append(f"{spec.bf16_tflops:g} TFLOPS in BF16" if spec.bf16_tflops else "")
    figures.append(f"{spec.fp8_tflops:g} in FP8" if spec.fp8_tflops else "")
    return ", ".join(figure for figure in figures if figure) or "no published figures"


def _gpu_notes(gpus: tuple[Gpu, ...]) -> list[str]:
    """Notes on single GPUs: processes that use their memory, causes of throttling, memory errors."""
    lines = []
    for gpu in gpus:
        notes = [_published(gpu)] if gpu.parent is None and not gpu.integrated and gpu.usable else []
        if gpu.processes:
            processes = (
                f"process {each.pid}" + (f" ({format_gib(each.memory)})" if each.memory else "")
                for each in gpu.processes
            )
            notes.append(f"memory used by {', '.join(processes)}")
        if gpu.throttle_reasons:
            notes.append(f"slowed by {', '.join(gpu.throttle_reasons)}")
        if gpu.compute_mode and gpu.compute_mode != "default":
            notes.append(f"compute mode {gpu.compute_mode}")
        if gpu.virtualization:
            notes.append(f"virtualised ({gpu.virtualization})")
        if gpu.ecc and gpu.ecc.mode is False:
            notes.append("ECC off")
        if gpu.ecc and gpu.ecc.uncorrected_errors:
            notes.append(f"{gpu.ecc.uncorrected_errors} uncorrected memory errors")
        if gpu.numa_node is not None:
            notes.append(f"NUMA node {gpu.numa_node}")
        lines.append((f"GPU {gpu.index}: " if gpu.index is not None else "", "; ".join(notes)))
    texts = {text for _, text in lines}
    if len(texts) == 1 and len(lines) > 1:
        return [f"each: {text}" for text in texts if text]
    return [label + text for label, text in lines if text]


def _gib(size: int) -> str:
    """With one decimal, because GPUs of one class differ there."""
    return f"{size / GIB:.1f}"


def _disks(disks: tuple[Disk, ...]) -> list[Fact]:
    """One line for each file system, with all its roles."""
    rows: list[Fact] = []
    for place in dict.fromkeys(disk.mount_point or disk.path for disk in disks):
        members = [disk for disk in disks if (disk.mount_point or disk.path) == place]
        disk, roles = members[0], ", ".join(_ROLES.get(each.role, each.role) for each in members)
        kind = disk.kind if disk.kind != "unknown" else "kind unknown"
        what = f"{place} ({kind}, {disk.filesystem or 'file system unknown'})"
        if disk.free is None or not disk.size:
            rows.append(Fact("Disk", f"{what} · free space unknown · {roles}", "unknown"))
            continue
        text = f"{format_gb(disk.free)} of {format_gb(disk.size)} free · {what} · {roles}"
        text += " · read-only" if disk.read_only else ""
        rows.append(Fact("Disk", text, "warn" if disk.read_only else "plain", 1 - disk.free / disk.size))
    return rows


def _model_cache(cache: ModelCache) -> Fact:
    models = {each.repository for each in cache.models or ()}
    size = format_gb(sum(each.bytes for each in cache.models or ()))
    more = "at least " if cache.truncated else ""
    count = "1 model" if len(models) == 1 else f"{len(models):,} models"
    return Fact("Models", f"{more}{count}, {size} · {cache.path} ({PROGRAMS.get(cache.program, cache.program)})")


def _fabric(value: Machine, detailed: bool) -> list[Fact]:
    fabric, rows = value.fabric, []
    if fabric.efa:
        rows.append(Fact("EFA", f"{fabric.efa} adapters"))
    if detailed and fabric.nvlink_matrix and len(fabric.nvlink_matrix) > 1:
        rows.append(Fact("NVLink", _nvlink(fabric.nvlink_matrix)))
    if detailed and fabric.nics:
        speeds = (f"{nic.name} {nic.speed_mbps / 1000:g} Gb/s" if nic.speed_mbps else nic.name for nic in fabric.nics)
        rows.append(Fact("NICs", ", ".join(speeds)))
    if detailed and fabric.gpudirect is not None:
        rows.append(Fact("GPUDirect", "kernel module loaded" if fabric.gpudirect else "kernel module not loaded"))
    return [*_ports(value), *rows]


def _nvlink(matrix: tuple[tuple[int | None, ...], ...]) -> str:
    """The matrix row by row, or one number if all pairs are equal."""
    pairs = {count for here, row in enumerate(matrix) for there, count in enumerate(row) if here != there}
    if len(pairs) == 1:
        return f"{pairs.pop()} links between every pair of GPUs"
    rows = "; ".join(
        f"GPU {here}: {' '.join('?' if count is None else str(count) for count in row)}"
        for here, row in enumerate(matrix)
    )
    return f"links to GPU 0, 1, ...: {rows}"


def _ports(value: Machine) -> list[Fact]:
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


def _limits(value: Machine) -> list[Fact]:
    limits, parts = value.limits, []
    if limits.shm_size is not None:
        parts.append(f"shared memory {format_gib(limits.shm_size)}")
    if limits.memlock is not None:
        parts.append(
            f"locked memory {format_gib(limits.memlock.soft) if limits.memlock.soft is not None else 'unlimited'}"
        )
    if limits.nofile is not None:
        parts.append(f"open files {limits.nofile.soft if limits.nofile.soft is not None else 'unlimited'}")
    if value.ram.swap_total:
        parts.append(f"swap {format_gib(value.ram.swap_total)}")
    return [Fact("Limits", " · ".join(parts))] if parts else []


def _access(access: Access) -> list[Fact]:
    rows = []
    if access.offline:
        rows.append(Fact("Offline", f"set by {', '.join(access.offline)}", "warn"))
    if access.token is not None:
        rows.append(Fact("Token", "for gated models: found" if access.token else "for gated models: none", "dim"))
    for each in access.endpoints or ():
        state = "reachable" if each.reachable else f"not reachable ({each.error or 'no answer'})"
        speed = f" · {format_gb(round(each.bytes_per_second))}/s" if each.bytes_per_second else ""
        proxy = f" · through {each.proxy}" if each.proxy else ""
        rows.append(Fact(each.name, f"{each.url} {state}{speed}{proxy}", "plain" if each.reachable else "warn"))
    return rows


def _software(value: Machine, packages: bool) -> list[Fact]:
    software = value.software
    if software.python is None:
        rows = [Fact("Python", "no environment found (choose one with --python)", "unknown")]
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
    if software.cuda_toolkits:
        rows.append(Fact("CUDA", ", ".join(f"{each.version or '?'} in {each.path}" for each in software.cuda_toolkits)))
    if software.issues:
        rows.append(Fact("Odd", "; ".join(f"{each.name}: {each.kind}" for each in software.issues), "warn"))
    if software.installer_settings:
        shown = (f"{each.tool} {each.option} = {each.value} ({each.where})" for each in software.installer_settings)
        rows.append(Fact("Settings", "; ".join(shown)))
    if software.tools is not None:
        found = ", ".join(tool.name for tool in software.tools if tool.path)
        rows.append(Fact("Tools", found or "none that llmcheck looks for"))
    return rows
