"""Waits until a machine is ready: judged again and again, and answered once."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from llmcheck.errors import InspectionError
from llmcheck.schema.report import EXIT_NOTHING_CHECKED, Report


def until_ready(
    judge: Callable[[], Report],
    seconds: float,
    interval: float,
    *,
    said: Callable[[Report, float], None] = lambda _report, _left: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """The first report with exit code 0, or the last one before ``seconds`` have passed, with ``gate.tries``.

    ``judge`` inspects the machine anew. ``interval``: seconds between the end of a try and the start of the next. A
    report of which nothing was checked is returned at once: no time mends that. ``said`` gets each report that is not
    the last, and the seconds that are left. Raises InspectionError where even the last try could not inspect anything.
    """
    end = clock() + seconds
    tries = 1
    while True:
        try:
            report = judge()
        except InspectionError:
            if clock() >= end:
                raise
        else:
            if report.exit_code in (0, EXIT_NOTHING_CHECKED) or clock() >= end:
                gate = msgspec.structs.replace(report.gate, tries=tries)
                return msgspec.structs.replace(report, gate=gate)
            said(report, end - clock())
        sleep(min(interval, end - clock()))
        tries += 1
