"""Blocks as lines of a terminal: aligned, wrapped to the width, with or without colour, in UTF-8 or ASCII."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from llmcheck.printable import printable, shortened
from llmcheck.render import Options
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Cell,
    Commands,
    Document,
    Fact,
    Facts,
    Heading,
    Paragraph,
    Stack,
    Stacks,
    Table,
    Tasks,
    Tone,
)
from llmcheck.render.views.long_table import LONG, LongTable
from llmcheck.schema.estimate import Component

_STYLES: dict[Tone, str] = {
    "plain": "",
    "strong": "bold",
    "dim": "dim",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "unknown": "magenta",
    "accent": "cyan",
}
_BAR_CELLS = 12
_SEGMENTS: dict[Component, tuple[str, str, str]] = {
    "weights": ("W", "█", "blue"),
    "kv_cache": ("K", "▓", "cyan"),
    "activations": ("A", "▒", "magenta"),
    "gradients": ("G", "▚", "yellow"),
    "optimizer": ("O", "▞", "red"),
    "overhead": ("+", "░", "dim"),
}
"""ASCII character, drawn character and colour of each component. The characters identify it without colour."""
_WIDE, _NARROW = 110, 72
# Keeps a number and its unit on one line: this private-use character replaces the blank between them while wrapping.
_GLUE = "\ue000"
_LONGEST_TEXT = 4000
"""Characters of one cell or line; to lay out a name of a million takes seconds."""
_QUANTITY = re.compile(r"(?<=\d) (?=(?:[kMGTP]i?B|Gb/s|\$/h)\b)")
_ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "–": "-", "×": "x", "…": "...", "≥": ">="})


def blocks(shown: Document, options: Options) -> str:
    """Blocks as text, wrapped to ``options.width`` without cutting anything; only commands may be longer.

    Colour is SGR sequences of the sixteen standard colours, and no other escape sequence is written.
    """
    output = io.StringIO()
    console = Console(
        file=output,
        width=options.width,
        force_terminal=options.color,
        color_system="standard" if options.color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    for index, block in enumerate(shown):
        if index and isinstance(block, Heading | Paragraph):
            console.print()
        if isinstance(block, Commands):
            _write_commands(console, block, options)
        else:
            console.print(_renderable(block, options), crop=False)
    lines = (line.rstrip() for line in output.getvalue().replace(_GLUE, " ").splitlines())
    return "\n".join(lines) + "\n"


def _renderable(block: Block, options: Options) -> RenderableType:
    match block:
        case Heading():
            text = Text.assemble((_clean(block.text, options), _STYLES[block.tone] or "bold"))
            if block.detail:
                text.append("  " + _clean(block.detail, options), "dim")
            return text
        case Facts():
            return _facts(block, options)
        case Stacks():
            return _stacks(block, options)
        case Table():
            return _table(block, options)
        case Paragraph():
            texts = (Text(_clean(each.text, options), _STYLES[each.tone]) for each in block.sentences)
            return Text(" ", overflow="fold").join(texts)
        case Bullets() if len(block.items) > LONG:
            sign = (_sign("·", options), "")
            items = [[sign, (_clean(item.text, options), _STYLES[item.tone])] for item in block.items]
            return LongTable((1, max(1, options.width - 4)), (False, False), (), items, gap=1)
        case Bullets():
            grid = RichTable.grid(padding=(0, 1))
            grid.add_column(width=1)
            grid.add_column(overflow="fold")
            for item in block.items:
                grid.add_row(_sign("·", options), Text(_clean(item.text, options), _STYLES[item.tone], overflow="fold"))
            return Padding(grid, (0, 0, 0, 2))
        case Tasks():
            grid = RichTable.grid(padding=(0, 1))
            grid.add_column(width=3)
            grid.add_column(overflow="fold")
            for each in block.items:
                grid.add_row(Text("[x]" if each.done else "[ ]"), Text(_clean(each.text, options), overflow="fold"))
            return Padding(grid, (0, 0, 0, 2))
    return Group()


def _facts(block: Facts, options: Options) -> RenderableType:
    grid = RichTable.grid(padding=(0, 2))
    longest = max((cell_len(_clean(fact.label, options)) for fact in block.rows), default=0)
    grid.add_column(min_width=min(longest, options.width // 2), overflow="fold", style="dim")
    grid.add_column(overflow="fold")
    for fact in block.rows:
        value = Text(overflow="fold")
        if fact.used is not None:
            value.append_text(_bar(fact.used, options)).append(" ")
        value.append(_clean(fact.value, options), _STYLES[fact.tone])
        grid.add_row(_clean(fact.label, options), value)
    return Padding(grid, (0, 0, 0, 2))


def _bar(used: float, options: Options) -> Text:
    full = round(max(0.0, min(1.0, used)) * _BAR_CELLS)
    signs = ("#", ".") if options.ascii else ("█", "░")
    tone: Tone = "bad" if used > 0.9 else "warn" if used > 0.7 else "good"
    return Text.assemble((signs[0] * full, _STYLES[tone]), (signs[1] * (_BAR_CELLS - full), "dim"))


def _stacks(block: Stacks, options: Options) -> RenderableType:
    """Bars on one scale, each below its label, and a legend."""
    cells = max(20, min(options.width - 8, 72))
    scale = max((_extent(row) for row in block.rows), default=1.0) or 1.0
    lines: list[Text] = []
    for row in block.rows:
        lines.append(Text.assemble(_clean(row.label, options), "  ", (_clean(row.value, options), _STYLES[row.tone])))
        lines.append(_stack(row, options, cells, scale))
    present = {each.component: each.label for row in block.rows for each in row.segments if each.size > 0}
    legend = Text()
    for component, label in present.items():
        sign, style = _segment_sign(component, options)
        legend.append(f"{sign} ", style).append(f"{_clean(label, options)}   ")
    lines.append(legend)
    return Padding(Group(*lines), (0, 0, 0, 2))


def _extent(row: Stack) -> float:
    return max(row.capacity or 0.0, sum(segment.size for segment in row.segments))


def _stack(row: Stack, options: Options, cells: int, scale: float) -> Text:
    text = Text()
    filled, at = 0.0, 0
    for segment in row.segments:
        filled += segment.size
        end = max(round(filled / scale * cells), at + 1) if segment.size > 0 else at
        sign, style = _segment_sign(segment.component, options)
        text.append(sign * (min(end, cells) - at), style)
        at = min(end, cells)
    if row.capacity is None:
        return text
    edge = round(row.capacity / scale * cells)
    mark = Text("|" if options.ascii else "▏", "bold")
    if edge < at:
        return text[:edge] + mark + text[edge:]
    return text.append(("." if options.ascii else "·") * (edge - at), "dim").append_text(mark)


def _segment_sign(component: Component, options: Options) -> tuple[str, str]:
    plain, drawn, style = _SEGMENTS[component]
    return (plain if options.ascii else drawn), style


def _table(block: Table, options: Options) -> RenderableType:
    kept = [
        index
        for index, column in enumerate(block.columns)
        if options.width >= (_WIDE if column.wide_only else _NARROW if column.not_narrow else 0)
    ]
    ranges = [_width_range(block, index, options) for index in kept]
    moved = [index for index in kept if block.columns[index].below is not None]
    if 0 < len(moved) < len(kept) and sum(longest for _, longest in ranges) > options.width - 2 * len(kept):
        return _folded(block, [index for index in kept if index not in moved], moved, options)
    widths = _widths(ranges, options.width - 2 * len(kept))
    if widths is None:
        return _as_list(block, kept, options)
    if len(block.rows) > LONG:
        columns = [block.columns[index] for index in kept]
        cells = [[(_clean(row[index].text, options), _STYLES[row[index].tone]) for index in kept] for row in block.rows]
        return LongTable(widths, [each.right for each in columns], [each.name for each in columns], cells)
    table = _grid(block, kept, widths, header=True)
    for row in block.rows:
        table.add_row(*_cells(row, kept, options))
    return Padding(table, (0, 0, 0, 2))


def _grid(block: Table, kept: Sequence[int], widths: Sequence[int], *, header: bool) -> RichTable:
    table = RichTable(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False, show_header=header
    )
    for index, cells in zip(kept, widths, strict=True):
        column = block.columns[index]
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=column.fixed,
            overflow="fold",
            width=cells,
        )
    return table


def _cells(row: Sequence[Cell], kept: Sequence[int], options: Options) -> list[Text]:
    return [Text(_clean(row[index].text, options), _STYLES[row[index].tone]) for index in kept]


def _folded(block: Table, kept: Sequence[int], moved: Sequence[int], options: Options) -> RenderableType:
    """Each row with a line below it for the cells that have no place in it; a list where even that is too wide."""
    widths = _widths([_width_range(block, index, options) for index in kept], options.width - 2 * len(kept))
    if widths is None:
        return _as_list(block, [*kept, *moved], options)
    lines: list[RenderableType] = [_grid(block, kept, widths, header=True)]
    for row in block.rows:
        table = _grid(block, kept, widths, header=False)
        table.add_row(*_cells(row, kept, options))
        words = [(block.columns[index].below or "{}").format(row[index].text) for index in moved if row[index].text]
        below = Text(_clean(" · ".join(words), options), _STYLES["dim"], overflow="fold")
        lines += [table, Padding(below, (0, 0, 0, 2))]
    return Padding(Group(*lines), (0, 0, 0, 2))


def _width_range(block: Table, index: int, options: Options) -> tuple[int, int]:
    """The minimum width of a column, and the width of its longest text on one line, in cells."""
    column = block.columns[index]
    longest = max([cell_len(column.name), *(cell_len(_clean(row[index].text, options)) for row in block.rows)])
    return longest if column.fixed else min(column.min_width, longest), longest


def _widths(ranges: Sequence[tuple[int, int]], available: int) -> list[int] | None:
    """The width of each column in cells; the widest are narrowed first. None if the minimum widths do not fit.

    rich itself would cut text that does not fit.
    """
    if sum(minimum for minimum, _ in ranges) > available:
        return None
    limit = min(available, max((longest for _, longest in ranges), default=0))
    while sum(max(minimum, min(longest, limit)) for minimum, longest in ranges) > available:
        limit -= 1
    widths = [max(minimum, min(longest, limit)) for minimum, longest in ranges]
    for index, (_, longest) in reversed(list(enumerate(ranges))):
        widths[index] += min(longest - widths[index], available - sum(widths))
    return widths


def _as_list(block: Table, kept: Sequence[int], options: Options) -> RenderableType:
    """A list instead of a table: the first cell of a row, and below it the others with the names of their columns."""
    rows: list[RenderableType] = []
    for row in block.rows:
        first, *others = (row[index] for index in kept)
        rows.append(Text(_clean(first.text, options), _STYLES[first.tone], overflow="fold"))
        names = [block.columns[index].name for index in kept[1:]]
        facts = [Fact(name, cell.text, cell.tone) for name, cell in zip(names, others, strict=True) if cell.text]
        if facts:
            rows.append(_facts(Facts(facts), options))
    return Padding(Group(*rows), (0, 0, 0, 2))


def _write_commands(console: Console, block: Commands, options: Options) -> None:
    for command, reason in block.lines:
        if reason:
            comment = Text("# " + _clean(reason, options), "dim")
            for line in comment.wrap(console, max(20, options.width - 4)):
                text = line if line.plain.startswith("#") else Text("# " + line.plain, "dim")
                console.print(Padding(text, (0, 0, 0, 2)), no_wrap=True)
        console.print(Text("  " + printable(command), _STYLES["accent"]), soft_wrap=True)


def _sign(sign: str, options: Options) -> str:
    return sign.translate(_ASCII) if options.ascii else sign


def _clean(text: str, options: Options) -> str:
    text = printable(shortened(text, _LONGEST_TEXT))
    if options.ascii:
        text = text.translate(_ASCII).encode("ascii", "replace").decode()
    return _QUANTITY.sub(_GLUE, text)
