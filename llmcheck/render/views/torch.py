"""The screen of ``llmcheck torch-index``: the build of PyTorch for a machine, and how it was chosen."""

from __future__ import annotations

from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Fact, Facts, Heading, Table
from llmcheck.schema.advice import TorchBuild


def torch(value: TorchBuild) -> list[Block]:
    facts = [
        Fact("Build", value.tag),
        Fact("Index", value.index_url or "PyPI, whose wheel is this build"),
        Fact("Requirement", value.requirement),
    ]
    reasons = [Cell(reason) for reason in value.reasons]
    reasons += [Cell(value.remedy, "accent")] if value.remedy else []
    blocks: list[Block] = [Heading("PyTorch for this machine"), Facts(facts), Heading("Why"), Bullets(reasons)]
    if value.none is not None:
        blocks = [Heading("No PyTorch for this machine"), Bullets([Cell(value.none, "bad"), *reasons])]
    if value.decisions:
        columns = [Column("question"), Column("answer"), Column("source", not_narrow=True)]
        rows = [
            [
                Cell(each.question),
                Cell(each.answer, "bad" if each.passed is False else "plain"),
                Cell(each.source or "", "dim"),
            ]
            for each in value.decisions
        ]
        blocks += [Heading("Step by step"), Table(columns, rows)]
    return blocks
