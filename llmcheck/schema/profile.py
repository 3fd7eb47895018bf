"""A profile: a tier or another set of requirements. The keys of its files, with those of ``judge/requirements``."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from llmcheck.schema.bounds import LONGEST_VERSION
from llmcheck.schema.report import Level
from llmcheck.schema.workload import Cost, Workload

SCHEMA = "llmcheck.profile/1"
GROUP = "group"
"""The kind of a requirement that consists of others and has no kind of its own."""
COMBINATORS = ("any_of", "all_of", "none_of")

Version = Annotated[str, Meta(extra_json_schema={"maxLength": LONGEST_VERSION})]
"""A version or a specifier (PEP 440), which its kind validates."""
Value = str | int | float | bool
"""What a fact is compared with; a size, rate or other quantity is text with a unit."""
OnUnknown = Literal["unknown", "fail", "warn", "skip"]


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a figure or a requirement comes from."""

    title: str
    """What it is called."""
    url: str | None = None
    """Its address; None where it has none."""
    date: datetime.date | None = None
    """When it was read or published; None where that is not stated."""


def source_in_words(source: str | Source) -> str:
    """``Azure's node checks, https://..., 2026-11-01``."""
    if isinstance(source, str):
        return source
    return ", ".join(str(each) for each in (source.title, source.url, source.date) if each is not None)


class Variable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``[vars]``: a value that can be set from outside, used as ``"${name}"``."""

    type: Literal["integer", "number", "text", "size", "rate", "boolean", "version"]
    """``size`` is ``80 GB``, ``rate`` is ``400 Gb/s``."""
    default: Value
    """What it is where nobody sets it."""
    min: Value | None = None
    """The smallest that is accepted, of a number, size or rate."""
    max: Value | None = None
    """The largest that is accepted."""
    why: str | None = None
    """What it is for; None where the profile does not say it."""


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On which machines a profile is judged; on others its requirements are not applicable. All keys have to hold."""

    os: tuple[str, ...] = ()
    """Operating systems: ``linux``, ``darwin``, ``windows``; () for all."""
    architecture: tuple[str, ...] = ()
    """Architectures as the kernel names them; () for all."""
    vendor: tuple[str, ...] = ()
    """Vendors, of which one has to have a GPU in the machine; () for all."""
    container: bool | None = None
    """Only inside of a container, or only outside; None for both."""
    facts: tuple["Requirement", ...] = ()
    """Requirements of the kind ``fact`` without id and kind, all of which have to hold."""


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every ``[[require]]`` may have; each kind adds its own (see ``llmcheck profiles schema``)."""

    id: str
    """Unique in the profile, kebab-case."""
    kind: str
    """File name of the kind in ``judge/requirements``, with hyphens."""
    level: Level = "required"
    """Only ``required`` decides the verdict."""
    scope: Literal["node", "cluster"] = "node"
    """``cluster``: about all nodes together; on one machine it is shown as skipped."""
    any_of: tuple["Requirement", ...] = ()
    """Alternatives: one has to pass. Each is a table of its own and inherits id, kind, level, scope, why and
    source; it may have ``any_of``, ``all_of`` and ``none_of`` itself."""
    all_of: tuple["Requirement", ...] = ()
    """All of them have to pass."""
    none_of: tuple["Requirement", ...] = ()
    """None of them may pass."""
    requires: tuple[str, ...] = ()
    """Ids of requirements without which this one says nothing: where one of them is not met, it is skipped."""
    on_unknown: OnUnknown = "unknown"
    """What it is where too little is known: ``unknown`` keeps the verdict open, ``fail`` and ``warn`` decide it,
    ``skip`` leaves it out of the verdict, and the report says so."""
    tags: tuple[str, ...] = ()
    """Words by which ``--only`` and ``--skip`` select it."""
    why: str | None = None
    """Why it is required; None where the profile does not state it."""
    fix: str | None = None
    """What to do when it is not met; replaces the kind's own advice."""
    source: str | Source | None = None
    """The place in the document."""


class Compared(Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A requirement that compares a value; all operators that are given have to hold."""

    eq: Value | None = None
    """Equal."""
    ne: Value | None = None
    """Not equal."""
    ge: Value | None = None
    """At least: ``"24 GB"``."""
    gt: Value | None = None
    """More than."""
    le: Value | None = None
    """At most."""
    lt: Value | None = None
    """Less than."""
    between: tuple[Value, Value] | None = None
    """From the first to the second, both included."""
    in_: tuple[Value, ...] | None = field(name="in", default=None)
    """One of these."""
    not_in: tuple[Value, ...] | None = field(name="not-in", default=None)
    """None of these."""
    matches: str | None = None
    """A part of the text matches this regular expression."""
    exists: bool | None = None
    """``true``: it is there, whatever it is."""
    absent: bool | None = None
    """``true``: it was looked for and is not there."""
    spec: Version | None = None
    """The version is in this specifier (PEP 440): ``>=2.4,<3``."""
    version: Version | None = None
    """Dotted numbers are compared: ``>=550.54``, or ``550.54`` for that or newer."""

    @property
    def stated(self) -> dict[str, Any]:
        """The operators that are given, by their names in the profile."""
        values = ((key, getattr(self, name)) for key, name in _OPERATORS)
        return {key: value for key, value in values if value is not None}


_OPERATORS = tuple(
    (key, name)
    for key, name in zip(Compared.__struct_encode_fields__, Compared.__struct_fields__, strict=True)
    if name not in Requirement.__struct_fields__
)


class Profile(Struct, frozen=True, kw_only=True):
    """A tier or another set of requirements, as a profile file states it, with what it extends."""

    schema: str | None = None
    """``llmcheck.profile/1``; None in the profiles of llmcheck 0.1."""
    id: str
    """The file name without its extension."""
    title: str
    """What people call it."""
    task: Literal["inference", "fine-tuning", "pre-training", "general"]
    """What the machine is to do."""
    sources: tuple[str | Source, ...]
    """Documents that state the requirements."""
    require: tuple[Requirement, ...]
    """The requirements, in the order of the file; those of profiles that it extends come first."""
    extends: tuple[str, ...] = ()
    """Profiles whose requirements it takes over: ids of shipped ones, or files, relative to its own."""
    remove: tuple[str, ...] = ()
    """Ids of inherited requirements that it leaves out."""
    tags: tuple[str, ...] = ()
    """Words for people and programs that choose among profiles."""
    vars: dict[str, Variable] = {}
    """Values that can be set from outside, by their names."""
    when: When | None = None
    """On which machines it is judged; None: on all."""
    expires: datetime.date | None = None
    """After this day its figures count as out of date, which is said and changes no verdict; None: never."""
    order: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    """Its place in listings; those of the document come first, in its order."""
    cost: Cost | None = None
    """None where the document states none."""
    workload: Workload | None = None
    """What is computed for this machine; None: nothing."""
