"""The screen of ``llmcheck`` without a command: what runs here and how, and the next step, in at most 24 lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from llmcheck import shell
from llmcheck.gpus import vendors
from llmcheck.gpus.names import short_name
from llmcheck.gpus.unified_memory import with_usable_memory
from llmcheck.render import Options
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Commands, Heading, Paragraph, Table, Tone
from llmcheck.render.views.machine import problem_line
from llmcheck.schema.estimate import MethodKind, Plan
from llmcheck.schema.machine import Gpu, Machine, counted_gpus
from llmcheck.schema.outlook import Cards, Fault, NextStep, SizePlan, Task
from llmcheck.schema.report import ProfileReport, Report, Verdict
from llmcheck.units import GB, format_gb, two_digits

_LABELS: dict[Task, str] = {"inference": "Run", "fine-tuning": "Fine-tune", "pre-training": "Pre-train"}
_METHODS: dict[MethodKind, str] = {
    "full": "all weights, AdamW",
    "full-8bit-optimizer": "all weights, 8-bit AdamW",
    "lora": "LoRA",
    "qlora": "QLoRA",
}
_SHARDING = {"fsdp": "FSDP", "ddp": "DDP", "zero1": "ZeRO-1", "zero2": "ZeRO-2", "zero3": "ZeRO-3"}
_HARDWARE: dict[str, tuple[str, Tone]] = {"good": ("✓", "good"), "slow": ("~", "warn"), "none": ("✗", "bad")}
_SOFTWARE: dict[Verdict | None, tuple[str, Tone]] = {
    "ready": ("✓", "good"),
    "not-ready": ("✗", "warn"),
    "undetermined": ("?", "unknown"),
    None: ("", "dim"),
}
_LEGEND = "hw: it fits on the hardware (~ slow); sw: its software is installed"
_IDLE = 0.995
"""Share of a GPU's memory that is free where nothing uses it."""
_IN_FULL = 0.8
"""Share of the RAM that is available; below it the screen says how much is."""


def overview(value: Report, options: Options) -> list[Block]:  # noqa: ARG001 - every view has the same parameters
    blocks: list[Block] = [Heading("llmcheck", inventory_line(value.machine), level=1)]
    step = value.next
    if step is not None and step.fault is not None:
        return [*blocks, *_broken(step.fault)]
    blocks.append(Paragraph(list(_answer(value))))
    if value.sizes:
        blocks.append(_table(value))
    blocks += _next(value)
    return blocks


# --- the machine in one line ---


def inventory_line(machine: Machine) -> str:
    """``example · RTX 3060, 12.9 GB · 33.6 GB RAM · 310 GB disk``."""
    return " · ".join(_inventory(machine))


def _inventory(machine: Machine) -> Iterator[str]:
    if machine.identity.hostname:
        yield machine.identity.hostname
    if machine.gpus is None:
        yield "GPUs unknown"
    gpus = [with_usable_memory(gpu, machine.ram) for gpu in counted_gpus(machine) or vendors.for_models(machine)]
    for _, group in groupby(gpus, key=lambda each: (each.name, each.parent, each.memory_total)):
        yield _gpus(list(group))
    unusable = [each for each in machine.gpus or () if each.usable is False and not each.integrated]
    if machine.gpus is not None and not gpus:
        hidden = [each for each in machine.gpus if not each.visible and not each.integrated]
        yield (
            f"{len(unusable)} x GPU, not usable" if unusable else f"{len(hidden)} x GPU, hidden" if hidden else "no GPU"
        )
    if machine.ram.usable or machine.ram.total:
        yield _ram(machine)
    disk = next((each for each in machine.disks or () if each.role in ("models", "path")), None)
    if disk is not None and disk.free is not None:
        yield f"{format_gb(disk.free)} disk"


def _gpus(group: Sequence[Gpu]) -> str:
    gpu = group[0]
    count = f"{len(group)} x " if len(group) > 1 else ""
    name = f"{count}{short_name(gpu.name)}{' (integrated)' if gpu.integrated else ''}"
    if gpu.memory_total is None:
        return f"{name}, memory unknown"
    free = min((each.memory_free for each in group if each.memory_free is not None), default=None)
    each = " each" if len(group) > 1 else ""
    if free is None or free > _IDLE * (gpu.memory_total - (gpu.memory_reserved or 0)):
        return f"{name}, {format_gb(gpu.memory_total)}{each}"
    return f"{name}, {free / GB:.1f} of {gpu.memory_total / GB:.1f} GB free{each}"


