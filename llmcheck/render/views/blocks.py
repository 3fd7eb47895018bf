"""The few shapes that every document is made of. A view builds them once; each text format writes them in its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Tone = Literal["plain", "strong", "dim", "good", "bad", "warn", "unknown", "accent"]


class Cell(NamedTuple):
    text: str
    tone: Tone = "plain"


class Heading(NamedTuple):
    text: str
    detail: str = ""
    tone: Tone = "strong"
    level: int = 2


class Fact(NamedTuple):
    label: str
    value: str
    tone: Tone = "plain"
    used: float | None = None
    """0 to 1, drawn as a bar in front of the value; None draws none."""


class Facts(NamedTuple):
    rows: Sequence[Fact]


class Segment(NamedTuple):
    name: str
    size: float


class Stack(NamedTuple):
    """One capacity and what fills it, drawn to scale; what is over it is drawn beyond its end."""

    label: str
    segments: Sequence[Segment]
    capacity: float | None
    """None: not known; the segments fill the whole bar."""
    value: str
    tone: Tone = "plain"


class Stacks(NamedTuple):
    rows: Sequence[Stack]


class Column(NamedTuple):
    name: str
    right: bool = False
    wide_only: bool = False
    """Only where there is plenty of room."""
    not_narrow: bool = False
    """Left out on narrow terminals, for the text below says it too."""
    fixed: bool = False
    """Never wrapped."""
    least: int = 8
    """Cells that its text is wrapped to at the narrowest; in less room than its columns need, a table is a list."""


class Table(NamedTuple):
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


class Bullets(NamedTuple):
    items: Sequence[Cell]


class Commands(NamedTuple):
    """Shell lines to paste, each with its reason."""

    lines: Sequence[tuple[str, str]]


Block = Heading | Facts | Stacks | Table | Bullets | Commands
Document = Sequence[Block]


def moment(iso: str | None) -> str:
    """An ISO 8601 time in UTC as people write it, to the minute: ``2026-11-22 12:00 UTC``."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso and len(iso) >= 16 else iso or ""
