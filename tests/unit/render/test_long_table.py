"""A table of many rows looks as one of few."""

from __future__ import annotations

import pytest

from llmcheck.render import Options
from llmcheck.render.views.blocks import Bullets, Cell, Column, Table, Tone
from llmcheck.render.views.long_table import LONG
from llmcheck.render.views.terminal import blocks

COLUMNS = (
    Column(name="", fixed=True),
    Column(name="requirement"),
    Column(name="needed", right=True),
    Column(name="source"),
)
ROWS = (
    ("✓ pass", "short", "1 MB", "README"),
    ("✗ fail", "a requirement whose words take more than one line of a narrow terminal", "2,000 GiB", ""),
    (
        "? unknown",
        "幅の広い文字 of two cells each, and one-word-that-is-far-too-long-for-its-column-" + "x" * 60,
        "",
        "a, b",
    ),
    ("✓ pass", "", "", "the documents of somebody, chapter 7, with more words than fit"),
)


def table(count: int) -> Table:
    tones: tuple[Tone, ...] = ("good", "bad", "unknown", "dim")
    rows = tuple(
        tuple(Cell(text=text, tone=tones[number % 4] if index == 0 else "plain") for index, text in enumerate(row))
        for number, row in zip(range(count), ROWS * count, strict=False)
    )
    return Table(columns=COLUMNS, rows=rows)


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("width", [60, 72, 80, 120, 160])
def test_its_lines_are_those_of_a_short_one(width: int, color: bool) -> None:
    options = Options(width=width, color=color)
    short = blocks((table(LONG),), options).splitlines()
    long = blocks((table(LONG + 1),), options).splitlines()
    assert plain(long[: len(short)]) == plain(short)
    assert len(long) == len(short) + 1


@pytest.mark.parametrize("width", [40, 60, 80, 120, 160])
def test_a_long_list_too(width: int) -> None:
    items = [Cell(text=ROWS[number % 4][1] or "x") for number in range(LONG + 1)]
    short, long = (blocks((Bullets(items[:count]),), Options(width=width)).splitlines() for count in (LONG, LONG + 1))
    assert long[: len(short)] == short
    assert len(long) > len(short)


def plain(lines: list[str]) -> list[str]:
    """Without the styles of blanks, which rich writes and nobody sees."""
    import re

    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in lines]
