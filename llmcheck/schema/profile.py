"""A tier and its documented requirements: the keys of profile files, with those of ``judge/requirements``."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from llmcheck.schema.report import Level
from llmcheck.schema.workload import Cost, Workload


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every ``[[require]]`` may have; each kind adds its own (see ``llmcheck profiles schema``)."""

    id: str
    kind: str
    level: Level = "required"
    scope: Literal["node", "cluster"] = "node"
    """``cluster``: about all nodes together; on one machine it is shown as skipped."""
    any_of: tuple[Requirement, ...] = ()
    """Alternatives, of which one has to pass. Each is a table of its own and inherits id, kind, level, scope, why and
    source."""
    why: str | None = None
    fix: str | None = None
    """What to do when it is not met; replaces the kind's own advice."""
    source: str | None = None
    """The place in the document."""


class Profile(Struct, frozen=True, kw_only=True):
    id: str
    title: str
    task: Literal["inference", "fine-tuning", "pre-training", "general"]
    sources: tuple[str, ...]
    require: tuple[Requirement, ...]
    order: int = 1000
    """Its place in listings; those of the document come first, in its order."""
    cost: Cost | None = None
    workload: Workload | None = None
