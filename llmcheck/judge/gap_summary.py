"""What a machine lacks for a profile: which findings count as a gap, each cause once. ``render`` puts it into words."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from llmcheck.judge.requirements import traits
from llmcheck.schema.report import Finding, ProfileReport, Status, Verdict

_MARKS: dict[Verdict, Status] = {"ready": "pass", "not-ready": "fail", "undetermined": "unknown"}


class Gap(Struct, frozen=True, kw_only=True):
    """A finding that fails, warns, or is required and unknown."""

    finding: Finding
    corrected: bool = False
    """It comes from a correction of the documented figure."""


def hardware_gaps(profile: ProfileReport) -> tuple[Gap, ...]:
    """What the hardware lacks, or what makes it uncertain, in the order of the profile; () if nothing does."""
    corrections = {correction.id for correction in profile.corrections}
    return tuple(
        Gap(finding=finding, corrected=finding.id in corrections)
        for finding in profile.findings
        if finding.group == "hardware" and _counts(finding, profile, corrections)
    )


def needs_cluster(profile: ProfileReport) -> bool:
    """Whether the profile is about several machines, so that this one alone cannot be ready."""
    return any(finding.cluster and finding.status == "skipped" for finding in profile.findings)


def missing_libraries(profile: ProfileReport) -> tuple[Finding, ...]:
    """What is not installed, or not in a version that works."""
    return tuple(each for each in profile.findings if each.group == "software" and each.status == "fail")


def to_do(profile: ProfileReport) -> tuple[Finding, ...]:
    """The findings that call for something to be done, without those that an installation settles."""
    return tuple(
        each
        for each in profile.findings
        if each.status in ("fail", "warn", "unknown") and not each.is_computed and not is_installable(each)
    )


def is_installable(finding: Finding) -> bool:
    """Whether ``llmcheck install`` settles it."""
    return finding.group == "software" and finding.status == "fail" and bool(finding.libraries)


def computed(profile: ProfileReport) -> Finding | None:
    """The computed finding; None where nothing was computed."""
    return next((each for each in profile.findings if each.is_computed and each.status != "skipped"), None)


def documented_gpus(profile: ProfileReport) -> Finding | None:
    """The first finding on the documented GPUs."""
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
        return False  # what is computed for this machine is more precise
    failed = _kinds(profile.findings, required_failure=True)
    if finding.level == "recommended" and finding.kind in failed:
        return False  # the requirement of the same kind is a gap already
    if finding.is_computed and finding.status != "warn":
        doubtful = failed | _kinds(profile.findings, required_failure=False)
        return not any(traits(kind).states_gpus for kind in doubtful)  # the GPU memory is a gap already
    return True


def _kinds(findings: Iterable[Finding], *, required_failure: bool) -> set[str]:
    if required_failure:
        return {each.kind for each in findings if each.status == "fail" and each.level == "required"}
    return {each.kind for each in findings if each.status == "unknown"}
