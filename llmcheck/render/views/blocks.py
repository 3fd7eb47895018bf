"""The blocks of a document. Views create them; the formats for people write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from llmcheck.schema.estimate import Component

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
    """0 to 1, drawn as a bar in front of the value; None: no bar."""


class Facts(Struct, frozen=True):
    rows: Sequence[Fact]


class Segment(Struct, frozen=True):
    component: Component
    """Decides its character and colour."""
    label: str
    size: float
    """In the unit of the bar's capacity."""


class Stack(Struct, frozen=True):
    """A bar that shows the parts of a capacity, to scale; parts beyond the capacity are drawn past its end."""

    label: str
    segments: Sequence[Segment]
    capacity: float | None
    """None: unknown; the parts fill the bar."""
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
    """Not shown on narrow terminals; other text has the same information."""
    fixed: bool = False
    """Never wrapped."""
    below: str | None = None
    """Where the rows of a table do not fit on one line each, this cell moves to a line below its row, in these words:
    ``RAM {}``. None: it stays."""
    min_width: int = 8
    """Its text is not wrapped to fewer cells. A table that does not fit becomes a list."""


class Table(Struct, frozen=True):
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


class Paragraph(Struct, frozen=True):
    """Sentences, one after the other."""

    sentences: Sequence[Cell]


class Bullets(Struct, frozen=True):
    items: Sequence[Cell]


class Task(Struct, frozen=True):
    id: str
    """Marks it in a Markdown file, where it can be ticked."""
    text: str
    done: bool


class Tasks(Struct, frozen=True):
    """Things to do, each with a box."""

    items: Sequence[Task]


class Commands(Struct, frozen=True):
    """Shell commands to paste."""

    lines: Sequence[tuple[str, str]]
    """A command and its reason, which may be empty."""


class Verbatim(Struct, frozen=True):
    """A file for another program, the only block of its document: the text format writes it as it is."""

    text: str


Block = Verbatim | Heading | Facts | Stacks | Table | Paragraph | Bullets | Tasks | Commands
Document = Sequence[Block]


def format_time(iso: str | None) -> str:
    """An ISO 8601 time in UTC, to the minute: ``2026-11-22 12:00 UTC``."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso and len(iso) >= 16 else iso or ""
