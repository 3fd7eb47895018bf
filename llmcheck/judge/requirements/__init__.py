"""The kinds of requirement. Each module here is one kind, and its file name is the name of the kind.

A kind has ``Requirement`` (its TOML keys), ``validate(requirement)``, ``needed(requirement) -> str``,
``check(requirement, machine) -> Finding``, ``TRAITS``, and an ``EXAMPLE`` for the contract tests.

A check fails only if it would fail whatever the unknown facts are, and passes only if it would pass whatever they are.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec

from llmcheck import codec, registry
from llmcheck.errors import DataError
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import COMBINATORS, GROUP, Requirement, source_in_words
from llmcheck.schema.report import Finding, Group, Status
from llmcheck.units import parse_size, shortfall

if TYPE_CHECKING:
    from llmcheck.schema.asked import Ask

_ID = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_INHERITED = ("id", "kind", "level", "scope", "why", "source")
BROKEN = "broken"
"""Shortfall of what is installed and does not work; of several alternatives that is the one to mend."""
_OF_THE_WHOLE = ("id", "level", "scope", "requires", "on_unknown", "tags")
_OF_ALL_KINDS = frozenset(Requirement.__struct_encode_fields__)
_DEEPEST = 6
"""Requirements that consist of requirements, in each other."""


class _Effort:
    """What one judging may cost beyond what its length bounds: a profile or a machine may be made to take for ever."""

    _most = 5_000_000

    def __init__(self) -> None:
        self._left = self._most

    def begin(self) -> None:
        """Judging begins anew."""
        self._left = self._most

    def spend(self, steps: int) -> None:
        """Counts steps of a fraction of a microsecond. Raises DataError after a few seconds of them."""
        self._left -= steps
        if self._left < 0:
            raise DataError("the patterns of the profile take too long on this machine: write them as plain text")


effort = _Effort()


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """How the findings of a kind relate to the others of a report."""

    group: Group = "hardware"
    """``software`` for what is installed in a Python environment."""
    group_of: Callable[[Any], Group] | None = None
    """The group of a requirement, where that depends on its keys; None: it is ``group``."""
    asks: Callable[[Any], tuple[Ask, ...]] | None = None
    """What has to be asked of this machine for a requirement, beyond the inventory; None: nothing."""
    of_one_machine: bool = False
    """It says nothing about a cluster as a whole: with that scope it is skipped on a node."""
    states_gpus: bool = False
    """Its findings state how many GPUs are needed (``needed_count``) and the memory of each (``needed_bytes``)."""
    blocked_by: tuple[str, ...] = ()
    """Kinds that can block this one: where a finding of theirs does, this requirement is skipped and names it."""
    blocks: Callable[[Finding], bool] | None = None
    """Whether a finding of this kind blocks the kinds that have it in ``blocked_by``. None: it never does."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement of a kind, and one machine for each status that it can have."""

    keys: Mapping[str, object]
    """Its keys in a profile, without ``id`` and ``kind``."""
    passing: Machine
    failing: Machine
    unknown: Machine | None = Machine()
    """None for a kind that is skipped, not unknown, where nothing is known of the machine."""


@functools.cache
def kinds() -> tuple[str, ...]:
    """The names of all kinds, sorted: those of their files, with hyphens."""
    return tuple(sorted(name.replace("_", "-") for name in registry.names(__name__)))


def module(kind: str) -> ModuleType:
    """The module of a kind, which the caller has compared with ``kinds``."""
    return registry.load(__name__, kind.replace("-", "_"))


def traits(kind: str) -> Traits:
    """The traits of a requirement kind; the defaults for a kind of finding that is no requirement."""
    if kind not in kinds():
        return Traits()
    found: Traits = module(kind).TRAITS
    return found


def parts(requirement: Requirement) -> tuple[Requirement, ...]:
    """The requirements that one consists of; () for one that states something itself."""
    return (*requirement.any_of, *requirement.all_of, *requirement.none_of)


def asks_of(requirement: Requirement) -> tuple[Ask, ...]:
    """What has to be asked of this machine for a requirement and its parts."""
    inner = parts(requirement)
    if inner:
        return tuple(ask for each in inner for ask in asks_of(each))
    asks = traits(requirement.kind).asks
    return () if asks is None else asks(requirement)


def group_of(requirement: Requirement) -> Group:
    """What a requirement is about. One that consists of others is about software if all of them are."""
    own = traits(requirement.kind)
    inner = parts(requirement)
    if inner and (requirement.kind == GROUP or own.group_of is not None):
        return "software" if all(group_of(each) == "software" for each in inner) else "hardware"
    return own.group if own.group_of is None or inner else own.group_of(requirement)


