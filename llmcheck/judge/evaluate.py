"""A profile against a machine: findings in profile order, blocked ones skipped, corrections applied, one verdict."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmcheck.gpus.torch_support import existing_torch_problem
from llmcheck.judge.requirements import check
from llmcheck.schema.estimate import ComputedMethod
from llmcheck.schema.machine import Machine, counted_gpus, joint_gpus
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, Group, ProfileReport, Status, Verdict, verdict_of
from llmcheck.tables.correction import Correction
from llmcheck.units import format_like, parse_size, short

_ABOUT_GPUS = ("gpu", "interconnect")


def evaluate(
    profile: Profile,
    machine: Machine,
    corrections: Sequence[Correction] = (),
    skip: frozenset[str] = frozenset(),
    computed: Sequence[ComputedMethod] = (),
) -> ProfileReport:
    """Judge one machine. ``skip`` holds requirement ids and groups that were asked to be left out; they are shown as
    skipped and do not count. ``computed``: the ways of doing what the tier is for, of ``fit.tier.methods``.

    A machine in words and an offer are judged on their hardware alone."""
    documented = [check(requirement, machine) for requirement in profile.require]
    findings = _left_out(_beside(documented, _computed(profile, computed)), skip, "left out as asked")
    if machine.hypothetical:
        findings = _left_out(findings, frozenset({"software"}), "not stated: judged on the hardware alone")
    untold = machine.hypothetical and all(each.status == "skipped" for each in findings)
    findings = [_unusable_torch(finding, machine) for finding in _blocked(findings, machine)]
    concerning = concerning_profile(corrections, profile.id)
    for correction in concerning:
        findings = _corrected(findings, correction, profile.id, machine)
    return ProfileReport(
        id=profile.id,
        title=profile.title,
        task=profile.task,
        verdict="undetermined" if untold else verdict_of(findings),
        hardware=_group_verdict(findings, "hardware"),
        software=_group_verdict(findings, "software"),
        findings=tuple(findings),
        computed=tuple(computed),
        corrections=concerning,
        cost=profile.cost,
    )


def _computed(profile: Profile, computed: Sequence[ComputedMethod]) -> Finding | None:
    if not computed:
        return None
    from llmcheck.fit import computed_layer  # 8 ms that a plan does without

    return computed_layer.finding(profile, computed)


def _beside(documented: list[Finding], computed: Finding | None) -> list[Finding]:
    """The computed finding after the last documented one about GPUs."""
    if computed is None:
        return documented
    last = max((i for i, each in enumerate(documented) if each.kind == "gpu"), default=len(documented) - 1)
    return [*documented[: last + 1], computed, *documented[last + 1 :]]


def concerning_profile(corrections: Sequence[Correction], profile_id: str) -> tuple[Correction, ...]:
    """The corrections of a profile's figures."""
    prefix = f"profile:{profile_id}/"
    return tuple(
        correction for correction in corrections if any(place.startswith(prefix) for place in correction.applies_to)
    )


def _left_out(findings: list[Finding], skip: frozenset[str], reason: str) -> list[Finding]:
    return [
        _skipped(finding, reason, level="info") if {finding.id, finding.group} & skip else finding
        for finding in findings
    ]


def _blocked(findings: list[Finding], machine: Machine) -> list[Finding]:
    """One cause is one red line: without a driver nothing is said of the GPUs, without a GPU nothing of its links."""
    driver = next((each for each in findings if each.kind == "driver" and each.status in ("fail", "unknown")), None)
    no_gpu = None
    if machine.gpus is not None and not counted_gpus(machine):
        no_gpu = next((each for each in findings if each.kind == "gpu" and each.status == "fail"), None)
    blocker = driver or no_gpu
    if blocker is None:
        return findings
    return [
        _skipped(finding, f"blocked by {blocker.id}")
        if finding is not blocker and _hangs_on(finding, blocker) and finding.status in ("fail", "warn", "unknown")
        else finding
        for finding in findings
    ]


def _hangs_on(finding: Finding, blocker: Finding) -> bool:
    """What is computed says itself what goes without a GPU, but nothing of one whose driver does not answer."""
    return finding.kind in _ABOUT_GPUS or (finding.kind == "fit" and blocker.kind == "driver")


def _unusable_torch(finding: Finding, machine: Machine) -> Finding:
    """A torch that is installed and cannot use the GPUs is as good as missing."""
    if finding.kind != "package" or finding.status != "pass" or "torch" not in finding.libraries:
        return finding
    problem = existing_torch_problem(machine)
    if problem is None:
        return finding
    status: Status = "fail" if finding.level == "required" else "warn"
    return msgspec.structs.replace(finding, status=status, message=problem.message, remedy=problem.remedy)


def _skipped(finding: Finding, message: str, **changes: str) -> Finding:
    return msgspec.structs.replace(
        finding,
        status="skipped",
        message=message,
        remedy=None,
        short_by=None,
        found=None,
        **changes,
    )


def _corrected(findings: list[Finding], correction: Correction, profile_id: str, machine: Machine) -> list[Finding]:
    """After the documented finding, one that holds the machine against the corrected memory figure, where there is one.

    It never fails: what does not fit by arithmetic in the documented way still runs in another, and that is the advice.
    """
    if correction.memory_total is None:
        return findings
    corrected: list[Finding] = []
    for finding in findings:
        corrected.append(finding)
        if f"profile:{profile_id}/{finding.id}" in correction.applies_to and finding.status in ("pass", "warn"):
            corrected.append(_by_arithmetic(finding, correction, machine))
    return corrected


def _by_arithmetic(documented: Finding, correction: Correction, machine: Machine) -> Finding:
    written = correction.memory_total or "0 B"
    least = parse_size(written)
    gpus = counted_gpus(machine)
    total = max((sum(gpu.memory_total or 0 for gpu in group) for group in joint_gpus(gpus)), default=0)
    unknown = any(gpu.memory_total is None for gpu in gpus)
    status: Status = "pass" if total >= least else "unknown" if unknown else "warn"
    found = format_like(total, written)
    return Finding(
        id=correction.id,
        kind=documented.kind,
        group=documented.group,
        level="recommended",
        status=status,
        needed=f"{correction.memory_total} in all",
        found=found,
        short_by=short(least, total, written) if status == "warn" else None,
        message=f"documented: {correction.documented}; in fact: {correction.fact}",
        remedy=correction.advice if status != "pass" else None,
        source=f"{correction.source}, {correction.as_of}",
    )


def _group_verdict(findings: Sequence[Finding], group: Group) -> Verdict | None:
    members = [finding for finding in findings if finding.group == group and finding.level != "info"]
    return verdict_of(members) if members else None
