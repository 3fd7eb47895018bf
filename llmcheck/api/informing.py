"""The overview of all tiers with the next step."""

from __future__ import annotations

import msgspec

from llmcheck import catalog
from llmcheck.advise.next_step import next_step
from llmcheck.api.inspection import MachineSource
from llmcheck.api.judgement import report_of
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.schema.report import Report


def overview(machine: MachineSource) -> Report:
    """All shipped profiles on one machine, without a verdict, and the next step towards the nearest tier."""
    profiles, corrections = profile_catalog.shipped(), catalog.corrections()
    report = report_of(profiles, machine(), corrections, frozenset())
    advice = next_step(report, profiles, catalog.tables(), catalog.offers(), corrections)
    return msgspec.structs.replace(report, verdict=None, exit_code=0, advice=advice)
