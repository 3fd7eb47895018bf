"""The tables below the answer of ``llmcheck fit``: the other plans, and what would make a model fit."""

from __future__ import annotations

from collections.abc import Iterator

from llmcheck.render import Options
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Heading, Table
from llmcheck.render.views.plans import pasted, rate, tokens, where
from llmcheck.schema.estimate import Alternative, Fit, Loss, Plan
from llmcheck.units import format_gib, two_digits

_SHOWN = 8
_HOW = "each by the options to add to this command line"
_SAME_SPEED = 1.1
"""Times; the estimate tells no smaller difference."""
_LOSSES: dict[Loss | None, str] = {
    "lossless": "loses nothing",
    "negligible": "negligible loss",
    "small": "small loss",
    "noticeable": "noticeable loss",
    "large": "large loss",
    None: "loss not published",
}
_COSTS = {"free": "free", "quality": "costs quality", "speed": "costs speed", "hardware": "costs hardware"}


def ways(value: Fit, options: Options) -> list[Block]:
    """One table: the other plans where there are some; else, and where nothing fits, the changes that help."""
    rows = [*_released(value), *((plan, "") for plan in value.plans[1:])]
    blocks = _other_plans(value, rows, options) if rows else []
    if not value.plans:
        return [*blocks, *_would_fit(value)]
    return [*blocks, *_would_fit(value)] if value.verdict == "fits-with-offload" else blocks


def _released(value: Fit) -> Iterator[tuple[Plan, str]]:
    for each in value.released:
        names = " and ".join(f"--{name}" for name in each.without)
        yield each.plan, f"without {names}: "


# --- other plans ---


def _other_plans(value: Fit, rows: list[tuple[Plan, str]], options: Options) -> list[Block]:
    shown = rows if options.verbose else rows[:_SHOWN]
    best = value.plans[0] if value.plans else None
    plans = [plan for plan, _ in shown] + ([best] if best else [])
    with_context = len({plan.context for plan in plans}) > 1
    columns = [
        Column("options to add", min_width=22),
        Column("memory", right=True, fixed=True),
        Column("where", min_width=8),
        Column("tokens/s", right=True, fixed=True),
        *([Column("context", right=True, fixed=True)] if with_context else []),
        Column("against the best" if best else "quality", min_width=12),
    ]
    cells = [
        [
            Cell(pasted(plan.options), "accent"),
            Cell(format_gib(plan.memory.total)),
            Cell(where(plan)),
            Cell(rate(plan.tokens_per_second)),
            *([Cell(tokens(plan.context))] if with_context else []),
            Cell(f"{note}{_against(plan, best)}", "dim"),
        ]
        for plan, note in shown
    ]
    blocks: list[Block] = [Heading("Other ways" if best else "Ways that fit", _HOW), Table(columns, cells)]
    if len(shown) < len(rows):
        blocks.append(Bullets([Cell(f"{len(rows) - len(shown)} more with -v", "dim")]))
    return blocks


def _against(plan: Plan, best: Plan | None) -> str:
    """What it costs or gains, the quality first; a context has a column of its own."""
    if best is None:
        return _LOSSES[plan.loss]
    parts = [] if plan.loss == best.loss else [_LOSSES[plan.loss]]
    parts += _of_speed(plan, best)
    if not parts and plan.context != best.context:
        return "shorter context" if plan.context < best.context else "longer context"
    return ", ".join(parts) or "about the same"


def _of_speed(plan: Plan, best: Plan) -> list[str]:
    ours, theirs = plan.tokens_per_second, best.tokens_per_second
    if ours is None or theirs is None:
        return [] if ours is theirs else ["speed not known"]
    if not ours.expected or not theirs.expected:
        return []
    faster, slower = ours.expected / theirs.expected, theirs.expected / ours.expected
    if max(faster, slower) < _SAME_SPEED:
        return []
    return [f"{two_digits(faster)}x faster" if faster > 1 else f"{two_digits(slower)}x slower"]


# --- what would make it fit ---


def _would_fit(value: Fit) -> list[Block]:
    if value.verdict == "fits-with-offload":
        return [Heading("Would fit on the GPUs alone"), _changes(value.ways)] if value.ways else []
    blocks: list[Block] = [Heading("What would make it fit")]
    least = value.least_memory
    if least is not None:
        text = f"{format_gib(least.total)} at the least, with weights in {least.weights}, run by {least.runtime}"
        blocks.append(Bullets([Cell(text)]))
    if value.ways:
        return [*blocks, _changes(value.ways)]
    if value.verdict != "does-not-fit" or value.released:
        return []
    return [*blocks, Bullets([Cell("no change that was tried makes it fit", "bad")])]


def _changes(found: tuple[Alternative, ...]) -> Table:
    with_options = any(way.options for way in found)
    columns = [
        Column("change", min_width=24),
        Column("total memory", right=True, fixed=True),
        Column("", fixed=True),
        *([Column("options to add", min_width=20)] if with_options else []),
    ]
    return Table(columns, [_change(way, with_options=with_options) for way in found])


def _change(way: Alternative, *, with_options: bool) -> list[Cell]:
    cells = [Cell(way.change), Cell(format_gib(way.total)), Cell(_COSTS[way.cost], "dim")]
    return [*cells, Cell(pasted(way.options), "accent")] if with_options else cells
