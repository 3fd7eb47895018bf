"""Metrics for the textfile collector of Prometheus' node exporter, without times: the collector has that of the file.

Needs the library of the extra ``prometheus``, which knows how labels are escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from llmcheck.errors import UsageError
from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.gate import judged
from llmcheck.schema.report import Report, Status, Verdict, counts_of

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

FILE_NAMES = ("*.prom",)

_VERDICTS = (*get_args(Verdict), "nothing-checked")
_STATUSES = get_args(Status)


def render(value: object, _options: Options) -> str:
    """Gauges. Raises TypeError for anything but a report of ``check``, UsageError without the library."""
    report = judged(value)
    try:
        from prometheus_client import CollectorRegistry, generate_latest  # nothing else needs it
    except ImportError:
        raise UsageError(
            "the format prometheus needs prometheus-client: python -m pip install 'llmcheck[prometheus]'"
        ) from None
    registry = CollectorRegistry(auto_describe=True)
    _fill(registry, report)
    return generate_latest(registry).decode()


def _fill(registry: CollectorRegistry, report: Report) -> None:
    from prometheus_client import Gauge

    Gauge("llmcheck_info", "Version of llmcheck.", ["version"], registry=registry).labels(
        printable(report.llmcheck)
    ).set(1)
    Gauge("llmcheck_exit_code", "Exit code of llmcheck check.", registry=registry).set(report.exit_code)
    verdicts = Gauge(
        "llmcheck_verdict",
        "1 for the verdict of the profile, 0 for the others.",
        ["profile", "verdict"],
        registry=registry,
    )
    counts = Gauge("llmcheck_findings", "Findings by status.", ["profile", "status"], registry=registry)
    checks = Gauge(
        "llmcheck_check_status",
        "1 for the status of the check, 0 for the others.",
        ["profile", "check", "level", "status"],
        registry=registry,
    )
    for profile in report.profiles:
        name = printable(profile.id)
        for verdict in _VERDICTS:
            verdicts.labels(name, verdict).set((profile.verdict or "nothing-checked") == verdict)
        found = counts_of(profile.findings)
        for status in _STATUSES:
            counts.labels(name, status).set(found.pass_ if status == "pass" else getattr(found, status))
        for finding in profile.findings:
            for status in _STATUSES:
                checks.labels(name, printable(finding.id), finding.level, status).set(finding.status == status)
