"""The overview of all tiers with the next step, and machines to rent."""

from __future__ import annotations

import msgspec

from llmcheck import catalog
from llmcheck.advise.next_step import Known, next_step
from llmcheck.advise.outlook import size_plans
from llmcheck.api.inspection import MachineSource
from llmcheck.api.judgement import report_of
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.schema.advice import Offers
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Report


def overview(machine: MachineSource) -> Report:
    """All shipped profiles on one machine, without a verdict: which sizes of model run there, and the next step."""
    profiles, corrections = profile_catalog.shipped(), catalog.corrections()
    report = report_of(profiles, machine(), corrections, frozenset())
    report = msgspec.structs.replace(
        report, verdict=None, exit_code=0, sizes=size_plans(report.profiles, catalog.cards())
    )
    step, advice = next_step(
        report,
        Known(
            profiles=profiles,
            tables=catalog.tables(),
            offers=catalog.offers(),
            corrections=corrections,
            starters=catalog.starters(),
        ),
    )
    return msgspec.structs.replace(report, next=step, advice=advice)


def cloud(name: str, all_tiers: bool = False, machine: Machine | None = None) -> Offers:
    """The offers whose hardware passes a profile.

    ``all_tiers``: include community and marketplace machines. ``machine``: also judge this machine, as the first note.
    Raises DataError.
    """
    from llmcheck.cloud.offers import rank_offers
    from llmcheck.judge.evaluate import evaluate

    profile, corrections = profile_catalog.load(name), catalog.corrections()
    found = rank_offers(profile, catalog.offers(), corrections, all_tiers)
    if machine is None:
        return found
    verdict = evaluate(profile, machine, corrections, frozenset({"software"})).verdict
    own = f"the hardware of {machine.identity.hostname or 'the given machine'} is {verdict} for {profile.id}"
    if verdict is None:
        own = f"{profile.id} has no requirement of hardware"
    return msgspec.structs.replace(found, notes=(own, *found.notes))
