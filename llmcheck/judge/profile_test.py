"""Whether a profile judges its own machines as their names say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmcheck.errors import DataError
from llmcheck.schema.profile import Profile
from llmcheck.schema.profile_tools import ProfileTest, TestedMachine
from llmcheck.schema.report import Finding, ProfileReport, Verdict

EXPECTED: Mapping[str, Verdict | None] = {
    "passing": "ready",
    "failing": "not-ready",
    "undetermined": "undetermined",
    "inapplicable": None,
}
"""By the first word of a file's name: the verdict that the machine has to get."""
_WITH_IDS = ("not-ready", "undetermined")


def tested(
    profile: Profile,
    name: str,
    folder: str,
    reports: Mapping[str, ProfileReport],
    ids: Mapping[str, Sequence[str]],
) -> ProfileTest:
    """``reports``: of each machine by its file; ``ids``: by the file's name without its ending, the lines that have to
    fail, or to stay open. Raises DataError for an id that the profile does not have.
    """
    known = {each.id for each in profile.require} | {each.id for one in reports.values() for each in one.findings}
    for stem, named in ids.items():
        for each in named:
            if each not in known:
                raise DataError(f"{folder}: '{stem}' expects '{each}', which is no requirement of {name}")
    machines = tuple(_tested(file, report, ids) for file, report in reports.items())
    failed = {each for machine in machines if machine.expected == "not-ready" for each in machine.ids}
    required = (each.id for each in profile.require if each.level == "required" and each.scope == "node")
    return ProfileTest(
        profile=name,
        folder=folder,
        machines=machines,
        never_failing=tuple(each for each in required if each not in failed),
    )


def kind_of(file: str) -> str:
    """The first word of a file's name."""
    return file.partition("-")[0].removesuffix(".json")


def _tested(file: str, report: ProfileReport, ids: Mapping[str, Sequence[str]]) -> TestedMachine:
    expected = EXPECTED[kind_of(file)]
    found = tuple(each.id for each in report.findings if each.level == "required" and _tells(each, expected))
    stated = ids.get(file.removesuffix(".json"))
    named = tuple(stated) if stated is not None else None if expected in _WITH_IDS else ()
    right = report.verdict == expected and (expected not in _WITH_IDS or set(named or ()) == set(found))
    return TestedMachine(
        file=file,
        expected=expected,
        verdict=report.verdict,
        expected_ids=named,
        ids=found if expected in _WITH_IDS or not right else (),
        as_expected=right,
    )


def _tells(finding: Finding, expected: Verdict | None) -> bool:
    """Whether it is a reason: it is open where the verdict has to stay open, and fails elsewhere."""
    return finding.is_open if expected == "undetermined" else finding.status == "fail"
