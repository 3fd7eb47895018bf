"""The one profile to talk about, and the next step towards it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmcheck.advice import Advice
from llmcheck.advise.cloud import rank_offers
from llmcheck.advise.install import missing_libraries, plan_installation
from llmcheck.correction import Correction
from llmcheck.library import Library
from llmcheck.offer import Offer
from llmcheck.profile import Profile
from llmcheck.report import ProfileReport, Report


def next_step(
    report: Report,
    profiles: Sequence[Profile],
    libraries: Mapping[str, Library],
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
) -> Advice | None:
    """Towards the best tier that is near; None when every profile is ready.

    Near is, first, the most demanding tier whose hardware does not fail and whose libraries are missing; else the least
    demanding tier that is not ready.
    """
    tiers = [each for each in report.profiles if each.task != "general"] or list(report.profiles)
    software = [each for each in tiers if each.hardware not in (None, "not-ready") and each.software == "not-ready"]
    short = [each for each in tiers if each.verdict == "not-ready" and each.hardware == "not-ready"]
    if software:
        chosen = software[-1]
        reason = f"its hardware is {chosen.hardware}, libraries are missing"
    elif short:
        chosen, reason = short[0], "the nearest tier that is not ready"
    else:
        return None
    profile = next(each for each in profiles if each.id == chosen.id)
    missing = missing_libraries(chosen.findings, report.machine, libraries)
    ranked = rank_offers(profile, offers, corrections).offers if _lacks_hardware(chosen) else ()
    return Advice(
        profile=chosen.id,
        reason=reason,
        plan=plan_installation(chosen.id, missing, report.machine, libraries) if missing else None,
        offer=next((each for each in ranked if each.fits_by_arithmetic), ranked[0] if ranked else None),
        tip=_tip(chosen),
    )


def _lacks_hardware(report: ProfileReport) -> bool:
    """Something is missing that could be rented; a broken driver is mended, not replaced."""
    failed = [finding for finding in report.findings if finding.group == "hardware" and finding.status == "fail"]
    return bool(failed) and all(finding.kind != "driver" for finding in failed)


def _tip(report: ProfileReport) -> str | None:
    return next(
        (finding.remedy for finding in report.findings if finding.group == "hardware" and finding.status == "fail"),
        None,
    )
