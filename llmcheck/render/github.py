"""Annotations of GitHub Actions: an error for each requirement not met, with what to do, in the log and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.gate import Line, Outcome, judged, summary, worst_first
from llmcheck.schema.report import Report

FILE_NAMES = ("*.github",)

Kind = Literal["error", "warning", "notice"]
_MOST = 9
"""Of one kind: GitHub shows ten of a step, and drops the others without a word."""
_KINDS: dict[Outcome, Kind] = {"failed": "error", "open": "error", "warned": "warning", "known": "notice"}
_TITLES: dict[Outcome, str] = {
    "failed": "not met",
    "open": "unknown",
    "warned": "warning",
    "known": "no worse than the baseline",
}


def render(value: object, _options: Options) -> str:
    """At most nine of each kind. Raises TypeError for anything but a report of ``check``."""
    report = judged(value)
    every = worst_first(report)
    kinds: tuple[Kind, ...] = ("error", "warning", "notice")
    shown = [
        line for kind in kinds for line in _of_one_kind(kind, [each for each in every if _kind(each, report) == kind])
    ]
    return "".join(f"{line}\n" for line in shown) or f"{_command('notice', 'llmcheck', summary(report))}\n"


def complaint(message: str, exit_code: int) -> str:
    """An error that nothing was checked."""
    return f"{_command('error', f'llmcheck: exit code {exit_code}', message)}\n"


def _kind(line: Line, report: Report) -> Kind:
    """An open line is an error where it fails the gate."""
    if line.outcome == "open" and report.gate.fail_on in ("required", "never"):
        return "warning"
    return _KINDS[line.outcome]


def _of_one_kind(kind: Kind, every: Sequence[Line]) -> list[str]:
    if len(every) <= _MOST:
        return [_annotation(kind, each) for each in every]
    more = len(every) - (_MOST - 1)
    rest = f"{more} more of this kind: the summary of the job has all"
    return [*(_annotation(kind, each) for each in every[: _MOST - 1]), _command(kind, "llmcheck", rest)]


def _annotation(kind: Kind, line: Line) -> str:
    return _command(kind, f"{line.name}: {_TITLES[line.outcome]}", "\n".join(line.details), line.profile.path)


def _command(kind: Kind, title: str, text: str, file: str | None = None) -> str:
    """A workflow command. Its escapes keep a text from ending it, or from being another command."""
    where = f",file={_property(file)}" if file else ""
    lines = "\n".join(printable(line) for line in text.split("\n"))
    return f"::{kind} title={_property(title)}{where}::{_data(lines)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
