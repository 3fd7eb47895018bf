"""Judges a machine against a profile: findings in the profile's order, corrections, and one verdict."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmcheck import shell
from llmcheck.gpus.torch_support import existing_torch_problem, has_unknown_build, is_undecided
from llmcheck.gpus.unified_memory import with_usable_memory
from llmcheck.judge.requirements import check, traits
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.machine import Machine, counted_gpus, joint_gpus
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import (
    Finding,
    Level,
    ProfileReport,
    SkipReason,
    Status,
    counts_of,
    not_counted,
    verdict_of,
)
from llmcheck.tables.correction import Correction
from llmcheck.units import format_like, parse_size, shortfall

# The computed finding is useful without a GPU, but not without a working driver.
_ASK_TORCH = "see for yourself: python -c 'import torch; print(torch.version.cuda, torch.cuda.is_available())'"
_COMPUTED_BLOCKED_BY = ("driver",)


def evaluate(
    profile: Profile,
    machine: Machine,
    corrections: Sequence[Correction] = (),
    skip: frozenset[str] = frozenset(),
    computed: Sequence[ComputedMethod] | None = None,
    path: str | None = None,
    only: frozenset[str] = frozenset(),
    computed_level: Level | None = None,
) -> ProfileReport:
    """Judge one machine.

    ``skip``: ids, tags and groups of what is shown as skipped and does not count; ``only``: the only ones that do, or
    () for all. ``computed``: the methods that ``fit.computed_layer`` found for the profile's workload; None:
    they were not computed. A hypothetical machine (``--machine``, an offer) is judged on its hardware alone. ``path``:
    the file of a profile that is not a shipped one. ``computed_level``: of the computed finding, in place of its own.
    """
    documented = [check(requirement, machine) for requirement in profile.require]
    findings = _with_computed(documented, _at_level(_computed(profile, machine, computed), computed_level))
    findings = [_left_out(finding, skip, only) for finding in findings]
    if machine.hypothetical:
        findings = [_not_stated(finding) for finding in findings]
    on_gpus = any(traits(each.kind).states_gpus and each.level == "required" for each in profile.require)
    findings = [_unusable_torch(finding, machine, on_gpus=on_gpus) for finding in _blocked(findings)]
    findings = [_with_command(finding, profile.id if path is None else path) for finding in findings]
    applied = corrections_of(corrections, profile.id)
    for correction in applied:
        findings = _corrected(findings, correction, profile.id, machine)
    return ProfileReport(
        id=profile.id,
        path=path,
        title=profile.title,
        task=profile.task,
        verdict=verdict_of(findings),
        hardware=verdict_of(each for each in findings if each.group == "hardware"),
        software=verdict_of(each for each in findings if each.group == "software"),
        findings=tuple(findings),
        counts=counts_of(findings),
        not_counted=not_counted(findings),
        computed=tuple(computed or ()),
        corrections=applied,
        cost=profile.cost,
    )


def _computed(profile: Profile, machine: Machine, computed: Sequence[ComputedMethod] | None) -> Finding | None:
    if computed is None or (not computed and machine.gpus is not None):
        return None
    from llmcheck.fit import computed_layer  # 8 ms, and most callers compute nothing

    return computed_layer.finding(profile, computed) if computed else computed_layer.unknown_finding(profile)


def _at_level(finding: Finding | None, level: Level | None) -> Finding | None:
    if finding is None or level is None:
        return finding
    status: Status = "warn" if finding.status == "fail" and level != "required" else finding.status
    return msgspec.structs.replace(finding, level=level, status=status)


def _with_computed(documented: list[Finding], computed: Finding | None) -> list[Finding]:
    """The findings with the computed one after the last documented one about GPUs."""
    if computed is None:
        return documented
    about_gpus = [position for position, each in enumerate(documented) if traits(each.kind).states_gpus]
    last = max(about_gpus, default=len(documented) - 1)
    return [*documented[: last + 1], computed, *documented[last + 1 :]]


def corrections_of(corrections: Sequence[Correction], profile_id: str) -> tuple[Correction, ...]:
    """The corrections that apply to a profile's figures."""
    prefix = f"profile:{profile_id}/"
    return tuple(
        correction for correction in corrections if any(place.startswith(prefix) for place in correction.applies_to)
    )


def _left_out(finding: Finding, skip: frozenset[str], only: frozenset[str]) -> Finding:
    names = {finding.id, finding.group, *finding.tags}
    if names & skip or (only and not names & only):
        return _skipped(finding, "left-out", "left out by --skip or --only")
    return finding


def _not_stated(finding: Finding) -> Finding:
    if finding.group != "software" or not finding.is_counted:
        return finding
    return _skipped(finding, "not-stated", "not stated: judged on the hardware alone")


