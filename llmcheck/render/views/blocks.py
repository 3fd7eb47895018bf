"""The few shapes that every document is made of. A view builds them once; each text format writes them in its way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Tone = Literal["plain", "strong", "dim", "good", "bad", "warn", "unknown", "accent"]

# C0 and C1 controls, and the marks that reorder text: data from outside must not steer the terminal.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Cell(Struct, frozen=True):
    text: str
    tone: Tone = "plain"


class Heading(Struct, frozen=True):
    text: str
    detail: str = ""
    tone: Tone = "strong"
    level: int = 2


class Fact(Struct, frozen=True):
    label: str
    value: str
    tone: Tone = "plain"
    used: float | None = None
    """0 to 1, drawn as a bar in front of the value; None draws none."""


class Facts(Struct, frozen=True):
    rows: Sequence[Fact]


class Segment(Struct, frozen=True):
    name: str
    size: float


class Stack(Struct, frozen=True):
    """One capacity and what fills it, drawn to scale; what is over it is drawn beyond its end."""

    label: str
    segments: Sequence[Segment]
    capacity: float | None
    """None: not known; the segments fill the whole bar."""
    value: str
    tone: Tone = "plain"


class Stacks(Struct, frozen=True):
    rows: Sequence[Stack]


class Column(Struct, frozen=True):
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


class Table(Struct, frozen=True):
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


class Bullets(Struct, frozen=True):
    items: Sequence[Cell]


class Commands(Struct, frozen=True):
    """Shell lines to paste, each with its reason."""

    lines: Sequence[tuple[str, str]]


Block = Heading | Facts | Stacks | Table | Bullets | Commands
Document = Sequence[Block]


def moment(iso: str | None) -> str:
    """An ISO 8601 time in UTC as people write it, to the minute: ``2026-11-22 12:00 UTC``."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso and len(iso) >= 16 else iso or ""


def printable(text: str) -> str:
    """Text from outside with its control characters made visible."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
