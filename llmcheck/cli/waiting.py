"""What is said on standard error while ``--wait`` waits: each reason once, as long as it is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcheck.cli.output import print_message

if TYPE_CHECKING:
    from llmcheck.schema.report import Report


class Told:
    """Called with each report that is not the last, and the seconds that are left."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._last = ""

    def __call__(self, report: Report, left: float) -> None:
        from llmcheck.render.views.gate import summary

        text = summary(report)
        if not self._quiet and text != self._last:
            print_message(f"{text}; trying again for {left:.0f} s")
        self._last = text
