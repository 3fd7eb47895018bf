"""Faults that the files of an environment show, as what they break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from llmcheck.packages.conflict import Conflict, Kind
from llmcheck.packages.environment import Environment
from llmcheck.packages.known import matters
from llmcheck.schema.software import DistributionIssue, version_numbers

_AGAIN = ("--force-reinstall", "--no-deps")
_OVER = ("--ignore-installed", "--no-deps")
"""Where nothing can be removed first."""
_GONE: dict[str, Kind] = {"files-missing": "files-missing", "no-metadata": "no-metadata"}


def conflicts(environment: Environment) -> Iterator[Conflict]:
    """One for each fault of a package that decides whether a model runs, in the order of the names."""
    for issue in environment.machine.software.issues:
        name = issue.name
        if issue.kind == "half-removed" and name.startswith("~"):
            yield Conflict(package=name, kind="half-removed", place=issue.where, broken=False)
        elif matters(name) and name in environment.versions:
            yield from _of_issue(environment, issue)
    if environment.machine.software.conda_and_pip:
        yield Conflict(package="torch", kind="conda-and-pip", broken=False)


def _of_issue(environment: Environment, issue: DistributionIssue) -> Iterator[Conflict]:
    version = environment.versions[issue.name]
    pin = (f"{issue.name}=={version.partition('+')[0]}",)
    if issue.kind in ("files-missing", "no-metadata", "half-removed"):
        kind = _GONE.get(issue.kind, "files-missing")
        recorded = issue.name not in {each.name for each in environment.issues("no-record")} and kind != "no-metadata"
        options = _AGAIN if recorded else _OVER
        yield Conflict(package=issue.name, kind=kind, version=version, place=issue.where, wants=pin, options=options)
    elif issue.kind == "editable-gone":
        yield Conflict(
            package=issue.name, kind="editable-gone", version=version, place=issue.where, wants=pin, options=_AGAIN
        )
    elif issue.kind == "other-python":
        yield Conflict(package=issue.name, kind="other-python", version=version, place=issue.where)
    elif issue.kind == "module-in-directory":
        yield Conflict(package=issue.name, kind="directory", version=version, place=issue.where)
    elif issue.kind == "no-record":
        yield Conflict(
            package=issue.name,
            kind="no-record",
            version=version,
            place=issue.where,
            wants=pin,
            options=_OVER,
            broken=False,
        )
    elif issue.kind == "mixed":
        yield _of_two(issue, "mixed", version, wants=(_newer(issue),), options=_AGAIN)
    elif issue.kind == "duplicate":
        yield _of_two(issue, "duplicate", version, broken=False)
    elif issue.kind.startswith(("shadowed-by-", "module-in-")):
        other = issue.kind.removeprefix("shadowed-by-").removeprefix("module-in-")
        # What has no metadata is not the distribution that was asked for.
        yield _of_two(issue, "shadowed", version, other=other, broken=issue.kind.startswith("module-in-"))


def _newer(issue: DistributionIssue) -> str:
    """Of two in one folder, the requirement of the newer release: that is the one that replaced the other."""
    found = (re.search(r"-([0-9][^-/]*)\.(?:dist|egg)-info$", path) for path in issue.paths)
    versions = [match[1].partition("+")[0] for match in found if match]
    return f"{issue.name}=={max(versions, key=version_numbers)}" if versions else issue.name


def _of_two(issue: DistributionIssue, kind: Kind, version: str, **facts: Any) -> Conflict:
    place, hidden = issue.paths if len(issue.paths) == 2 else (issue.where, "")
    return Conflict(package=issue.name, kind=kind, version=version, place=place, hidden=hidden, **facts)
