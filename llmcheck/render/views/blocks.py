"""The blocks that every document consists of. A view builds them; each format for people writes them in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Tone = Literal["plain", "strong", "dim", "good", "bad", "warn", "unknown", "accent"]


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
    """A bar: one capacity and its parts, drawn to scale; parts beyond the capacity are drawn past its end."""

    label: str
    segments: Sequence[Segment]
    capacity: float | None
    """None: not known; the parts fill the whole bar."""
    value: str
    tone: Tone = "plain"


class Stacks(Struct, frozen=True):
    rows: Sequence[Stack]


class Column(Struct, frozen=True):
    name: str
    right: bool = False
    wide_only: bool = False
    """Shown only on wide terminals."""
    not_narrow: bool = False
    """Left out on narrow terminals: the text below has it too."""
    fixed: bool = False
    """Never wrapped."""
    least: int = 8
    """The least width that its text is wrapped to; a table that needs more than there is becomes a list."""


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
