"""Chooses one profile that is not ready, and the next step towards it."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.cloud.offers import passing
from llmcheck.install.choose import TierRequest, missing_libraries
from llmcheck.install.plan import plan_installation
from llmcheck.judge.requirements import traits
from llmcheck.schema.advice import Advice, Plan, RankedOffer
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, ProfileReport, Report
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import Offer
from llmcheck.tables.tables import Tables


def next_step(
    report: Report,
    profiles: Sequence[Profile],
    tables: Tables,
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
) -> Advice | None:
    """The next step towards the nearest tier; None if every profile is ready or can only be judged on a cluster.

    The nearest is the most demanding tier of which only libraries are missing, preferably without hardware warnings. If
    there is none, it is the least demanding profile that is not ready.
    """
    tiers = [each for each in report.profiles if each.task != "general"]
    general = [each for each in report.profiles if each.task == "general"]
    software = [each for each in tiers if each.hardware != "not-ready" and each.software == "not-ready"]
    not_ready = [each for each in (*tiers, *general) if each.verdict == "not-ready"]
    if software:
        chosen = ([each for each in software if not _has_hardware_warning(each)] or software)[-1]
        reason = f"its hardware is {chosen.hardware}, libraries are missing"
    elif not_ready:
        chosen, reason = not_ready[0], "the nearest that is not ready"
    else:
        return None
    profile = next(each for each in profiles if each.id == chosen.id)
    cause = next((each for each in chosen.findings if _is_root_cause(each)), None)
    if cause is not None:  # the findings that it blocks are unknown until it is repaired
        return Advice(profile=chosen.id, reason=cause.message, tip=cause.remedy)
    missing = missing_libraries(chosen.findings, report.machine, tables, profile)
    return Advice(
        profile=chosen.id,
        reason=reason,
        plan=_plan(chosen.id, missing, report.machine, tables),
        offer=_offer(profile, offers, corrections) if chosen.hardware == "not-ready" else None,
        tip=_tip(chosen),
    )


def _is_root_cause(finding: Finding) -> bool:
    """Whether a finding blocks others and no other blocks it, such as that of a driver that does not work."""
    kind = traits(finding.kind)
    return kind.blocks is not None and not kind.blocked_by and kind.blocks(finding)


def _plan(target: str, request: TierRequest, machine: Machine, tables: Tables) -> Plan | None:
    if not request.libraries and not request.uncatalogued:
        return None
    return plan_installation(target, request.libraries, machine, tables, tier=request)


def _offer(profile: Profile, offers: Sequence[Offer], corrections: Sequence[Correction]) -> RankedOffer | None:
    """The cheapest offer that passes; one that fits by the corrected figures and states its RAM is preferred."""
    best: RankedOffer | None = None
    for each in passing(profile, offers, corrections):
        if best is None or _preferences(each) > _preferences(best):
            best = each
        if all(_preferences(best)):
            break
    return best


def _preferences(ranked: RankedOffer) -> tuple[bool, bool]:
    return ranked.fits_by_arithmetic, ranked.offer.ram_gib is not None


def _has_hardware_warning(report: ProfileReport) -> bool:
    return any(finding.group == "hardware" and finding.status == "warn" for finding in report.findings)


def _tip(report: ProfileReport) -> str | None:
    return next(
        (finding.remedy for finding in report.findings if finding.group == "hardware" and finding.status == "fail"),
        None,
    )
