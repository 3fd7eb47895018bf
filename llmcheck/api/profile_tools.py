"""Compares, describes and tests profiles."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from llmcheck import __version__, catalog
from llmcheck.api.inspection import MachineSource, load_machine
from llmcheck.api.judgement import report_of
from llmcheck.catalog import inheritance, profile_tests, variables
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import DataError
from llmcheck.judge import draft, lint, requirements
from llmcheck.judge.profile_difference import difference
from llmcheck.judge.profile_test import tested
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile_tools import (
    DraftProfile,
    LintedProfile,
    LintFinding,
    ProfileDifference,
    ProfileLint,
    ProfilePage,
    ProfileTest,
    ProfileTests,
)

_MOST = 200
"""Findings of lint that are listed of one profile."""


def profile_difference(before: str, after: str) -> ProfileDifference:
    """What two profiles (ids or paths) ask for differently. Raises DataError."""
    return difference((before, after), profile_catalog.load(before), profile_catalog.load(after))


def profile_page(names: Sequence[str]) -> ProfilePage:
    """Profiles (ids or paths) as a page. Raises DataError."""
    return ProfilePage(names=tuple(names), profiles=tuple(map(profile_catalog.load, names)))


def linted_profiles(names: Sequence[str]) -> ProfileLint:
    """What is wrong in profiles (ids or paths), or cannot have been meant. Raises DataError for what cannot be read."""
    today = datetime.datetime.now(datetime.UTC).date()
    profiles = tuple(_linted(name, today) for name in names)
    return ProfileLint(profiles=profiles, exit_code=1 if any(each.findings for each in profiles) else 0)


def _linted(name: str, today: datetime.date) -> LintedProfile:
    path = profile_catalog.path_of(name)
    table = catalog.read_profile(path)
    profile_catalog.check_bounds(table, path)
    stem = os.path.splitext(os.path.basename(path))[0] if path.endswith((".toml", ".json")) else None
    findings = list(lint.of_table(table))
    try:
        profile = profile_catalog.decode_profile(table, inheritance.origin_of(path))
    except DataError as error:
        findings += _refused(table, path) or ([] if findings else [LintFinding(code="invalid", message=str(error))])
        count = len(table["require"]) if isinstance(table.get("require"), list) else 0
    else:
        findings += lint.of_profile(profile, table, stem, today)
        count = len(profile.require)
    kept = tuple(findings[:_MOST])
    return LintedProfile(profile=name, requirements=count, findings=kept, truncated=len(findings) > _MOST)


def _refused(table: Mapping[str, Any], path: str) -> list[LintFinding]:
    """Each requirement of a file that is not possible, where the values of its variables are."""
    requirements_, found = table.get("require"), []
    try:
        known = variables.definitions(table.get("vars", {}), path)
        put_in = variables.Substitution(variables.resolved(known, variables.NOTHING, path))
    except DataError:
        return []
    for index, each in enumerate(requirements_ if isinstance(requirements_, list) else ()):
        where = f"require[{index}]"
        try:
            requirements.decode(put_in.of(each, where) if known else each, where)
        except DataError as error:
            found.append(lint.of_refused(each, str(error)))
            if len(found) > _MOST:
                break
    return found


def drafted_profile(machine: MachineSource, id_: str, title: str) -> DraftProfile:
    """A profile that a machine passes, made of what it has. Raises DataError where nothing of it is known.

    A line that the machine itself does not pass is left out: what is wrong with it is no requirement.
    """
    found = machine()
    kept = tuple(each for each in draft.lines(found) if _passes(each, found))
    if not kept:
        raise DataError("nothing is known of this machine that could be asked for: see 'llmcheck machine'")
    day = (found.collected_at or datetime.datetime.now(datetime.UTC).isoformat())[:10]
    source = f"drafted from a machine of {day} by llmcheck {__version__}"
    profile = DraftProfile(id=id_, title=title, sources=(source,), require=kept)
    profile_catalog.decode_profile({**msgspec.to_builtins(profile), "require": list(kept)}, id_)
    return profile


def _passes(line: Mapping[str, Any], machine: Machine) -> bool:
    return requirements.check(requirements.decode(line, "draft"), machine).status == "pass"


def tested_profiles(names: Sequence[str]) -> ProfileTests:
    """Judges each profile (id or path) on the machines that lie beside it. Raises DataError."""
    tests = tuple(map(_tested, names))
    failed = any(not machine.as_expected for each in tests for machine in each.machines)
    return ProfileTests(tests=tests, exit_code=1 if failed else 0)


def _tested(name: str) -> ProfileTest:
    profile = profile_catalog.load(name)
    folder = profile_tests.folder_of(name)
    files = profile_tests.machines(folder)
    ids = profile_tests.ids(folder, files)
    machines = {file: load_machine(os.path.join(folder, file)) for file in files}
    reports = {
        file: report_of([profile], machine, catalog.corrections(), frozenset(), plan_remedies=False).profiles[0]
        for file, machine in machines.items()
    }
    return tested(profile, name, folder, reports, ids)
