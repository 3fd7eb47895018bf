"""Markdown, for issues, wikis and job summaries."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Commands,
    Facts,
    Heading,
    Paragraph,
    Stacks,
    Table,
    Tasks,
    Verbatim,
)
from llmcheck.render.views.views import document

FILE_NAMES = ("*.md", "*.markdown")

_SPECIAL = re.compile(r"(https?://[^\s\\`*\[\]<>|]+)|([\\`*_\[\]<>|#~])")
"""An address, in which an escape would become part of the link, or a character with a meaning."""


def render(value: object, options: Options) -> str:
    """The value as a Markdown document; all text is escaped."""
    return "\n\n".join(text for block in document(value, options) if (text := _block(block))) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading():
            detail = f": {_text(block.detail)}" if block.detail else ""
            return f"{'#' * block.level} {_text(block.text)}{detail}"
        case Facts():
            return _table(("", ""), [(fact.label, fact.value) for fact in block.rows])
        case Stacks():
            return _table(("", ""), [(row.label, row.value) for row in block.rows])
        case Table():
            return _table(
                [column.name for column in block.columns], [[cell.text for cell in row] for row in block.rows]
            )
        case Paragraph():
            return " ".join(_text(each.text) for each in block.sentences)
        case Bullets():
            return "\n".join(f"- {_text(item.text)}" for item in block.items)
        case Verbatim():
            return _fenced(block.text.splitlines())
        case Tasks():
            return "\n".join(
                f"- [{'x' if each.done else ' '}] {_text(each.text)} <!-- {each.id} -->" for each in block.items
            )
        case Commands():
            return _fenced([f"{command}  # {reason}" if reason else command for command, reason in block.lines])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else _text(cell) for cell in line) + " |" for line in lines
    )


def _fenced(lines: Sequence[str]) -> str:
    text = "\n".join(printable(line) for line in lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"


def _text(text: str) -> str:
    return _SPECIAL.sub(lambda found: found[1] or f"\\{found[2]}", printable(text))