def _blocked(findings: list[Finding]) -> list[Finding]:
    """Skip findings that a failed or unknown one explains, so that each cause is shown once: a driver that does not
    answer, a missing GPU. What is blocked stays open, whatever the level of its cause.
    """
    blockers: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda each: each.level != "required"):
        blocks = traits(finding.kind).blocks
        if blocks is not None and blocks(finding):
            blockers.setdefault(finding.kind, finding)
    return [_unless_blocked(finding, blockers) for finding in findings]


def _unless_blocked(finding: Finding, blockers: dict[str, Finding]) -> Finding:
    if finding.status not in ("fail", "warn", "unknown"):
        return finding
    kinds = _COMPUTED_BLOCKED_BY if finding.is_computed else traits(finding.kind).blocked_by
    blocker = next((blockers[kind] for kind in kinds if kind in blockers), finding)
    if blocker is finding:
        return finding
    return _skipped(finding, "blocked", f"blocked by {blocker.id}", blocked_by=blocker.id)


def _unusable_torch(finding: Finding, machine: Machine, *, on_gpus: bool) -> Finding:
    """A torch that cannot use the GPUs does not meet a requirement for torch, although it is installed. One of which
    that is not known leaves it open. ``on_gpus``: whether the profile requires GPUs.
    """
    if finding.status != "pass" or "torch" not in finding.libraries:
        return finding
    problem = existing_torch_problem(machine)
    if problem is None and is_undecided(machine):
        message = f"{finding.message}: not all is known that decides whether it can use the GPUs"
        return msgspec.structs.replace(finding, status="unknown", message=message)
    if problem is None and on_gpus and has_unknown_build(machine):
        message = f"{finding.message}: nothing says which GPUs this build of torch is made for"
        return msgspec.structs.replace(finding, status="unknown", message=message, remedy=_ASK_TORCH)
    if problem is None:
        return finding
    status: Status = "fail" if finding.level == "required" else "warn"
    return msgspec.structs.replace(finding, status=status, message=problem.message, remedy=problem.remedy)


def _with_command(finding: Finding, name: str) -> Finding:
    """The remedy with the command that runs as it is printed."""
    if finding.remedy is None:
        return finding
    remedy = finding.remedy.replace("llmcheck cloud PROFILE", f"llmcheck cloud {shell.quote(name)}")
    return finding if remedy == finding.remedy else msgspec.structs.replace(finding, remedy=remedy)


def _skipped(finding: Finding, reason: SkipReason, message: str, *, blocked_by: str | None = None) -> Finding:
    return msgspec.structs.replace(
        finding,
        status="skipped",
        skipped=reason,
        blocked_by=blocked_by,
        message=message,
        remedy=None,
        short_by=None,
        shortfall=None,
        missing_bytes=None,
        short_bytes=None,
        found=None,
        found_bytes=None,
        found_count=None,
    )


def _corrected(findings: list[Finding], correction: Correction, profile_id: str, machine: Machine) -> list[Finding]:
    """The findings with one on the corrected memory figure after the documented one.

    It is a warning at worst: a model that does not fit in the documented format still runs in another, as the advice
    explains.
    """
    if correction.memory_total is None:
        return findings
    corrected: list[Finding] = []
    for finding in findings:
        corrected.append(finding)
        if f"profile:{profile_id}/{finding.id}" in correction.applies_to and finding.status in ("pass", "warn"):
            corrected.append(_corrected_memory(finding, correction, machine))
    return corrected


def _corrected_memory(documented: Finding, correction: Correction, machine: Machine) -> Finding:
    written = correction.memory_total or "0 B"
    needed = parse_size(written)
    gpus = [with_usable_memory(gpu, machine.ram) for gpu in counted_gpus(machine)]
    total = max((sum(gpu.memory_total or 0 for gpu in group) for group in joint_gpus(gpus)), default=0)
    unknown = any(gpu.memory_total is None for gpu in gpus)
    status: Status = "pass" if total >= needed else "unknown" if unknown else "warn"
    found, short = format_like(total, written), needed - total if status == "warn" else None
    return Finding(
        id=correction.id,
        kind=documented.kind,
        group=documented.group,
        level="recommended",
        status=status,
        needed=f"{correction.memory_total} in total",
        found=found,
        needed_bytes=needed,
        found_bytes=None if status == "unknown" else total,
        short_by=None if short is None else shortfall(needed, total, written),
        shortfall="gpu-memory" if short else None,
        missing_bytes=short,
        short_bytes=short,
        message=f"documented: {correction.documented}; in fact: {correction.fact}",
        remedy=correction.advice if status != "pass" else None,
        source=f"{correction.source}, {correction.as_of}",
    )
