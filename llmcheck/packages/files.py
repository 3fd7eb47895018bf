"""Faults that the files of an environment show, as what they break."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmcheck.packages.conflict import Conflict, Kind
from llmcheck.packages.environment import Environment
from llmcheck.packages.known import matters
from llmcheck.schema.software import DistributionIssue, version_numbers

_AGAIN = ("--force-reinstall", "--no-deps")
_OVER = ("--ignore-installed", "--no-deps")
"""Where nothing can be removed first."""
_GONE: dict[str, Kind] = {"files-missing": "files-missing", "no-metadata": "no-metadata"}
_SHADOWED = ("shadowed-by-pythonpath", "shadowed-by-user-site", "duplicate")


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
    elif issue.kind == "shadowed-by-directory":
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
    elif issue.kind in _SHADOWED and len(issue.paths) == 2:
        yield _hidden(issue, version)


def _newer(issue: DistributionIssue) -> str:
    """Of two in one folder, the requirement of the newer release: that is the one that replaced the other."""
    found = (re.search(r"-([0-9][^-/]*)\.(?:dist|egg)-info$", path) for path in issue.paths)
    versions = [match[1].partition("+")[0] for match in found if match]
    return f"{issue.name}=={max(versions, key=version_numbers)}" if versions else issue.name


def _hidden(issue: DistributionIssue, version: str) -> Conflict:
    """A copy in another folder works; two of one folder have each overwritten a part of the other, and a module without
    metadata is not the distribution that was asked for.
    """
    first, second = issue.paths
    if issue.kind == "duplicate":
        together = first.rpartition("/")[0] == second.rpartition("/")[0]
        return Conflict(
            package=issue.name,
            kind="duplicate",
            version=version,
            place=first,
            hidden=second,
            broken=together,
            wants=(_newer(issue),) if together else (),
            options=_AGAIN,
        )
    return Conflict(
        package=issue.name,
        kind="shadowed",
        version=version,
        place=first,
        hidden=second,
        other=issue.kind.removeprefix("shadowed-by-"),
        broken=not first.endswith("-info"),
    )
