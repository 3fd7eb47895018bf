"""What is asked of a resolver, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from llmcheck.install.resolver._words import series
from llmcheck.schema.advice import Resolved, Step

Status = Literal["resolved", "conflict", "offline", "failed"]


class Trouble(Exception):  # noqa: N818 - it is one of the answers
    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Said(NamedTuple):
    """How a program ended, and what it said on both streams: the beginning and the end of it."""

    code: int
    text: str


class TargetPython(NamedTuple):
    """An interpreter to resolve for."""

    path: str | None
    version: str | None
    """Of ``path``."""
    wanted: str | None
    """The version to resolve for; None where it is not known."""
    fresh: bool
    """Its environment is empty, because it is not there yet."""

    @property
    def fits(self) -> bool:
        """Whether ``path`` is of the series that is wanted."""
        return self.version is not None and (self.wanted is None or series(self.version) == series(self.wanted))


class Chosen(NamedTuple):
    package: Resolved
    elsewhere: bool
    """From an index that a later step does not ask."""


class ResolverQuery(NamedTuple):
    """What one call of a resolver is asked."""

    step: Step
    requirements: tuple[str, ...]
    """The step's own, and those of the steps before."""
    held: Mapping[str, Chosen]
    """What may not change."""
    earlier: tuple[str, ...]
    """Indexes of the steps before, from which what is held may come."""
    folder: str


class Answer(NamedTuple):
    packages: tuple[Resolved, ...]
    unreachable: str | None = None
    """An index that was left out because it did not answer."""