def _ram(machine: Machine) -> str:
    ram, whole = machine.ram, machine.ram.usable or machine.ram.total or 0
    if ram.available is not None and ram.available < _IN_FULL * whole:
        return f"{ram.available / GB:.1f} of {format_gb(whole)} RAM free"
    return f"{format_gb(whole)} RAM"


# --- the answer ---


def _broken(fault: Fault) -> list[Block]:
    blocks: list[Block] = [Heading(_sentence(fault.message), tone="bad")]
    items = [Cell(_sentence(fault.remedy))] if fault.remedy else []
    items.append(Cell("Repair this first, then run llmcheck again: until then nothing else can be judged.", "dim"))
    items.append(Cell("llmcheck machine shows all that was found; llmcheck tiers, what is known of the rest.", "dim"))
    return [*blocks, Bullets(items)]


def _answer(value: Report) -> Iterator[Cell]:
    sizes = [each for each in value.sizes if each.task == "inference"]
    good = [each for each in sizes if each.use == "good"]
    slow = [each for each in sizes if each.use == "slow"]
    step = value.next
    if good:
        words = f"runs {_range(good)} models"
        ready = step is not None and step.kind == "run" and not value.machine.hypothetical
        yield Cell(_sentence(f"{'ready: ' if ready else ''}{_subject(value.machine, good)} {words}"), "good")
    elif slow:
        yield Cell(f"{_range(slow)} models run here, but slower than people read.", "warn")
    elif value.machine.gpus is None:
        yield Cell("The GPUs could not be listed: what runs here is not known.", "unknown")
    elif sizes and all(each.verdict == "unknown" for each in sizes):
        yield Cell("The memory of the GPU could not be read: what runs here is not known.", "unknown")
    else:
        yield Cell("No size of model runs on this hardware.", "bad")
    tuned = [each for each in value.sizes if each.task == "fine-tuning" and each.use == "good"]
    if tuned:
        yield Cell(f"It fine-tunes {_range(tuned)}.", "good")
    if step is not None and step.missing:
        known = value.machine.software.packages is not None
        what = f"Missing{_place(value.machine)}" if known else "It takes"
        yield Cell(f"{what}: {', '.join(step.missing)}.", "warn")


def _subject(machine: Machine, good: Sequence[SizePlan]) -> str:
    plan = good[-1].plan
    if plan is None or not plan.gpus:
        return "this machine, in RAM alone,"
    return "this GPU" if plan.gpus == 1 and len(counted_gpus(machine)) == 1 else "this machine"


def _range(sizes: Sequence[SizePlan]) -> str:
    first, last = sizes[0].parameters, sizes[-1].parameters
    return first if first == last else f"{first} to {last}"


def _place(machine: Machine) -> str:
    python = machine.software.python
    if python is None or not python.prefix:
        return ""
    *_, folder, name = ("", *python.prefix.replace("\\", "/").split("/"))
    return f" in {folder}/{name}" if folder else f" in {python.prefix}"


# --- sizes ---


def _table(value: Report) -> Table:
    columns = [
        Column("", fixed=True),
        Column("hw", fixed=True),
        Column("sw", fixed=True),
        Column("model", fixed=True),
        Column("best way that fits", min_width=16),
        Column("memory", right=True, fixed=True, not_narrow=True),
        Column("tokens/s", right=True, fixed=True),
    ]
    reports = {each.id: each for each in value.profiles}
    rows, label = [], ""
    for task, group in groupby(value.sizes, key=lambda each: each.task):
        label = _LABELS[task]
        for same in _alike(list(group)):
            rows.append([Cell(label, "strong"), *_row(same, reports[same[0].tiers[0]], value.machine)])
            label = ""
    return Table(columns, rows)


def _alike(sizes: Sequence[SizePlan]) -> list[list[SizePlan]]:
    """Sizes that one row shows together: those that lack the same."""
    groups = groupby(
        enumerate(sizes), key=lambda pair: pair[1].verdict == "unknown" or pair[1].enough or (pair[0], "alone")
    )
    return [[size for _, size in group] for _, group in groups]


def _row(sizes: Sequence[SizePlan], report: ProfileReport, machine: Machine) -> list[Cell]:
    size = sizes[0]
    names = ", ".join(each.parameters for each in sizes)
    software = _SOFTWARE[report.software if not machine.hypothetical else None]
    if size.task == "pre-training":
        return [Cell(""), Cell(""), Cell(names), Cell(_pre_training(report), "dim"), Cell(""), Cell("")]
    if size.verdict == "unknown":
        return [Cell("?", "unknown"), Cell(""), Cell(names), Cell("memory unknown"), Cell(""), Cell("")]
    mark = Cell(*_HARDWARE[size.use])
    if size.use == "none" or size.plan is None:
        return [mark, Cell(""), Cell(names), Cell(_needs(size, machine)), Cell(""), Cell("")]
    rate = size.plan.tokens_per_second
    return [
        mark,
        Cell(*software),
        Cell(names, "strong"),
        Cell(_way(size, size.plan)),
        Cell(format_gb(size.plan.memory.total)),
        Cell(f"~{two_digits(rate.expected)}" if rate is not None else "?"),
    ]


