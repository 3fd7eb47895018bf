"""A machine whose inventory is too old for ``--max-age``: nothing of it is known to hold today."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.schema.age import OUTDATED
from llmcheck.schema.report import Finding, ProfileReport, Report, combined, counts_of, exit_code


def without_outdated(report: Report) -> Report:
    """The report with every judged finding unknown, where its machine has the problem ``outdated``; else the same.

    What ``--skip`` and ``--only`` left out, and what does not apply, stays as it is.
    """
    problem = next((each for each in report.machine.problems if each.code == OUTDATED), None)
    if problem is None:
        return report
    profiles = tuple(_undetermined(each, problem.message, problem.remedy) for each in report.profiles)
    return replace(
        report,
        profiles=profiles,
        verdict=combined(each.verdict for each in profiles),
        exit_code=exit_code(profiles, report.gate),
    )


def _undetermined(profile: ProfileReport, message: str, remedy: str | None) -> ProfileReport:
    findings = tuple(_unknown(each, message, remedy) for each in profile.findings)
    return replace(
        profile,
        findings=findings,
        counts=counts_of(findings),
        computed=(),
        verdict=None if profile.verdict is None else "undetermined",
        hardware=None if profile.hardware is None else "undetermined",
        software=None if profile.software is None else "undetermined",
    )


def _unknown(finding: Finding, message: str, remedy: str | None) -> Finding:
    if finding.status == "skipped":
        return finding
    return replace(
        finding,
        status="unknown",
        message=message,
        remedy=remedy,
        found=None,
        found_bytes=None,
        found_count=None,
        short_by=None,
        shortfall=None,
        short_bytes=None,
        missing_bytes=None,
        installs=None,
    )
