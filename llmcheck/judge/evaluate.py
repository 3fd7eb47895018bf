"""Judges a machine against a profile: findings in the profile's order, corrections, and one verdict."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import msgspec

from llmcheck import shell
from llmcheck.gpus.torch_support import existing_torch_problem, has_unknown_build, is_undecided
from llmcheck.gpus.unified_memory import with_usable_memory
from llmcheck.judge.requirements import check, effort, traits
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.machine import Machine, counted_gpus, joint_gpus
from llmcheck.schema.profile import OnUnknown, Profile, Requirement
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
UNKNOWN = "unknown"
"""Shortfall of what is not known and counts as missed, by the words of the profile."""


def evaluate(
    profile: Profile,
    machine: Machine,
    corrections: Sequence[Correction] = (),
    skip: frozenset[str] = frozenset(),
    computed: Sequence[ComputedMethod] | None = None,
    path: str | None = None,
    only: frozenset[str] = frozenset(),
    today: datetime.date | None = None,
    computed_level: Level | None = None,
) -> ProfileReport:
    """Judge one machine.

    ``skip``: ids, tags and groups of what is shown as skipped and does not count; ``only``: the only ones that do, or
    () for all. ``today``: whether the profile has expired is not asked for None. ``computed``: the methods that
    ``fit.computed_layer`` found for the profile's workload; None: they were not computed. A hypothetical machine
    (``--machine``, an offer) is judged on its hardware alone. ``path``: the file of a profile that is not shipped.
    ``computed_level``: of the computed finding, in place of its own.
    """
    effort.begin()
    documented = [check(requirement, machine) for requirement in profile.require]
    findings = _with_computed(documented, _at_level(_computed(profile, machine, computed), computed_level))
    findings = [_left_out(finding, skip, only) for finding in findings]
    if machine.hypothetical:
        findings = [_not_stated(finding) for finding in findings]
    on_gpus = any(traits(each.kind).states_gpus and each.level == "required" for each in profile.require)
    requires = {each.id: each.requires for each in profile.require if each.requires}
    findings = [_unusable_torch(finding, machine, on_gpus=on_gpus) for finding in _blocked(findings, requires)]
    findings = _as_known(findings, {each.id: each for each in profile.require if each.on_unknown != "unknown"})
    elsewhere = _elsewhere(profile, machine)
    if elsewhere is not None:
        findings = [_skipped(finding, "not-applicable", f"not applicable: {elsewhere}") for finding in findings]
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
        not_applicable=elsewhere,
        expired=_expired(profile, today),
    )


def _elsewhere(profile: Profile, machine: Machine) -> str | None:
    """Why the profile is not for this machine; None where it is, or where that is not known."""
    if profile.when is None:
        return None
    from llmcheck.judge import applicability  # few profiles are for some machines only

    return applicability.reason(profile.when, machine)


def _expired(profile: Profile, today: datetime.date | None) -> str | None:
    if profile.expires is None or today is None or today <= profile.expires:
        return None
    return profile.expires.isoformat()


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


def is_judged(names: set[str], skip: frozenset[str], only: frozenset[str]) -> bool:
    """Whether a requirement with these names (id, group, tags) counts."""
    return not names & skip and (not only or bool(names & only))


def _left_out(finding: Finding, skip: frozenset[str], only: frozenset[str]) -> Finding:
    if not is_judged({finding.id, finding.group, *finding.tags}, skip, only):
        return _skipped(finding, "left-out", "left out by --skip or --only")
    return finding


def _not_stated(finding: Finding) -> Finding:
    if finding.group != "software" or not finding.is_counted:
        return finding
    return _skipped(finding, "not-stated", "not stated: judged on the hardware alone")


def _blocked(findings: list[Finding], requires: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Skip findings that another one explains, so that each cause is shown once: a driver that does not answer, a
    missing GPU, or what the profile names in ``requires``. What is blocked stays open, whatever the level of its cause.
    """
    blockers: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda each: each.level != "required"):
        blocks = traits(finding.kind).blocks
        if blocks is not None and blocks(finding):
            blockers.setdefault(finding.kind, finding)
    found = [_unless_blocked(finding, blockers) for finding in findings]
    return _without_causes(found, requires) if requires else found


def _unless_blocked(finding: Finding, blockers: dict[str, Finding]) -> Finding:
    if finding.status not in ("fail", "warn", "unknown"):
        return finding
    kinds = _COMPUTED_BLOCKED_BY if finding.is_computed else traits(finding.kind).blocked_by
    blocker = next((blockers[kind] for kind in kinds if kind in blockers), finding)
    return finding if blocker is finding else _blocked_by(finding, blocker.id)


def _without_causes(findings: list[Finding], requires: Mapping[str, Sequence[str]]) -> list[Finding]:
    """The findings, each that requires one that is not met skipped, with the id of the first cause."""
    from graphlib import TopologicalSorter  # few profiles say what requires what

    by_id = {finding.id: finding for finding in findings}
    for name in TopologicalSorter(requires).static_order():
        finding = by_id.get(name)
        if finding is None or finding.status == "skipped":
            continue
        cause = next((found for each in requires.get(name, ()) if (found := _cause(by_id[each], finding))), None)
        if cause is not None:
            by_id[name] = _blocked_by(finding, cause)
    return [by_id[finding.id] for finding in findings]


def _cause(required: Finding, finding: Finding) -> str | None:
    """The id of what keeps a finding from saying anything; None where the required one is met, or does not count."""
    if required.status == "skipped":
        return (required.blocked_by or required.id) if required.is_counted else None
    missed = required.status == "fail" or (required.status == "warn" and required.level != "required")
    unsure = required.status == "unknown" and finding.status != "pass"
    return required.id if missed or unsure else None


def _blocked_by(finding: Finding, cause: str) -> Finding:
    return _skipped(finding, "blocked", f"blocked by {cause}", blocked_by=cause)


def _as_known(findings: list[Finding], requirements: Mapping[str, Requirement]) -> list[Finding]:
    """The findings of which too little is known, as their requirements want them."""
    return [
        _of_unknown(finding, requirements[finding.id].on_unknown)
        if finding.status == "unknown" and finding.id in requirements
        else finding
        for finding in findings
    ]


def _of_unknown(finding: Finding, wanted: OnUnknown) -> Finding:
    words = f"{finding.message}; this profile takes that for "
    if wanted == "skip":
        return _skipped(finding, "not-known", f"{finding.message}; this profile leaves it out then")
    if wanted == "fail" and finding.level == "required":
        return msgspec.structs.replace(finding, status="fail", message=f"{words}not met", shortfall=UNKNOWN)
    return msgspec.structs.replace(finding, status="warn", message=f"{words}a warning", shortfall=UNKNOWN)


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
        nearest=None,
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