def _way(size: SizePlan, plan: Plan) -> str:
    if size.task == "inference":
        return f"{plan.weights or 'as published'}, {plan.runtime}, {_where(plan)}"
    parts = [_METHODS.get(size.kind or "full", size.kind or "")]
    parts += ["loss in chunks"] if plan.chunked_loss else []
    parts += (
        [f"{plan.gpus} GPUs ({_SHARDING.get(plan.sharding, plan.sharding)})"] if plan.sharding and plan.gpus > 1 else []
    )
    parts += [f"{plan.offload} in RAM"] if plan.offload not in (None, "none") else []
    return ", ".join(parts)


def _where(plan: Plan) -> str:
    if not plan.gpus:
        return "in RAM"
    if plan.verdict == "fits-with-offload":
        return f"{format_gb(plan.memory.ram)} in RAM"
    return "on the GPU" if plan.gpus == 1 else f"on {plan.gpus} GPUs"


def _needs(size: SizePlan, machine: Machine) -> str:
    if not size.enough:
        return "takes more than one machine"
    if any(gpu.unified for gpu in counted_gpus(machine)):
        return f"needs {size.enough[0].count * size.enough[0].memory_gb} GB for the GPU"
    return f"needs {' or '.join(map(_cards, size.enough))}"


def _cards(cards: Cards) -> str:
    article = "an" if str(cards.memory_gb).startswith("8") else "a"
    return f"{article} {cards.memory_gb} GB card" if cards.count == 1 else f"{cards.count} x {cards.memory_gb} GB"


def _pre_training(report: ProfileReport) -> str:
    return f"a cluster: see check {report.id}"


# --- what to do next ---


def _next(value: Report) -> Iterator[Block]:
    step = value.next
    if step is None:
        return
    yield Heading("Next")
    if step.kind == "other-hardware":
        yield from _rent(value, step)
        return
    if step.kind == "undetermined":
        yield Commands([("llmcheck machine --explain", "what was read, and from where")])
        yield Bullets(
            [
                *(problem_line(each) for each in value.machine.problems),
                Cell("llmcheck --machine '24 GB, 64 GB RAM' answers for hardware that you name", "dim"),
            ]
        )
        return
    lines: list[tuple[str, str]] = []
    if step.install is not None:
        lines.append((f"{shell.line(step.install)} | sh", f"install {', '.join(step.missing)}"))
    if step.launch is not None:
        if step.launch_service:
            lines.append((shell.line(step.launch_service, variables=step.launch_environment), "start the service"))
        own = {} if step.launch_service else step.launch_environment
        lines.append((shell.line(step.launch, variables=own), f"run {step.model}"))
    if lines:
        yield Commands(lines)
    yield Bullets([*_hints(step), *_more(value), Cell(_LEGEND, "dim")])


def _hints(step: NextStep) -> Iterator[Cell]:
    if step.program is not None:
        yield Cell(f"{step.program} is not part of that installation: llmcheck libraries show {step.library}")
    if step.hint:
        yield Cell(f"Optional: {step.hint}.", "warn")


def _more(value: Report) -> Iterator[Cell]:
    lacking = next((each for each in value.sizes if each.task == "inference" and each.use != "good"), None)
    if lacking is not None:
        from llmcheck.render.views.cheapest import short_price  # most machines run all sizes or none

        tier = lacking.tiers[0]
        yield Cell(f"For {lacking.parameters}, {short_price(value.rent)}: llmcheck cloud {tier}", "dim")
    yield Cell("More: llmcheck recommend, llmcheck tiers, llmcheck machine", "dim")


def _rent(value: Report, step: NextStep) -> Iterator[Block]:
    tier = step.tier or value.profiles[0].id
    yield Commands([(f"llmcheck cloud {tier}", "machines to rent, cheapest first")])
    offer = value.advice.rent if value.advice is not None else None
    if offer is not None:
        from llmcheck.render.views.cheapest import describe_offer

        yield Bullets([Cell(f"for example {describe_offer(offer)}", "dim")])


def _sentence(text: str) -> str:
    """With a capital and a full stop; commands that end a sentence get none."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "'", ")")) else f"{text}."
