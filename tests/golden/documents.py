"""What README.md and the pages of ``docs`` show of the program.

A text block below ``<!-- screen: NAME -->`` is the screen of that name, and one below ``<!-- screen: NAME, lines 1 to 9
-->`` a part of it. A ``sh`` block right above the comment has the command that prints the whole screen, at 100 columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COLUMNS = 100

_SHOWN = re.compile(
    r"(?:```sh\n(?P<command>llmcheck [^\n]+)\n```\n\n)?"
    r"<!-- screen: (?P<screen>[\w.-]+?)(?:, lines (?P<first>\d+) to (?P<last>\d+))? -->\n\n"
    r"```text\n(?P<text>.*?)```\n",
    re.DOTALL,
)


@dataclass(frozen=True)
class Shown:
    """One block that shows a screen."""

    screen: str
    """The name of its file."""
    lines: tuple[int, int] | None
    """The first and the last line of the part that is shown, from 1; None: all of it."""
    text: str
    command: str | None
    """What prints the screen; None where the document does not say it right above."""


def shown_in(document: str) -> list[Shown]:
    """The marked blocks of a document's text."""
    return [_shown(found) for found in _SHOWN.finditer(document)]


def _shown(found: re.Match[str]) -> Shown:
    lines = None if found["first"] is None else (int(found["first"]), int(found["last"]))
    return Shown(found["screen"], lines, found["text"], found["command"])


def excerpt(screen: str, lines: tuple[int, int] | None) -> str:
    """The lines of a screen that a block shows. A screen in Markdown or of many lines may be shown in part."""
    first, last = lines or (1, len(screen.splitlines()))
    return "".join(f"{line}\n" for line in screen.splitlines()[first - 1 : last])


def written_anew(document: str, screens: Path) -> str:
    """A document whose marked blocks show the screens that are stored now."""

    def block(found: re.Match[str]) -> str:
        each = _shown(found)
        text = excerpt((screens / each.screen).read_text(encoding="utf-8"), each.lines)
        return found[0][: found.start("text") - found.start()] + text + "```\n"

    return _SHOWN.sub(block, document)
