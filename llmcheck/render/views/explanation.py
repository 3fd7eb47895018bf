"""What a word means, in every sense that it has."""

from __future__ import annotations

from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Commands, Fact, Facts, Heading, Paragraph, Table
from llmcheck.schema.explanation import Explanation, Meaning

_FEW = 2
"""Requirements of one id that are shown in full; of more, a table."""


def explanation(value: Explanation) -> list[Block]:
    """One heading for each sense."""
    required = [each for each in value.meanings if each.profile is not None]
    if len(required) <= _FEW:
        return [block for each in value.meanings for block in _meaning(each)]
    others = [block for each in value.meanings if each.profile is None for block in _meaning(each)]
    rows = [[Cell(each.profile or "", "strong"), Cell(each.means), Cell(each.why or "")] for each in required]
    columns = [Column("profile", fixed=True), Column("needed"), Column("why", not_narrow=True)]
    return [*others, Heading(value.word, f"requirement of {len(required)} profiles"), Table(columns, rows)]


def _meaning(value: Meaning) -> list[Block]:
    blocks: list[Block] = [Heading(value.id, value.of), Paragraph([Cell(value.means)])]
    pairs = (("Why", value.why), ("Do", value.do), ("Written", value.example), ("Source", value.source))
    facts = [Fact(label, text) for label, text in pairs if text]
    if facts:
        blocks.append(Facts(facts))
    if value.keys:
        rows = [
            [Cell(each.name, "strong"), Cell("yes" if each.needed else ""), Cell(each.means)] for each in value.keys
        ]
        columns = [Column("key", fixed=True), Column("needed", fixed=True), Column("meaning")]
        if not any(each.needed for each in value.keys):
            rows, columns = [[row[0], row[2]] for row in rows], [columns[0], columns[2]]
        blocks.append(Table(columns, rows))
    if value.corrections:
        blocks.append(Bullets([Cell(each, "warn") for each in value.corrections]))
    if value.command:
        blocks.append(Commands([(value.command, "")]))
    return blocks
