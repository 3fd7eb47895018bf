"""Selects the findings that show what a machine lacks for a profile, each cause once. ``render`` words them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from llmcheck.judge.requirements import traits
from llmcheck.schema.report import Finding, ProfileReport, Status, Verdict

_MARKS: dict[Verdict, Status] = {"ready": "pass", "not-ready": "fail", "undetermined": "unknown"}


class Gap(Struct, frozen=True, kw_only=True):
    """A finding that fails or warns, or that is required and unknown."""

    finding: Finding
    corrected: bool = False
    """Whether the finding is on the correction of a documented figure."""


def hardware_gaps(profile: ProfileReport) -> tuple[Gap, ...]:
    """The gaps of the hardware in the profile's order; () if it has none."""
    corrections = {correction.id for correction in profile.corrections}
    return tuple(
        Gap(finding=finding, corrected=finding.id in corrections)
        for finding in profile.findings
        if finding.group == "hardware" and _counts(finding, profile, corrections)
    )


def needs_cluster(profile: ProfileReport) -> bool:
    """Whether the profile needs several machines, so that a single one cannot be ready."""
    return any(finding.skipped == "cluster" for finding in profile.findings)


def missing_libraries(profile: ProfileReport) -> tuple[Finding, ...]:
    """The failed findings on software: not installed, or in a version that does not meet the requirement."""
    return tuple(each for each in profile.findings if each.group == "software" and each.status == "fail")


def to_do(profile: ProfileReport) -> tuple[Finding, ...]:
    """The findings that need an action of the user other than an installation."""
    return tuple(
        each
        for each in profile.findings
        if each.status in ("fail", "warn", "unknown") and not each.is_computed and not is_installable(each)
    )


def is_installable(finding: Finding) -> bool:
    """Whether ``llmcheck install`` resolves the finding."""
    return finding.status == "fail" and finding.installs is not None


def computed(profile: ProfileReport) -> Finding | None:
    """The computed finding; None where nothing was computed or it was skipped."""
    return next((each for each in profile.findings if each.is_computed and each.status != "skipped"), None)


def documented_gpus(profile: ProfileReport) -> Finding | None:
    """The first finding on the documented GPUs; None without one."""
    return next((each for each in profile.findings if traits(each.kind).states_gpus), None)


def mark(profile: ProfileReport) -> Status:
    """The verdict as one status: ready with a warning is ``warn``."""
    if profile.verdict == "ready" and any(finding.status == "warn" for finding in profile.findings):
        return "warn"
    return _MARKS[profile.verdict] if profile.verdict is not None else "skipped"


def _counts(finding: Finding, profile: ProfileReport, corrections: set[str]) -> bool:
    if finding.level == "info" or finding.status not in ("fail", "warn", "unknown"):
        return False
    if finding.status == "unknown" and finding.level != "required":
        return False
    if finding.id in corrections and computed(profile) is not None:
        return False  # the computed finding is more precise
    failed = _kinds(profile.findings, required_failure=True)
    if finding.level == "recommended" and finding.kind in failed:
        return False  # a required finding of the same kind is already a gap
    if finding.is_computed and finding.status != "warn":
        doubtful = failed | _kinds(profile.findings, required_failure=False)
        return not any(traits(kind).states_gpus for kind in doubtful)  # the GPU memory is already a gap
    return True


def _kinds(findings: Iterable[Finding], *, required_failure: bool) -> set[str]:
    if required_failure:
        return {each.kind for each in findings if each.status == "fail" and each.level == "required"}
    return {each.kind for each in findings if each.status == "unknown"}
