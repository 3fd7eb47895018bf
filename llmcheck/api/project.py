"""What a project brings to a check besides the machine: its datasets, its checklist, what to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from llmcheck import catalog, codec
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import DataError, UsageError
from llmcheck.judge import checklist, datasets
from llmcheck.printable import printable
from llmcheck.schema.profile import Profile
from llmcheck.schema.project import Reading
from llmcheck.schema.report import Finding, ProfileReport, Report, combined, counts_of, not_counted, verdict_of
from llmcheck.units import parse_rate

if TYPE_CHECKING:
    from llmcheck.schema.machine import Machine
    from llmcheck.tables.dataset import Dataset

_LARGEST_CHECKLIST = 2**20
"""Bytes: ours takes 4 kB."""
_STAND_IN = {
    "inference": "inference-7b",
    "fine-tuning": "finetune-7b",
    "pre-training": "pretrain",
    "general": "minimum",
}
"""Whose reading is shown for a profile of somebody's own, by its task."""


class Project(Struct, frozen=True, kw_only=True):
    """The options of a check about the project."""

    datasets: tuple[str, ...] = ()
    """Ids."""
    bandwidth: str | None = None
    """``1 Gb/s``; None: what ``--probe-net`` measured, if it did."""
    checklist: str | None = None
    """The path of a file of ``llmcheck checklist``."""
    reading: bool = False
    """Name the two resources that matter most for each profile."""


def named_datasets(names: Sequence[str]) -> tuple[Dataset, ...]:
    """The datasets of these ids or hub repositories, each once. Raises UsageError with the nearest id."""
    known = catalog.datasets()
    by_name = {name.lower(): each for each in known.values() for name in (each.repository, each.name, each.id) if name}
    for name in names:
        if name.lower() not in by_name:
            near = codec.did_you_mean(name, known)
            raise UsageError(f"there is no dataset '{name}'{near}; 'llmcheck datasets list' shows all")
    return tuple(dict.fromkeys(by_name[name.lower()] for name in names))


def with_project(report: Report, profiles: Sequence[Profile], project: Project) -> Report:
    """The report of these profiles with what the project brings. Its exit code is that of the report before: whoever
    judges computes it anew.

    Raises UsageError for an unknown dataset or rate, and DataError for a checklist that cannot be read.
    """
    machine, rate = report.machine, _rate(project.bandwidth)
    wanted = named_datasets(project.datasets)
    sizes = {each.id: _sizes(each) for each in profiles}
    judged = report.profiles
    if wanted:
        judged = tuple(
            _with_findings(one, datasets.with_datasets(one, profile, machine, wanted, sizes))
            for one, profile in zip(judged, profiles, strict=True)
        )
    state = None
    if project.checklist is not None:
        state = checklist.state(_items(project.checklist), _expected(profiles), printable(project.checklist))
        found = checklist.finding(state)
        judged = tuple(_with_findings(one, (*one.findings, found)) for one in judged)
    return msgspec.structs.replace(
        report,
        profiles=judged,
        verdict=combined(each.verdict for each in judged),
        datasets=tuple(datasets.use_of(each, machine, sizes, rate, _measured(machine)) for each in wanted),
        checklist=state,
        reading=tuple(each for profile in profiles for each in _reading(profile)) if project.reading else (),
    )


def _with_findings(report: ProfileReport, findings: Sequence[Finding]) -> ProfileReport:
    return msgspec.structs.replace(
        report,
        findings=tuple(findings),
        verdict=verdict_of(findings),
        hardware=verdict_of(each for each in findings if each.group == "hardware"),
        counts=counts_of(findings),
        not_counted=not_counted(findings),
    )


def _rate(bandwidth: str | None) -> float | None:
    try:
        return None if bandwidth is None else parse_rate(bandwidth)
    except ValueError as error:
        raise UsageError(f"--bandwidth: {error}") from None


def _measured(machine: Machine) -> float | None:
    """Bytes a second from the hub, where ``--probe-net`` measured them."""
    for each in machine.access.endpoints or ():
        if each.name == "hub" and each.bytes_per_second:
            return each.bytes_per_second
    return None


def _sizes(profile: Profile) -> list[tuple[str, int]]:
    """The models of a profile's workload with their parameters."""
    workload = profile.workload
    if workload is None:
        return []
    from llmcheck.api import model_source
    from llmcheck.fit.shapes import typical

    known = model_source.of_profile(profile)
    if known:
        return [(name, each.parameters.total) for name, each in known.items()]
    return [(size, typical.parse_size(size)) for size in workload.parameters if typical.is_size(size)]


def _items(path: str) -> tuple[checklist.Item, ...]:
    from llmcheck.system import outside

    try:
        data = outside.read_file(path, _LARGEST_CHECKLIST, "a checklist", f"--checklist {path}")
    except OSError as error:
        hint = "; write one with 'llmcheck checklist finetune-7b --output FILE'"
        raise DataError(f"--checklist {path}: {error.strerror or error}{hint}") from None
    except ValueError:
        raise DataError(f"--checklist {path!r}: not a path") from None
    return checklist.items(data.decode("utf-8", "replace"))


def _expected(profiles: Sequence[Profile]) -> dict[str, str]:
    tasks = {each.task for each in profiles}
    return {
        duty.id: duty.text
        for area in catalog.duties()
        for duty in area.duties
        if not duty.tasks or tasks & set(duty.tasks)
    }


def _reading(profile: Profile) -> list[Reading]:
    shown = profile.id if profile.id in profile_catalog.ids() else _STAND_IN[profile.task]
    return [
        Reading(
            profile=profile.id,
            title=each.title,
            authors=each.authors,
            year=each.year,
            url=each.url,
            why=each.why,
        )
        for each in catalog.resources()
        if shown in each.first_for
    ]
