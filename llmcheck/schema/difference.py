"""The answer of ``llmcheck diff``: what changed between two saved reports or machines."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.schema.report import Status, Verdict


class Changed(Struct, frozen=True, kw_only=True):
    """One finding that is not as it was."""

    name: str
    """``PROFILE/ID``."""
    before: Status | None
    """None: the first report does not have it."""
    after: Status | None
    """None: the second report does not have it."""
    before_found: str | None = None
    """What was found then."""
    after_found: str | None = None
    """What is found now."""
    message: str | None = None
    """Of the second report."""
    remedy: str | None = None
    """Of the second report."""


class Fact(Struct, frozen=True, kw_only=True):
    """One fact of the machine that is not as it was."""

    name: str
    """In words: ``driver nvidia``, ``package torch``."""
    before: str | None
    """None: it was not known, or not there."""
    after: str | None
    """None: it is not known, or not there."""


class Difference(Struct, frozen=True, kw_only=True):
    """What changed: findings of the profiles that both have, and facts of the machine."""

    schema: str = "llmcheck.diff/1"
    """Format of this document and its version."""
    before_at: str | None
    """When the first was made: UTC, ISO 8601."""
    after_at: str | None
    """When the second was made: UTC, ISO 8601."""
    before: Verdict | None
    """Verdict of the first report; None for a machine without one."""
    after: Verdict | None
    """Verdict of the second report; None for a machine without one."""
    worse: tuple[Changed, ...] = ()
    """Findings that are worse."""
    better: tuple[Changed, ...] = ()
    """Findings that are better."""
    other: tuple[Changed, ...] = ()
    """Findings that only one of them has, or that changed without being better or worse."""
    profiles_before: tuple[str, ...] = ()
    """Ids of profiles that only the first report has."""
    profiles_after: tuple[str, ...] = ()
    """Ids of profiles that only the second report has."""
    facts: tuple[Fact, ...] = ()
    """Facts of the machine that differ."""

    @property
    def exit_code(self) -> int:
        """1 where a finding is worse, else 0."""
        return 1 if self.worse else 0
