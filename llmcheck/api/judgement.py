"""Judges profiles on a machine."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from llmcheck import __version__, catalog, codec
from llmcheck.api.inspection import MachineSource
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import UsageError
from llmcheck.fit import computed_layer
from llmcheck.gpus.identify import GpuRecord
from llmcheck.judge.evaluate import evaluate
from llmcheck.printable import printable
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import ProfileReport, Report, combined, exit_code
from llmcheck.tables.correction import Correction

if TYPE_CHECKING:
    from llmcheck.api.project import Project


def check(
    names: Sequence[str],
    machine: MachineSource,
    skip: Sequence[str] = (),
    only: Sequence[str] = (),
    fail_on_warn: bool = False,
    project: Project | None = None,
) -> Report:
    """Judges profiles (ids or paths) on a machine.

    ``skip`` and ``only``: requirement ids or groups. ``project``: its datasets, its checklist, what to read. Raises
    DataError and UsageError for unknown names.
    """
    profiles = [profile_catalog.load(name) for name in names]
    corrections = catalog.corrections()
    _check_names(profiles, (*skip, *only))
    paths = tuple(None if name in profile_catalog.ids() else printable(name) for name in names)
    report = report_of(
        profiles, machine(), corrections, frozenset(skip), fail_on_warn, paths, _cards, only=frozenset(only)
    )
    report = report if not report.machine.problems else _without_outdated(report)
    return report if project is None else _with_project(report, profiles, project, fail_on_warn=fail_on_warn)


def _with_project(report: Report, profiles: Sequence[Profile], project: Project, *, fail_on_warn: bool) -> Report:
    from llmcheck.api.project import with_project  # few checks name a dataset or a checklist

    found = with_project(report, profiles, project)
    return msgspec.structs.replace(found, exit_code=exit_code(found.profiles, fail_on_warn=fail_on_warn))


def _without_outdated(report: Report) -> Report:
    from llmcheck.judge import outdated  # only a saved machine can be

    return outdated.without_outdated(report)


def _cards() -> tuple[GpuRecord, ...]:
    """Those that may be proposed."""
    from llmcheck.gpus import idle_card

    return idle_card.proposable(catalog.gpu_specs())


def _check_names(profiles: Sequence[Profile], names: Sequence[str]) -> None:
    """Raises UsageError for a name that is neither a requirement of some profile nor a group."""
    ids = {each.id for profile in profiles for each in profile.require} | {computed_layer.ID}
    groups = {"hardware", "software"}
    for name in names:
        if name not in ids | groups:
            raise UsageError(
                f"'{name}' is neither a requirement nor a group{codec.did_you_mean(name, ids | groups)}; "
                f"groups: hardware, software; requirements: {', '.join(sorted(ids))}"
            )


def report_of(
    profiles: Sequence[Profile],
    machine: Machine,
    corrections: Sequence[Correction],
    skip: frozenset[str],
    fail_on_warn: bool = False,
    paths: Sequence[str | None] | None = None,
    cards: Callable[[], Sequence[GpuRecord]] | None = None,
    plan_remedies: bool = True,
    only: frozenset[str] = frozenset(),
) -> Report:
    """The report of loaded profiles on a machine. ``skip``: requirement ids and groups that are not judged; ``only``:
    the only ones that are, or () for all. ``paths``: for each profile its file, None for a shipped one; None where all
    are shipped. ``cards``: gets the GPUs that may be proposed where nothing fits; None: none are, which is faster.
    ``plan_remedies``: name the library that is installed for what is missing; False: the command that installs all of
    it, which is faster.
    """
    known: computed_layer.Plans = {}
    judged = tuple(
        evaluate(profile, machine, corrections, skip, computed_methods(profile, machine, known, cards), path, only)
        for profile, path in zip(profiles, paths or [None] * len(profiles), strict=True)
    )
    judged = _with_remedies(judged, profiles, machine, plan_remedies)
    return Report(
        llmcheck=__version__,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        verdict=combined(each.verdict for each in judged),
        exit_code=exit_code(judged, fail_on_warn=fail_on_warn),
        profiles=judged,
        machine=machine,
    )


def _with_remedies(
    reports: tuple[ProfileReport, ...], profiles: Sequence[Profile], machine: Machine, planned: bool
) -> tuple[ProfileReport, ...]:
    if not any(
        each.group == "software" and each.status in ("fail", "warn") for one in reports for each in one.findings
    ):
        return reports
    from llmcheck.advise import remedies  # where nothing is missing, nothing has to be planned

    if not planned:
        return remedies.with_tier_remedies(reports)
    return remedies.with_planned_remedies(reports, profiles, machine, catalog.tables(), catalog.starters())


def computed_methods(
    profile: Profile,
    machine: Machine,
    known: computed_layer.Plans | None = None,
    cards: Callable[[], Sequence[GpuRecord]] | None = None,
) -> tuple[ComputedMethod, ...]:
    """The methods of running the profile's workload on the machine, those that are rented for days with their cost.

    ``known``: plans of other profiles on this machine; new ones are added. ``cards``: gets the GPUs that may be
    proposed where nothing fits; None: none are.
    """
    found = computed_layer.methods(profile, machine, _models(profile), known, cards)
    if not any(each.days for each in found):
        return found
    from llmcheck.cloud.rent import methods_with_cost  # a run of days alone has a price

    return methods_with_cost(found, catalog.offers())


def _models(profile: Profile) -> dict[str, Architecture]:
    if profile.workload is None or profile.workload.model is None:
        return {}
    from llmcheck.api import model_source  # few profiles need the table of models

    return model_source.of_profile(profile)
