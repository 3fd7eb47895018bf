"""The queries to a resolver and its results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from llmcheck.install.resolver._text import series
from llmcheck.schema.advice import Resolved, Step

Status = Literal["resolved", "conflict", "offline", "failed"]


class ResolverError(Exception):
    """Nothing was resolved; ``status`` says why."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class ProcessResult(NamedTuple):
    """The result of a program that has ended."""

    exit_code: int
    output: str
    """Standard output and standard error together; of long output only the beginning and the end."""


class TargetPython(NamedTuple):
    """The interpreter to resolve for."""

    path: str | None
    version: str | None
    """The version of ``path``; None: it could not be run."""
    requested: str | None
    """The version to resolve for; None: unknown."""
    fresh: bool
    """The plan creates its environment, so that it has no packages yet."""

    @property
    def matches(self) -> bool:
        """Whether ``path`` has the requested major.minor version."""
        return self.version is not None and (self.requested is None or series(self.version) == series(self.requested))


class ChosenPackage(NamedTuple):
    """A package that an earlier step resolved to."""

    package: Resolved
    from_other_index: bool
    """It comes from an index that later steps may not search."""


class ResolverQuery(NamedTuple):
    """The input of one run of a resolver."""

    step: Step
    requirements: tuple[str, ...]
    """Those of the step and of the steps before it."""
    pinned: Mapping[str, ChosenPackage]
    """Packages that have to keep their version, by normalised name."""
    earlier_indexes: tuple[str, ...]
    """Index URLs of the steps before it; pinned packages may come from them."""
    folder: str
    """For the files of this run."""


class Resolution(NamedTuple):
    """The packages that a resolver chose."""

    packages: tuple[Resolved, ...]
    skipped_index: str | None = None
    """An index that was left out because it could not be reached."""
