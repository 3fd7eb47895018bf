"""Test Anything Protocol, version 13: one line for each finding, with what to do below it."""

from __future__ import annotations

from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.gate import Line, judged, lines, machine_line, summary

FILE_NAMES = ("*.tap",)


def render(value: object, _options: Options) -> str:
    """A plan and its lines. Raises TypeError for anything but a report of ``check``."""
    report = judged(value)
    every = lines(report)
    head = ["TAP version 13", f"# {_text(summary(report))}", f"# {_text(machine_line(report))}", f"1..{len(every)}"]
    return "".join(
        f"{line}\n" for line in [*head, *(part for n, each in enumerate(every, 1) for part in _line(n, each))]
    )


def complaint(message: str, _exit_code: int) -> str:
    """The line that ends a run of tests at once."""
    return f"TAP version 13\nBail out! {_text(printable(message))}\n"


def _line(number: int, line: Line) -> list[str]:
    bad = line.outcome in ("failed", "open", "known")
    directive = {"skipped": f" # SKIP {_text(line.message)}", "known": " # TODO no worse than the baseline"}
    words = _text(f"{line.name}: {line.needed}")
    first = f"{'not ok' if bad else 'ok'} {number} - {words}{directive.get(line.outcome, '')}"
    if line.outcome in ("passed", "skipped"):
        return [first]
    return [first, *(f"# {_text(each)}" for each in line.details)]


def _text(text: str) -> str:
    """``#`` would begin a directive, and version 13 has no escape."""
    return text.replace("#", "")
