"""The overview of all tiers with the next step."""

from __future__ import annotations

import msgspec

from llmcheck import catalog
from llmcheck.advise.next_step import Known, next_step
from llmcheck.advise.outlook import size_plans
from llmcheck.api.inspection import GivenMachine, machine_of
from llmcheck.api.judgement import report_of
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.schema.report import Report


def overview(machine: GivenMachine = None, *, planned: bool = True) -> Report:
    """All shipped profiles on one machine, without a verdict: which sizes of model run there, and the next step.

    ``machine``: also what ``load_machine`` takes; None: this machine. ``planned``: False leaves out the plan of an
    installation (``advice``), which takes as long as the rest.
    """
    profiles, corrections = profile_catalog.tiers(), catalog.corrections()
    report = report_of(profiles, machine_of(machine), corrections, frozenset(), plan_remedies=False)
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
            gpus=catalog.gpu_specs,
        ),
        planned=planned,
    )
    return msgspec.structs.replace(report, next=step, advice=advice)
