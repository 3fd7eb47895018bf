"""The screen of ``llmcheck fit``: verdict, memory of each GPU, components with their bands, speed, other ways."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.render import Options
from llmcheck.render.views import downloads
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Commands,
    Fact,
    Facts,
    Heading,
    Segment,
    Stack,
    Stacks,
    Table,
    Tone,
)
from llmcheck.render.views.plan_state import state
from llmcheck.render.views.plans import launch_lines
from llmcheck.render.views.ways import ways
from llmcheck.schema.estimate import (
    Band,
    Cause,
    Component,
    Fit,
    FitVerdict,
    GpuShare,
    Memory,
    NoLaunch,
    Rate,
    Speed,
    Term,
    Time,
)
from llmcheck.schema.workload import Workload
from llmcheck.units import format_gib, two_digits

VERDICTS: dict[FitVerdict, tuple[str, Tone]] = {
    "fits": ("fits", "good"),
    "fits-with-offload": ("fits with offload", "warn"),
    "does-not-fit": ("does not fit", "bad"),
    "unknown": ("unknown", "unknown"),
}
_NAMES: dict[Component, str] = {
    "weights": "weights",
    "kv_cache": "KV cache",
    "activations": "activations",
    "gradients": "gradients",
    "optimizer": "optimizer",
    "overhead": "overhead",
}
_METHODS = {
    "inference": "inference",
    "full": "full fine-tuning",
    "lora": "LoRA",
    "qlora": "QLoRA",
    "pretrain": "pre-training",
}
_MANY = 8
_NO_LAUNCH: dict[NoLaunch, str] = {
    "no-model": "",
    "no-file": "no command: no published file of it in {weights} is known here",
    "no-option": "no command: {runtime} has no options for this use",
}


def fit(value: Fit, options: Options) -> list[Block]:
    words, tone = VERDICTS[value.verdict]
    title = f"{value.architecture.name}, {_METHODS[value.workload.method]}: {words}"
    blocks: list[Block] = [Heading(title, "", tone, level=1)]
    summary = [Cell(value.reason, tone), Cell(used_as(value.workload))]
    no_space = downloads.warning(value.plans[0]) if value.plans else None
    summary += [] if no_space is None else [Cell(no_space, "bad")]
    found = state(value.plans[0]) if value.plans else None
    summary += [Cell(found)] if found else []
    blocks.append(Bullets([*summary, *([Cell(f"machine: {value.machine}", "dim")] if value.machine else [])]))
    if value.per_gpu:
        blocks += [Heading("On each GPU"), Stacks(_stacks(value))]
    blocks += [Heading("Memory"), _components(value.memory, options)]
    if value.placement is not None and value.placement.ram:
        blocks.append(Bullets([Cell(f"{format_gib(value.placement.ram)} of it in RAM", "dim")]))
    facts = _facts(value)
    if facts:
        blocks += [Heading("Limits and speed"), Facts(facts)]
    blocks += [*_run(value), *ways(value, options)]
    blocks += [
        Heading("Assumptions"),
        Bullets([Cell(each, "dim") for each in (value.architecture.source, *value.assumptions)]),
    ]
    if options.verbose and value.speed is not None and value.speed.times:
        blocks += [Heading("What takes the time"), times(value.speed.times)]
    if options.verbose:
        sources = [f"{each.name}: {each.source}" for each in value.memory.terms if each.high]
        sources += [f"loss of {each.weights}, {each.loss}: {each.loss_source}" for each in value.plans if each.loss]
        blocks += [
            Heading("Sources of the terms"),
            Bullets([Cell(each, "dim") for each in dict.fromkeys(sources)]),
        ]
        blocks += [Heading("Not modelled"), Bullets([Cell(each, "dim") for each in value.not_modelled])]
    return blocks


def _run(value: Fit) -> list[Block]:
    """The commands that run the best plan, or why there are none; [] for a model that is only a size."""
    if not value.plans:
        return []
    best = value.plans[0]
    title = "Run it" if best.method == "inference" else "Train it"
    lines = launch_lines(best, "")
    if lines:
        return [Heading(title, f"as of {best.launch_valid_for}"), Commands(lines)]
    text = _NO_LAUNCH[best.no_launch or "no-option"].format(weights=best.weights, runtime=best.runtime)
    return [Heading(title), Bullets([Cell(text, "dim")])] if text else []


def used_as(workload: Workload) -> str:
    """The workload in one line."""
    parts = []
    if workload.weights:
        parts.append(f"weights in {workload.weights}")
    if workload.method == "inference":
        parts.append(f"{workload.context:,} tokens of context")
        parts.append(f"{workload.batch} at a time" if workload.batch > 1 else "one sequence")
        parts.append(f"KV cache in {workload.kv_cache}")
        parts.append(f"run by {workload.runtime}")
    else:
        parts.append(f"sequences of {workload.context:,} tokens")
        parts.append(f"micro-batch {workload.batch}")
        parts.append(f"{workload.optimizer}" + (f", {workload.precision} precision" if workload.precision else ""))
        if workload.lora_rank:
            parts.append(f"rank {workload.lora_rank} on {workload.lora_targets}")
        parts.append("recomputed activations" if workload.checkpointing is True else "stored activations")
        if (workload.gpus or 1) > 1:
            parts.append(f"{workload.gpus} GPUs, {workload.sharding}")
    return ", ".join(parts)


def _stacks(value: Fit) -> list[Stack]:
    """One bar for each group of equal GPUs."""
    groups: dict[tuple[object, ...], list[GpuShare]] = {}
    for share in value.per_gpu:
        groups.setdefault((share.name, share.free, share.budget, share.memory.total), []).append(share)
    rows = []
    for members in list(groups.values())[:_MANY]:
        first = members[0]
        label = f"{len(members)} x {first.name or 'GPU'}, each" if len(members) > 1 else first.name or "GPU"
        needed = format_gib(first.memory.total)
        available = first.free if first.budget is None else first.budget
        over = available is not None and first.memory.total > available
        shown = "unknown memory" if available is None else format_gib(available)
        rows.append(
            Stack(
                label=label,
                segments=[Segment(name, label, getattr(first.memory, name)) for name, label in _NAMES.items()],
                capacity=available,
                value=f"{needed} needed, {shown} available",
                tone="bad" if over else "good",
            )
        )
    return rows


def _components(memory: Memory, options: Options) -> Table:
    rows = []
    for component, name in _NAMES.items():
        terms = [each for each in memory.terms if each.component == component and each.part != "allocator"]
        expected = getattr(memory, component)
        if not terms or not any(each.high for each in terms):
            continue
        low, high = sum(each.low for each in terms), sum(each.high for each in terms)
        parts = "; ".join(each.name for each in sorted(terms, key=lambda each: -each.expected) if each.high)
        rows.append([Cell(name), Cell(format_gib(expected)), Cell(_band(low, high)), Cell(parts, "dim")])
        if options.verbose:
            rows += [_term(each) for each in terms if each.high]
    band = _band(memory.low, memory.high)
    rows.append([Cell("total", "strong"), Cell(format_gib(memory.total), "strong"), Cell(band), Cell("")])
    kept = [each for each in memory.terms if each.part == "allocator" and each.high]
    if options.verbose:
        rows += [_beside(each) for each in kept]
    columns = [
        Column("", fixed=True),
        Column("expected", right=True, fixed=True),
        Column("low to high", right=True, fixed=True),
        Column("parts", min_width=20),
    ]
    if options.verbose:  # each term has a row of its own below its component
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Table(columns, rows)


def _beside(term: Term) -> list[Cell]:
    """What is held on top of the total, and given back where memory is short."""
    texts = (f"on top: {term.name}", format_gib(term.expected), _band(term.low, term.high), "")
    return [Cell(text, "dim") for text in texts]


def _term(term: Term) -> list[Cell]:
    texts = (f"  {term.name}", format_gib(term.expected), _band(term.low, term.high), "")
    return [Cell(text, "dim") for text in texts]


def _band(low: int, high: int) -> str:
    return "" if low == high else f"{format_gib(low)} to {format_gib(high)}"


def _facts(value: Fit) -> list[Fact]:
    facts = []
    placement = value.placement
    if placement is not None and placement.gpu_layers is not None and value.verdict != "does-not-fit":
        facts.append(Fact("-ngl", f"{placement.gpu_layers} (of {value.architecture.layers} layers and the output)"))
    if placement is not None and placement.kv_tokens is not None:
        facts.append(
            Fact(
                "free for KV cache",
                f"{placement.kv_tokens:,} tokens: {_requests(placement.concurrent)} of the full context",
            )
        )
    if value.largest_context is not None:
        facts.append(Fact("largest context", f"{value.largest_context:,} tokens"))
    if value.largest_batch is not None:
        facts.append(Fact("largest batch", f"{value.largest_batch:,}"))
    if value.best_weights is not None and value.best_weights != value.workload.weights:
        facts.append(Fact("best weight format", f"{value.best_weights}, entirely on the GPU"))
    if value.speed is not None:
        facts += _pace(value)
    download = downloads.fact(value.plans[0]) if value.plans else None
    return facts if download is None else [*facts, download]


def _requests(count: int | None) -> str:
    return "1 request" if count == 1 else f"{count or 0:,} requests"


def _pace(value: Fit) -> list[Fact]:
    speed, many = value.speed or Speed(), value.workload.batch > 1
    rows = (
        ("generation", speed.decode, "tokens/s for one sequence"),
        (f"{value.workload.batch} sequences", speed.batch, "tokens/s together"),
        ("served", speed.served, "tokens/s together, prompts included"),
        ("prefill", speed.prefill, "tokens/s"),
        ("first token", speed.first_token if many else None, "s"),
        ("training", speed.train, "tokens/s"),
        ("training per GPU", speed.train_per_gpu if len(value.per_gpu) > 1 else None, "tokens/s"),
        ("duration", speed.days, "days"),
        ("energy", speed.energy_kwh, "kWh"),
        ("CO2", speed.co2_kg, "kg"),
        ("rent", speed.cost_usd, "$ at list prices"),
    )
    return [Fact(label, f"{about(rate)} {unit}") for label, rate, unit in rows if rate is not None]


_RATES: dict[Rate, str] = {
    "decode": "one token of one sequence",
    "batch": "one token of each sequence",
    "prefill": "the prompts",
    "train": "one micro-batch",
}
_CAUSES: dict[Cause, str] = {
    "weights": "reading the weights",
    "cache": "reading the KV cache",
    "compute": "matrix products",
    "attention": "attention",
    "recompute": "the forward pass again",
    "memory": "norms, activations, gaps between kernels",
    "adapters": "adapters: casts, small products, sums",
    "loss": "logits, loss and their gradient",
    "dequantise": "weights into 16 bits",
    "communicate": "between the GPUs",
    "transfer": "weights in RAM",
    "launch": "the CPU starts kernels",
    "optimizer": "the optimizer's step",
    "propose": "proposing tokens",
}


def times(found: Sequence[Time]) -> Table:
    """One row for each time, in milliseconds, under the rate that it is a part of."""
    rows, last = [], None
    for each in found:
        if each.rate != last:
            last = each.rate
            rows.append([Cell(_RATES[each.rate], "strong"), Cell(""), Cell("")])
        shown = _milliseconds(each.expected)
        band = "beside the others" if each.hidden else f"{_milliseconds(each.low)} to {_milliseconds(each.high)}"
        rows.append([Cell(f"  {_CAUSES[each.cause]}", "dim"), Cell(shown, "dim"), Cell(band, "dim")])
    columns = [
        Column("", fixed=True),
        Column("ms", right=True, fixed=True),
        Column("low to high", right=True, fixed=True),
    ]
    return Table(columns, rows)


def _milliseconds(seconds: float) -> str:
    return two_digits(seconds * 1000)


def about(rate: Band) -> str:
    """``about 55 (38 to 70)``: no more digits than an estimate has."""
    return f"about {two_digits(rate.expected)} ({two_digits(rate.low)} to {two_digits(rate.high)})"
