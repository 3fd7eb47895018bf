"""The line of a Nagios or Icinga plugin, with performance data; the exit code is the plugin's: 0, 1, 2 or 3."""

from __future__ import annotations

from llmcheck.printable import printable, shortened
from llmcheck.render import Options
from llmcheck.render.views.gate import counts, judged, summary
from llmcheck.schema.report import EXIT_NOTHING_CHECKED

FILE_NAMES = ("*.nagios",)

_CODES = {0: 0, 1: 2, EXIT_NOTHING_CHECKED: 3, 3: 3, 70: 3, 130: 3}
"""By our exit codes; every other is that of warnings."""
_WARNING = 1
_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_LONGEST = 1000
"""Characters; a monitor cuts a line somewhere above."""


def plugin_code(exit_code: int) -> int:
    """The exit code of a plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    return _CODES.get(exit_code, _WARNING)


def render(value: object, _options: Options) -> str:
    """One line. Raises TypeError for anything but a report of ``check``."""
    report = judged(value)
    found = counts(report)
    limits = f"pass={found.pass_} warn={found.warn} fail={found.fail} unknown={found.unknown} skipped={found.skipped}"
    return f"LLMCHECK {_STATES[plugin_code(report.exit_code)]} - {_text(summary(report))} | {limits}\n"


def complaint(message: str, exit_code: int) -> str:
    """The line of a plugin that could not check anything."""
    return f"LLMCHECK {_STATES[plugin_code(exit_code)]} - {_text(printable(message))}\n"


def _text(text: str) -> str:
    """``|`` would begin the performance data."""
    return shortened(text, _LONGEST).replace("|", "/").replace("\n", " ")
