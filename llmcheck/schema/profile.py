"""A tier and its documented requirements: the keys of profile files, with those of ``judge/requirements``."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Annotated, Literal

from msgspec import Meta, Struct

from llmcheck.schema.bounds import LONGEST_VERSION
from llmcheck.schema.report import Level
from llmcheck.schema.workload import Cost, Workload

Version = Annotated[str, Meta(extra_json_schema={"maxLength": LONGEST_VERSION})]
"""A version or a specifier (PEP 440), which its kind validates."""


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every ``[[require]]`` may have; each kind adds its own (see ``llmcheck profiles schema``)."""

    id: str
    """Unique in the profile, kebab-case."""
    kind: str
    """File name of the kind in ``judge/requirements``."""
    level: Level = "required"
    """Only ``required`` decides the verdict."""
    scope: Literal["node", "cluster"] = "node"
    """``cluster``: about all nodes together; on one machine it is shown as skipped."""
    any_of: tuple["Requirement", ...] = ()
    """Alternatives: one has to pass. Each is a table of its own and inherits id, kind, level, scope, why and
    source."""
    tags: tuple[str, ...] = ()
    """Words by which ``--only`` and ``--skip`` name several requirements at once."""
    why: str | None = None
    """Why it is required; None where the profile does not state it."""
    fix: str | None = None
    """What to do when it is not met; replaces the kind's own advice."""
    source: str | None = None
    """The place in the document."""


class Profile(Struct, frozen=True, kw_only=True):
    """A tier or another set of requirements, as a profile file states it."""

    id: str
    """The file name without its extension."""
    title: str
    """What people call it."""
    task: Literal["inference", "fine-tuning", "pre-training", "general"]
    """What the machine is to do."""
    sources: tuple[str, ...]
    """Documents that state the requirements."""
    require: tuple[Requirement, ...]
    """The requirements, in the order of the file."""
    order: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    """Its place in listings; those of the document come first, in its order."""
    cost: Cost | None = None
    """None where the document states none."""
    workload: Workload | None = None
    """What is computed for this machine; None: nothing."""
