"""Judges profiles on a machine."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from llmcheck import __version__, catalog, codec
from llmcheck.api.inspection import GivenMachine, machine_of
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
from llmcheck.schema.report import PLAIN_GATE, Gate, Level, ProfileReport, Report, combined, exit_code
from llmcheck.tables.correction import Correction

if TYPE_CHECKING:
    from llmcheck.api.project import Project
    from llmcheck.catalog.variables import Given
    from llmcheck.schema.asked import Ask, Asked

AskSource = Callable[[Sequence["Ask"]], "Asked"]
"""A function that answers questions about this machine."""


def check(
    names: str | Sequence[str],
    machine: GivenMachine = None,
    skip: Sequence[str] = (),
    only: Sequence[str] = (),
    *,
    given: Given | None = None,
    ask: AskSource | None = None,
    allow_exec: bool = False,
    by_person: bool = True,
    gate: Gate = PLAIN_GATE,
    severity: Mapping[str, Level] | None = None,
    baseline: tuple[str, Report] | None = None,
    project: Project | None = None,
) -> Report:
    """Judges profiles (ids or paths; one may stand alone) on a machine.

    ``Report.verdict`` is the answer and ``Report.exit_code`` that of the command. ``machine``: also what
    ``load_machine`` takes; None: this machine. ``skip`` and ``only``: ids and tags of requirements, or groups.
    ``given``: values for the variables of the profiles. ``ask``: answers what profiles ask beyond the inventory, for
    this machine; None: nothing is asked. ``allow_exec``: start the programs of all these profiles; else only of those
    whose own file a person named. ``by_person``: False where a project's file named the profiles. ``gate``: by what the
    exit code is decided. ``severity``: the level of a requirement, by its id, in place of the profile's. ``baseline``:
    the name of a saved report and the report (``load_report``): only what is worse than there decides the exit code.
    ``project``: its datasets, its checklist, what to read. Raises DataError and UsageError for unknown names, and
    InspectionError.
    """
    names = [names] if isinstance(names, str) else names
    levels = severity or {}
    profiles = [profile_catalog.load(name, given) for name in names]
    if given is not None:
        given.require_names(each.vars for each in profiles)
    corrections = catalog.corrections()
    check_names(profiles, (*skip, *only), levels)
    paths = tuple(None if name in profile_catalog.ids() else printable(name) for name in names)
    if levels:
        profiles, gate = _with_levels(profiles, levels, gate)
    asked = None
    if ask is not None and any(asks_of(each) for profile in profiles for each in profile.require):
        judged = functools.partial(is_judged, skip=frozenset(skip), only=frozenset(only))
        asked = _asked(profiles, names, ask, judged, allow_exec=allow_exec, by_person=by_person)
    report = report_of(
        profiles,
        machine_of(machine),
        corrections,
        frozenset(skip),
        paths=paths,
        cards=_cards,
        only=frozenset(only),
        asked=asked,
        gate=gate,
        computed_level=levels.get(computed_layer.ID),
    )
    report = msgspec.structs.replace(
        report,
        profiles=tuple(
            _with_rent(each, one, as_shipped=not levels) for each, one in zip(report.profiles, profiles, strict=True)
        ),
    )
    report = report if not report.machine.problems else _without_outdated(report)
    report = report if project is None else _with_project(report, profiles, project)
    return report if baseline is None else _beyond(report, *baseline)


def _with_project(report: Report, profiles: Sequence[Profile], project: Project) -> Report:
    from llmcheck.api.project import with_project  # few checks name a dataset or a checklist

    found = with_project(report, profiles, project)
    return msgspec.structs.replace(found, exit_code=exit_code(found.profiles, found.gate))


def _with_levels(profiles: Sequence[Profile], levels: Mapping[str, Level], gate: Gate) -> tuple[list[Profile], Gate]:
    from llmcheck.judge import severity  # few gates change a level

    changed = tuple(each for profile in profiles for each in severity.changed(profile, levels, computed_layer.ID))
    gate = msgspec.structs.replace(gate, severity=changed)
    return [severity.with_levels(profile, levels) for profile in profiles], gate


def _beyond(report: Report, file: str, saved: Report) -> Report:
    from llmcheck.judge import difference

    known = difference.with_baseline(report, saved, printable(file))
    return msgspec.structs.replace(known, exit_code=exit_code(known.profiles, known.gate))


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


def _with_rent(report: ProfileReport, profile: Profile, *, as_shipped: bool) -> ProfileReport:
    """Where the hardware falls short, with the cheapest machine that would pass. ``as_shipped``: no level was changed.

    Of a node nobody wants another in its place.
    """
    if report.hardware != "not-ready" or profile.id in profile_catalog.node_ids():
        return report
    if report.path is None and as_shipped:
        return msgspec.structs.replace(report, rent=catalog.cheapest_offer(profile.id))
    from llmcheck.catalog.derived import cheapest_offer  # of any other profile nothing was compiled

    found = cheapest_offer(profile, catalog.offers(), catalog.corrections(), catalog.gpu_specs(), _models(profile))
    return msgspec.structs.replace(report, rent=found)


def _without_outdated(report: Report) -> Report:
    from llmcheck.judge import outdated  # only a saved machine can be

    return outdated.without_outdated(report)


def _cards() -> tuple[GpuRecord, ...]:
    """Those that may be proposed."""
    from llmcheck.gpus import idle_card

    return idle_card.proposable(catalog.gpu_specs())


def check_names(profiles: Sequence[Profile], names: Sequence[str], ids_alone: Iterable[str] = ()) -> None:
    """Raises UsageError for a name that is no requirement, tag or group of some profile, and for one of ``ids_alone``
    that is no requirement.
    """
    ids = {each.id for profile in profiles for each in profile.require} | {computed_layer.ID}
    tags = {tag for profile in profiles for each in profile.require for tag in each.tags}
    known = ids | tags | {"hardware", "software"}
    for name in names:
        if name not in known:
            tagged = f"; tags: {', '.join(sorted(tags))}" if tags else ""
            raise UsageError(
                f"'{name}' is neither a requirement nor a {'tag or a ' if tags else ''}group"
                f"{codec.did_you_mean(name, known)}; groups: hardware, software{tagged}; "
                f"requirements: {', '.join(sorted(ids))}"
            )
    for name in ids_alone:
        if name not in ids:
            raise UsageError(
                f"--severity: there is no requirement '{name}'{codec.did_you_mean(name, ids)}; "
                f"requirements: {', '.join(sorted(ids))}"
            )


def report_of(
    profiles: Sequence[Profile],
    machine: Machine,
    corrections: Sequence[Correction],
    skip: frozenset[str],
    paths: Sequence[str | None] | None = None,
    cards: Callable[[], Sequence[GpuRecord]] | None = None,
    plan_remedies: bool = True,
    only: frozenset[str] = frozenset(),
    asked: Asked | None = None,
    gate: Gate = PLAIN_GATE,
    computed_level: Level | None = None,
) -> Report:
    """The report of loaded profiles on a machine. ``skip``: ids, tags and groups that are not judged; ``only``:
    the only ones that are, or () for all. ``paths``: for each profile its file, None for a shipped one; None where all
    are shipped. ``cards``: gets the GPUs that may be proposed where nothing fits; None: none are, which is faster.
    ``plan_remedies``: name the library that is installed for what is missing; False: the command that installs all of
    it, which is faster. ``asked``: what was asked of the machine beyond its inventory, which no report has. ``gate``:
    by what the exit code is decided. ``computed_level``: of the computed findings.
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
            computed_level,
        )
        for profile, path in zip(profiles, paths or [None] * len(profiles), strict=True)
    )
    judged = _with_remedies(judged, profiles, machine, plan_remedies)
    return Report(
        llmcheck=__version__,
        created_at=now.isoformat(timespec="seconds"),
        verdict=combined(each.verdict for each in judged),
        exit_code=exit_code(judged, gate),
        profiles=judged,
        machine=machine,
        gate=gate,
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
