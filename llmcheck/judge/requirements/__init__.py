"""The kinds of requirement. Each module here is one kind, and its file name is the name of the kind.

A kind has ``Requirement`` (its TOML keys), ``validate(requirement)``, ``needed(requirement) -> str``,
``check(requirement, machine) -> Finding``, ``TRAITS``, and an ``EXAMPLE`` for the contract tests.

A check fails only if it would fail whatever the unknown facts are, and passes only if it would pass whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from llmcheck import codec, registry
from llmcheck.errors import DataError
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Requirement
from llmcheck.schema.report import Finding, Group, Status
from llmcheck.units import parse_size, shortfall

_ID = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_INHERITED = ("id", "kind", "level", "scope", "why", "source")
BROKEN = "broken"
"""Shortfall of what is installed and does not work; of several alternatives that is the one to mend."""
_OF_THE_WHOLE = ("id", "level", "scope", "tags")
_BEST_FIRST: tuple[Status, ...] = ("pass", "warn", "unknown", "skipped", "fail")


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """How the findings of a kind relate to the others of a report."""

    group: Group = "hardware"
    """``software`` for what is installed in a Python environment."""
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


def kinds() -> tuple[str, ...]:
    return registry.names(__name__)


def traits(kind: str) -> Traits:
    """The traits of a requirement kind; the defaults for a kind of finding that is no requirement."""
    if kind not in kinds():
        return Traits()
    found: Traits = registry.load(__name__, kind).TRAITS
    return found


def decode(table: object, where: str) -> Requirement:
    """One ``[[require]]`` table as the struct of its kind. Raises DataError with file, place and accepted keys."""
    if not isinstance(table, Mapping):
        raise DataError(f"{where}: a requirement must be a table")
    name = table.get("id")
    if isinstance(name, str):
        where = f"{where} ('{name}')"
        if not _ID.fullmatch(name):
            raise DataError(f"{where}: an id may have lower case letters, digits, hyphens and dots")
    kind = table.get("kind")
    known = kinds()
    if not isinstance(kind, str) or kind not in known:
        problem = (
            "has no kind" if kind is None else f"has the unknown kind '{kind}'{codec.did_you_mean(str(kind), known)}"
        )
        raise DataError(f"{where}: {problem}; kinds: {', '.join(known)}")
    module = registry.load(__name__, kind)
    plain: dict[str, Any] = {key: value for key, value in table.items() if key != "any_of"}
    requirement: Requirement = codec.convert(plain, module.Requirement, where)
    try:
        alternatives = tuple(_alternatives(table, where))
        if not alternatives:
            module.validate(requirement)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    return msgspec.structs.replace(requirement, any_of=alternatives)


def _alternatives(table: Mapping[str, Any], where: str) -> list[Requirement]:
    alternatives = table.get("any_of", [])
    if not isinstance(alternatives, list):
        raise DataError(f"{where}: any_of must be a list of tables")
    inherited = {key: table[key] for key in _INHERITED if key in table}
    decoded = []
    for index, alternative in enumerate(alternatives):
        if not isinstance(alternative, Mapping) or "any_of" in alternative:
            raise DataError(f"{where}, any_of[{index}]: an alternative must be a table without any_of")
        for key in _OF_THE_WHOLE:
            if key in alternative:
                raise DataError(f"{where}, any_of[{index}]: {key} belongs to the requirement, not to an alternative")
        decoded.append(decode({**inherited, **alternative}, f"{where}, any_of[{index}]"))
    return decoded


def validate_size(key: str, written: str) -> None:
    """Raises ValueError, which names the key, where the text is no size."""
    try:
        parse_size(written)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def needed(requirement: Requirement) -> str:
    """What is required, in words; alternatives are joined by "or"."""
    if requirement.any_of:
        return " or ".join(dict.fromkeys(needed(alternative) for alternative in requirement.any_of))
    words: str = registry.load(__name__, requirement.kind).needed(requirement)
    return words


def check(requirement: Requirement, machine: Machine) -> Finding:
    """The finding for one requirement. With alternatives, the best of their findings, which then names all of them; its
    group is that of the requirement, which no fact changes.
    """
    if not requirement.any_of:
        found: Finding = registry.load(__name__, requirement.kind).check(requirement, machine)
        return found
    findings = [check(alternative, machine) for alternative in requirement.any_of]
    best = min(findings, key=_rank)
    libraries = tuple(dict.fromkeys(library for finding in findings for library in finding.libraries))
    changes: dict[str, Any] = {
        "needed": needed(requirement),
        "libraries": libraries,
        "group": traits(requirement.kind).group,
        "tags": requirement.tags,
    }
    if best.status != "pass" and all(finding.status != "pass" for finding in findings):
        broken = next((finding for finding in findings if finding.shortfall == BROKEN), None)
        if broken is not None and best.status != "unknown":
            best = broken
        else:
            changes["message"] = f"needs one of: {changes['needed']}"
            changes["found"] = best.found if best.status == "unknown" else "none of them"
        changes["remedy"] = requirement.fix or best.remedy
    return msgspec.structs.replace(best, **changes)


def _rank(finding: Finding) -> int:
    """An alternative that does not count comes last: it neither meets the requirement nor leaves it open."""
    return _BEST_FIRST.index(finding.status) if finding.is_counted else len(_BEST_FIRST)


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
        group=traits(requirement.kind).group,
        level=requirement.level,
        tags=requirement.tags,
        status=status,
        needed=needed(requirement),
        message=message,
        remedy=(requirement.fix or remedy) if status in ("fail", "warn", "unknown") else None,
        why=requirement.why,
        source=requirement.source,
        cluster=requirement.scope == "cluster",
        missing_bytes=missing_bytes,
        short_bytes=missing_bytes,
        short_by=None if missing_bytes is None else shortfall(missing_bytes, 0, written),
        **facts,
    )
