"""JSON lines, for logs: one line for each finding, then one for each profile, and last the verdict."""

from __future__ import annotations

from llmcheck import codec
from llmcheck.render import Options
from llmcheck.render.views.gate import counts, judged, machine_line, summary

FILE_NAMES = ("*.jsonl", "*.ndjson")


def render(value: object, _options: Options) -> str:
    """Every line says with ``type`` what it is. Raises TypeError for anything but a report of ``check``."""
    report = judged(value)
    rows: list[dict[str, object]] = [
        {"type": "finding", "profile": profile.id, **codec.builtins(finding)}
        for profile in report.profiles
        for finding in profile.findings
    ]
    rows += [
        {"type": "profile", "profile": profile.id, "verdict": profile.verdict, "counts": profile.counts}
        for profile in report.profiles
    ]
    rows.append(
        {
            "type": "verdict",
            "schema": report.schema,
            "llmcheck": report.llmcheck,
            "created_at": report.created_at,
            "verdict": report.verdict,
            "exit_code": report.exit_code,
            "counts": counts(report),
            "machine": machine_line(report),
            "summary": summary(report),
            "gate": report.gate,
        }
    )
    return "".join(codec.encode_line(row) for row in rows)