def decode(table: object, where: str, depth: int = 0) -> Requirement:
    """One ``[[require]]`` table as the struct of its kind. Raises DataError with file, place and accepted keys."""
    if not isinstance(table, Mapping):
        raise DataError(f"{where}: a requirement must be a table")
    name = table.get("id")
    if isinstance(name, str):
        where = f"{where} ('{name[:80]}')"
        if not _ID.fullmatch(name):
            raise DataError(f"{where}: an id may have lower case letters, digits, hyphens and dots")
    inner = {key: table[key] for key in COMBINATORS if table.get(key)}
    kind = table.get("kind", GROUP if inner else None)
    known = kinds()
    if not isinstance(kind, str) or (kind not in known and not (kind == GROUP and inner)):
        raise DataError(f"{where}: {_wrong_kind(kind, known)}; kinds: {', '.join(known)}")
    plain: dict[str, Any] = {"kind": kind, **{key: value for key, value in table.items() if key not in COMBINATORS}}
    own = [key for key in plain if key not in _OF_ALL_KINDS]
    if own and inner and (kind == GROUP or len(inner) > 1 or "any_of" not in inner):
        raise DataError(f"{where}: {own[0]} belongs to one of the parts in {' and '.join(inner)}")
    if inner and not own:  # each part states something, the whole nothing
        whole: Requirement = codec.convert(plain, Requirement, where)
        return msgspec.structs.replace(whole, **_parts(inner, table, where, depth))
    of_kind = module(kind)
    requirement: Requirement = codec.convert(plain, of_kind.Requirement, where)
    if inner:
        return msgspec.structs.replace(requirement, **_parts(inner, table, where, depth))
    try:
        of_kind.validate(requirement)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    return requirement


def _wrong_kind(kind: object, known: tuple[str, ...]) -> str:
    if kind is None:
        return "has no kind"
    if kind == GROUP:
        return f"has the kind '{GROUP}' and none of {', '.join(COMBINATORS)}"
    return f"has the unknown kind '{str(kind)[:80]}'{codec.did_you_mean(str(kind)[:80], known)}"


def _parts(inner: Mapping[str, Any], table: Mapping[str, Any], where: str, depth: int) -> dict[str, Any]:
    if depth >= _DEEPEST:
        raise DataError(f"{where}: more than {_DEEPEST} requirements in each other")
    inherited = {key: table[key] for key in _INHERITED if key in table and table[key] != GROUP}
    decoded: dict[str, Any] = {}
    for name, tables in inner.items():
        if not isinstance(tables, list):
            raise DataError(f"{where}: {name} must be a list of tables")
        found = []
        for index, part in enumerate(tables):
            place = f"{where}, {name}[{index}]"
            if not isinstance(part, Mapping):
                raise DataError(f"{place}: it must be a table")
            for key in _OF_THE_WHOLE:
                if key in part:
                    raise DataError(f"{place}: {key} belongs to the requirement, not to a part of it")
            found.append(decode({**inherited, **part}, place, depth + 1))
        decoded[name] = tuple(found)
    return decoded


def validate_size(key: str, written: str) -> None:
    """Raises ValueError, which names the key, where the text is no size."""
    try:
        parse_size(written)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def needed(requirement: Requirement) -> str:
    """What is required, in words; alternatives are joined by "or"."""
    if parts(requirement):
        from llmcheck.judge import combined

        return combined.needed(requirement)
    words: str = module(requirement.kind).needed(requirement)
    return words


def check(requirement: Requirement, machine: Machine) -> Finding:
    """The finding for one requirement."""
    if parts(requirement):
        from llmcheck.judge import combined

        return combined.check(requirement, machine)
    if requirement.scope == "cluster" and traits(requirement.kind).of_one_machine:
        message = "about all nodes together: one machine cannot show that"
        return finding(requirement, "skipped", message, skipped="cluster")
    found: Finding = module(requirement.kind).check(requirement, machine)
    return found


def finding(
    requirement: Requirement,
    status: Status,
    message: str,
    *,
    remedy: str | None = None,
    missing_bytes: int | None = None,
    written: str = "GB",
    **facts: Any,
) -> Finding:
    """A finding with the fields that come from its requirement; a failed recommendation is a warning. One that is
    ``skipped`` has its reason in ``skipped``.

    ``remedy`` is used where the requirement has no ``fix`` of its own. ``written``: a size as the profile writes it
    (``24 GB``); what is missing is shown in its unit.
    """
    if status == "fail" and requirement.level != "required":
        status = "warn"
    return Finding(
        id=requirement.id,
        kind=requirement.kind,
        group=group_of(requirement),
        level=requirement.level,
        tags=requirement.tags,
        status=status,
        needed=needed(requirement),
        message=message,
        remedy=(requirement.fix or remedy) if status in ("fail", "warn", "unknown") else None,
        why=requirement.why,
        source=None if requirement.source is None else source_in_words(requirement.source),
        cluster=requirement.scope == "cluster",
        missing_bytes=missing_bytes,
        short_bytes=missing_bytes,
        short_by=None if missing_bytes is None else shortfall(missing_bytes, 0, written),
        **facts,
    )
