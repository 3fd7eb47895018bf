"""The one profile to talk about, and the next step towards it."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.cloud.offers import passing
from llmcheck.install.choose import TierRequest, missing_libraries
from llmcheck.install.plan import plan_installation
from llmcheck.schema.advice import Advice, Plan, RankedOffer
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import ProfileReport, Report
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
    """Towards the best tier that is near; None when every profile is ready or only a cluster could tell.

    Near is, first, the most demanding tier whose hardware does not fail and whose libraries are missing, one without
    warnings before one with them; else the least demanding tier that is not ready.
    """
    tiers = [each for each in report.profiles if each.task != "general"]
    general = [each for each in report.profiles if each.task == "general"]
    software = [each for each in tiers if each.hardware != "not-ready" and each.software == "not-ready"]
    short = [each for each in (*tiers, *general) if each.verdict == "not-ready"]
    if software:
        chosen = ([each for each in software if not _warned(each)] or software)[-1]
        reason = f"its hardware is {chosen.hardware}, libraries are missing"
    elif short:
        chosen, reason = short[0], "the nearest that is not ready"
    else:
        return None
    profile = next(each for each in profiles if each.id == chosen.id)
    driver = next(
        (each for each in chosen.findings if each.kind == "driver" and each.status in ("fail", "unknown")), None
    )
    if driver is not None:  # nothing can be said of the rest before it is mended
        return Advice(profile=chosen.id, reason=driver.message, tip=driver.remedy)
    missing = missing_libraries(chosen.findings, report.machine, tables, profile)
    return Advice(
        profile=chosen.id,
        reason=reason,
        plan=_plan(chosen.id, missing, report.machine, tables),
        offer=_offer(profile, offers, corrections) if chosen.hardware == "not-ready" else None,
        tip=_tip(chosen),
    )


def _plan(target: str, wanted: TierRequest, machine: Machine, tables: Tables) -> Plan | None:
    if not wanted.libraries and not wanted.uncatalogued:
        return None
    return plan_installation(target, wanted.libraries, machine, tables, tier=wanted)


def _offer(profile: Profile, offers: Sequence[Offer], corrections: Sequence[Correction]) -> RankedOffer | None:
    """The cheapest that fits by the corrected figures and says how much RAM it has, as far as there is one."""
    best: RankedOffer | None = None
    for each in passing(profile, offers, corrections):
        if best is None or _wishes_met(each) > _wishes_met(best):
            best = each
        if all(_wishes_met(best)):
            break
    return best


def _wishes_met(ranked: RankedOffer) -> tuple[bool, bool]:
    return ranked.fits_by_arithmetic, "ram" not in ranked.unknown


def _warned(report: ProfileReport) -> bool:
    return any(finding.group == "hardware" and finding.status == "warn" for finding in report.findings)


def _tip(report: ProfileReport) -> str | None:
    return next(
        (finding.remedy for finding in report.findings if finding.group == "hardware" and finding.status == "fail"),
        None,
    )
