"""A table of many rows, laid out as rich lays out a short one, which takes it a millisecond for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

LONG = 100
"""Rows."""
_INDENT = "  "


class LongTable(Struct, frozen=True):
    """A renderable of rich: the names of the columns, dim, and the rows; each line is indented."""

    widths: Sequence[int]
    """Of each column, in cells."""
    right: Sequence[bool]
    """Whether a column is aligned to the right."""
    header: Sequence[str]
    """(): no names of columns."""
    rows: Sequence[Sequence[tuple[str, str]]]
    """Text and style of each cell."""
    gap: int = 2
    """Cells between two columns."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """The lines, with the segments that rich expects of a renderable."""
        styles = {name: console.get_style(name) for name in {"dim", *(style for row in self.rows for _, style in row)}}
        header = [[(name, "dim") for name in self.header]] if self.header else []
        for row in (*header, *self.rows):
            yield from self._lines(row, console, styles)

    def _lines(self, row: Sequence[tuple[str, str]], console: Console, styles: dict[str, Style]) -> Iterator[Segment]:
        cells = [self._wrapped(text, width, console) for (text, _), width in zip(row, self.widths, strict=True)]
        for number in range(max(map(len, cells))):
            blanks = _INDENT
            for (_, style), width, right, lines in zip(row, self.widths, self.right, cells, strict=True):
                text = lines[number] if number < len(lines) else ""
                rest = width - cell_len(text)
                if text:
                    yield Segment(blanks + " " * (rest if right else 0))
                    yield Segment(text, styles[style])
                    blanks = " " * (self.gap if right else rest + self.gap)
                else:
                    blanks += " " * (width + self.gap)
            yield Segment.line()

    @staticmethod
    def _wrapped(text: str, width: int, console: Console) -> list[str]:
        if cell_len(text) <= width and "\n" not in text:
            return [text]
        return [line.plain.rstrip() for line in Text(text).wrap(console, width, overflow="fold")]
