"""Judges profiles on a machine."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from llmcheck import __version__, catalog, codec
from llmcheck.api.inspection import MachineSource
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import UsageError
from llmcheck.fit import computed_layer
from llmcheck.gpus.identify import GpuRecord
from llmcheck.judge.evaluate import evaluate, is_judged
from llmcheck.judge.requirements import asks_of, group_of
from llmcheck.printable import printable
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import ProfileReport, Report, combined, exit_code
from llmcheck.tables.correction import Correction

if TYPE_CHECKING:
    from llmcheck.catalog.variables import Given
    from llmcheck.schema.asked import Ask, Asked

AskSource = Callable[[Sequence["Ask"]], "Asked"]
"""A function that answers questions about this machine."""


def check(
    names: Sequence[str],
    machine: MachineSource,
    skip: Sequence[str] = (),
    only: Sequence[str] = (),
    fail_on_warn: bool = False,
    given: Given | None = None,
    ask: AskSource | None = None,
    allow_exec: bool = False,
    by_person: bool = True,
) -> Report:
    """Judges profiles (ids or paths) on a machine.

    ``skip`` and ``only``: requirement ids, tags or groups. ``given``: values for the variables of the profiles.
    ``ask``: answers what profiles ask beyond the inventory, for this machine; None: nothing is asked. ``allow_exec``:
    start the programs of all these profiles; else only of those whose own file a person named. ``by_person``: False
    where a project's file named the profiles. Raises DataError and UsageError for unknown names.
    """
    profiles = [profile_catalog.load(name, given) for name in names]
    if given is not None:
        given.require_names(each.vars for each in profiles)
    corrections = catalog.corrections()
    _check_names(profiles, (*skip, *only))
    paths = tuple(None if name in profile_catalog.ids() else printable(name) for name in names)
    found = machine()
    asked = None
    if ask is not None and any(asks_of(each) for profile in profiles for each in profile.require):
        judged = functools.partial(is_judged, skip=frozenset(skip), only=frozenset(only))
        asked = _asked(profiles, names, ask, judged, allow_exec=allow_exec, by_person=by_person)
    report = report_of(
        profiles, found, corrections, frozenset(skip), fail_on_warn, paths, _cards, only=frozenset(only), asked=asked
    )
    return report if not report.machine.problems else _without_outdated(report)


def _asked(
    profiles: Sequence[Profile],
    names: Sequence[str],
    ask: AskSource,
    judged: Callable[[set[str]], bool],
    *,
    allow_exec: bool,
    by_person: bool,
) -> Asked:
    """The answers to what the profiles ask. What ``--skip`` and ``--only`` leave out is not asked."""
    asks: list[Ask] = []
    for name, profile in zip(names, profiles, strict=True):
        own = [
            ask for each in profile.require if judged({each.id, group_of(each), *each.tags}) for ask in asks_of(each)
        ]
        if any(each.argv for each in own) and not (
            allow_exec or (by_person and profile_catalog.may_start_programs(name, profile))
        ):
            own = [each for each in own if not each.argv]
        asks += own
    return ask(tuple(dict.fromkeys(asks)))


def _with_asked(machine: Machine, asked: Asked) -> Machine:
    from llmcheck.schema.asked import with_asked

    return with_asked(machine, asked)


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
    tags = {tag for profile in profiles for each in profile.require for tag in each.tags}
    known = ids | tags | {"hardware", "software"}
    for name in names:
        if name not in known:
            tagged = f"tags: {', '.join(sorted(tags))}; " if tags else ""
            raise UsageError(
                f"'{name}' is neither a requirement nor a group{codec.did_you_mean(name, known)}; "
                f"groups: hardware, software; {tagged}requirements: {', '.join(sorted(ids))}"
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
    asked: Asked | None = None,
) -> Report:
    """The report of loaded profiles on a machine. ``skip``: requirement ids and groups that are not judged; ``only``:
    the only ones that are, or () for all. ``paths``: for each profile its file, None for a shipped one; None where all
    are shipped. ``cards``: gets the GPUs that may be proposed where nothing fits; None: none are, which is faster.
    ``plan_remedies``: name the library that is installed for what is missing; False: the command that installs all of
    it, which is faster. ``asked``: what was asked of the machine beyond its inventory, which no report has.
    """
    known: computed_layer.Plans = {}
    now = datetime.datetime.now(datetime.UTC)
    questioned = machine if asked is None else _with_asked(machine, asked)
    judged = tuple(
        evaluate(
            profile,
            questioned,
            corrections,
            skip,
            computed_methods(profile, machine, known, cards),
            path,
            only,
            now.date(),
        )
        for profile, path in zip(profiles, paths or [None] * len(profiles), strict=True)
    )
    judged = _with_remedies(judged, profiles, machine, plan_remedies)
    return Report(
        llmcheck=__version__,
        created_at=now.isoformat(timespec="seconds"),
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
