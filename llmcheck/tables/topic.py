"""What a word of llmcheck's answers means: codes of problems, statuses, exit codes."""

from __future__ import annotations

from msgspec import Struct


class Topic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One word."""

    id: str
    """As it stands in JSON."""
    of: str
    """What it is a word for: ``problem``, ``package-problem``, ``status``, ``skipped because``, ``verdict``, ``level``,
    ``exit code``, ``shortfall``."""
    means: str
    """In one or two sentences, of any machine."""
    do: str | None = None
    """What is done about it; None where nothing is, or where the line itself says it."""
