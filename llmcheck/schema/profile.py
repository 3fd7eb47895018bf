"""A tier: what it needs, as documented. The grammar of profile files is these structs and those of requirements/."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from llmcheck.schema.report import Group, Level
from llmcheck.schema.workload import Cost, Workload


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every ``[[require]]`` may say; each kind adds its own keys (see ``llmcheck profiles schema``)."""

    id: str
    kind: str
    level: Level = "required"
    scope: Literal["node", "cluster"] = "node"
    """``cluster``: about all nodes together; on one machine it is shown and left open."""
    any_of: tuple[Requirement, ...] = ()
    """Alternatives: one that passes is enough. Each is a table of its own and inherits id, kind and level."""
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


GROUPS: dict[str, Group] = {"package": "software", "python": "software", "tool": "software"}


def group_of(kind: str) -> Group:
    """``software`` for what is installed in an environment, ``hardware`` for everything else."""
    return GROUPS.get(kind, "hardware")
