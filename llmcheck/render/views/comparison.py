"""The screens of ``llmcheck fit`` that set methods or machines side by side: a row for each."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Heading, Table, Tone
from llmcheck.render.views.plans import how, pasted, rate
from llmcheck.schema.comparison import MachineFit, Machines, MethodFit, Methods
from llmcheck.schema.estimate import FitVerdict, MethodKind
from llmcheck.units import format_gib, two_digits

_METHODS: dict[MethodKind, str] = {
    "full": "full",
    "full-8bit-optimizer": "full with 8-bit AdamW",
    "lora": "LoRA",
    "qlora": "QLoRA",
}
_VERDICTS: dict[FitVerdict, tuple[str, Tone]] = {
    "fits": ("fits", "good"),
    "fits-with-offload": ("fits with offload", "warn"),
    "does-not-fit": ("does not fit", "bad"),
    "unknown": ("unknown", "unknown"),
}


# --- methods ---


def methods(value: Methods, options: Options) -> list[Block]:
    fitting = [_METHODS[each.kind] for each in value.methods if each.plan is not None]
    unknown = all(each.verdict == "unknown" for each in value.methods)
    words = "unknown" if unknown else f"fits by {_listed(fitting)}" if fitting else "no method fits"
    tone: Tone = "unknown" if unknown else "good" if fitting else "bad"
    with_days = any(each.days is not None for each in value.methods)
    columns = [
        Column("method", min_width=10),
        Column("memory", right=True, fixed=True),
        Column("result", min_width=16),
        Column("tokens/s", right=True, fixed=True),
        *([Column("days", right=True, fixed=True)] if with_days else []),
        Column("options to add", min_width=20),
    ]
    rows = [_method(each, with_days=with_days) for each in value.methods]
    notes = [f"machine: {value.machine}", f"sequences of {value.context:,} tokens"]
    blocks: list[Block] = [Heading(f"{value.model}, fine-tuning: {words}", "", tone, level=1)]
    blocks += [Bullets([Cell(each, "dim") for each in notes]), Table(columns, rows)]
    if options.verbose and value.assumptions:
        blocks += [Heading("Assumptions"), Bullets([Cell(each, "dim") for each in value.assumptions])]
    return blocks


def _method(each: MethodFit, *, with_days: bool) -> list[Cell]:
    days = "–" if each.days is None else f"~{two_digits(each.days.expected)}"
    return [
        Cell(_METHODS[each.kind], "strong"),
        Cell(format_gib(each.memory.total)),
        Cell(*_result(each)),
        Cell(rate(each.tokens_per_second)),
        *([Cell(days)] if with_days else []),
        Cell(pasted(each.options), "accent"),
    ]


def _result(each: MethodFit) -> tuple[str, Tone]:
    words, tone = _VERDICTS[each.verdict]
    if each.verdict == "fits":
        return f"fits on {'the GPU' if each.gpus == 1 else f'{each.gpus} GPUs'}", tone
    if each.verdict == "fits-with-offload":
        return f"fits with {format_gib(each.memory.ram)} in RAM", tone
    if each.verdict == "does-not-fit" and each.short_bytes is not None:
        where = f" on each of {each.gpus} GPUs" if each.gpus > 1 else ""
        return f"{format_gib(each.short_bytes)} short{where}", tone
    return f"{words}: {each.reason}", tone


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


# --- machines ---


def machines(value: Machines, options: Options) -> list[Block]:
    fitting = sum(each.verdict in ("fits", "fits-with-offload") for each in value.machines)
    count = len(value.machines)
    words = f"fits on {'all' if fitting == count else fitting or 'none'} of {count} machines"
    tone: Tone = "good" if fitting == count else "warn" if fitting else "bad"
    columns = [
        Column("machine", min_width=14),
        Column("result", min_width=10),
        Column("best way", min_width=12),
        Column("memory", right=True, fixed=True),
        Column("tokens/s", right=True, fixed=True),
    ]
    blocks: list[Block] = [
        Heading(f"{value.model}: {words}", "", tone, level=1),
        Table(columns, [_machine(each) for each in value.machines]),
    ]
    reasons = [f"{each.given}: {_reason(each)}" for each in value.machines if options.verbose or not _fits(each)]
    return [*blocks, Bullets([Cell(each, "dim") for each in reasons])] if reasons else blocks


def _fits(each: MachineFit) -> bool:
    return each.fit is not None and bool(each.fit.plans)


def _reason(each: MachineFit) -> str:
    least = None if each.fit is None else each.fit.least_memory
    if least is None:
        return each.reason
    return f"{format_gib(least.total)} at the least, with weights in {least.weights}, run by {least.runtime}"


def _machine(each: MachineFit) -> list[Cell]:
    words, tone = _VERDICTS[each.verdict]
    first = [Cell(each.given, "strong"), Cell(words, tone)]
    if each.fit is None:
        return [*first, Cell("–"), Cell("–"), Cell("–")]
    if not each.fit.plans:
        least = each.fit.least_memory
        needed = f"{format_gib(each.fit.memory.total if least is None else least.total)} needed"
        return [*first, Cell("–"), Cell(needed), Cell("–")]
    best = each.fit.plans[0]
    return [*first, Cell(how(best)), Cell(format_gib(best.memory.total)), Cell(rate(best.tokens_per_second))]
