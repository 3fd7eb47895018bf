"""The message of a Kubernetes container that ended, which ``kubectl describe pod`` shows: at most 3,500 bytes."""

from __future__ import annotations

from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.gate import judged, machine_line, summary, worst_first

FILE_NAMES = ("termination-log",)

_MOST = 3500
"""Bytes; Kubernetes keeps 4,096."""


def render(value: object, _options: Options) -> str:
    """The worst first. Raises TypeError for anything but a report of ``check``."""
    report = judged(value)
    bad = worst_first(report)
    lines = [f"llmcheck: {summary(report)}", machine_line(report)]
    for number, each in enumerate(bad):
        block = [
            f"{each.name} ({each.outcome}): {each.to_do}",
            *([f"  {each.message}"] if each.message != each.to_do else []),
        ]
        rest = f"{len(bad) - number} more: llmcheck check shows them"
        if _size([*lines, *block, rest]) > _MOST:
            lines.append(rest)
            break
        lines += block
    return _cut("\n".join(lines))


def complaint(message: str, exit_code: int) -> str:
    """What could not be checked."""
    return _cut(f"llmcheck: exit code {exit_code}: {printable(message)}")


def _size(lines: list[str]) -> int:
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)


def _cut(text: str) -> str:
    """At most so many bytes with the line feed, never within a character."""
    return text.encode("utf-8", "replace")[: _MOST - 1].decode("utf-8", "ignore") + "\n"
