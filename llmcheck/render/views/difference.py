"""The screen of ``llmcheck diff``: what is worse, what is better, and the facts that changed."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Heading, Paragraph, Table, Tone, format_time
from llmcheck.render.views.findings import WORDS
from llmcheck.schema.difference import Changed, Difference, Fact
from llmcheck.schema.report import Verdict

_MOST_FACTS = 40
"""On a screen; JSON has all."""


def difference(value: Difference) -> list[Block]:
    words, tone = _answer(value)
    times = f"{format_time(value.before_at) or 'unknown'} to {format_time(value.after_at) or 'unknown'}"
    blocks: list[Block] = [Heading(words, times, tone)]
    if value.before is not None and value.after is not None:
        verdicts = f"The verdict was {_verdict(value.before)}, and is {_verdict(value.after)}."
        blocks.append(Paragraph([Cell(verdicts)]))
    for when, names in (("before", value.profiles_before), ("after", value.profiles_after)):
        if names:
            blocks.append(Paragraph([Cell(f"Judged only {when}: {', '.join(names)}.", "dim")]))
    blocks += _findings("Worse", value.worse, "bad")
    blocks += _findings("Better", value.better, "good")
    blocks += _findings("Also changed", value.other, "plain")
    if value.facts:
        shown = value.facts[:_MOST_FACTS]
        columns = [Column("fact"), Column("before"), Column("after")]
        blocks += [Heading("The machine", level=3), Table(columns, [_fact(each) for each in shown])]
        if len(shown) < len(value.facts):
            rest = f"{len(value.facts) - len(shown):,} more: --format json has all"
            blocks.append(Bullets([Cell(rest, "dim")]))
    return blocks


def _answer(value: Difference) -> tuple[str, Tone]:
    if value.worse:
        return f"{len(value.worse)} worse", "bad"
    if value.better:
        return f"{len(value.better)} better, nothing worse", "good"
    return ("No finding is worse", "plain") if value.other or value.facts else ("Nothing changed", "plain")


def _verdict(verdict: Verdict | None) -> str:
    return "none" if verdict is None else WORDS[verdict]


def _findings(title: str, found: Sequence[Changed], tone: Tone) -> list[Block]:
    if not found:
        return []
    columns = [Column("finding"), Column("before"), Column("after"), Column("what to do")]
    return [Heading(title, level=3), Table(columns, [_row(each, tone) for each in found])]


def _row(each: Changed, tone: Tone) -> list[Cell]:
    return [
        Cell(each.name, "strong"),
        Cell(_state(each.before, each.before_found), "dim"),
        Cell(_state(each.after, each.after_found), tone),
        Cell(each.remedy or "" if tone == "bad" else ""),
    ]


def _state(status: str | None, found: str | None) -> str:
    if status is None:
        return "not in this report"
    return f"{status}: {found}" if found else status


def _fact(fact: Fact) -> list[Cell]:
    return [Cell(fact.name), Cell(fact.before or "–", "dim"), Cell(fact.after or "–")]
