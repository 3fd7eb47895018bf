"""The kinds of requirement. Each module here is one kind: its TOML keys (``Requirement``) with ``validate``, and the
pure functions ``needed(requirement) -> str`` and ``check(requirement, machine) -> Finding``.

A check fails only if no completion of the unknown facts could pass, and passes only if all would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from llmcheck import codec, registry
from llmcheck.errors import DataError
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Requirement, group_of
from llmcheck.schema.report import Finding, Status

_ID = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_INHERITED = ("id", "kind", "level", "scope", "why", "source")
_BEST_FIRST: tuple[Status, ...] = ("pass", "warn", "unknown", "fail")


def kinds() -> tuple[str, ...]:
    return registry.names(__name__)


def decode(table: object, where: str) -> Requirement:
    """One ``[[require]]`` table as the struct of its kind. Raises DataError with file, place and accepted keys."""
    if not isinstance(table, Mapping):
        raise DataError(f"{where}: a requirement is a table")
    name = table.get("id")
    if isinstance(name, str):
        where = f"{where} ('{name}')"
        if not _ID.fullmatch(name):
            raise DataError(f"{where}: an id is lower case letters, digits and hyphens")
    kind = table.get("kind")
    known = kinds()
    if not isinstance(kind, str) or kind not in known:
        said = "has no kind" if kind is None else f"has the unknown kind '{kind}'{codec.did_you_mean(str(kind), known)}"
        raise DataError(f"{where}: {said}; kinds: {', '.join(known)}")
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
        raise DataError(f"{where}: any_of is a list of tables")
    inherited = {key: table[key] for key in _INHERITED if key in table}
    decoded = []
    for index, alternative in enumerate(alternatives):
        if not isinstance(alternative, Mapping) or "any_of" in alternative:
            raise DataError(f"{where}, any_of[{index}]: an alternative is a table without any_of")
        decoded.append(decode({**inherited, **alternative}, f"{where}, any_of[{index}]"))
    return decoded


def needed(requirement: Requirement) -> str:
    """What a requirement asks for, in words; alternatives joined by "or"."""
    if requirement.any_of:
        return " or ".join(dict.fromkeys(needed(alternative) for alternative in requirement.any_of))
    words: str = registry.load(__name__, requirement.kind).needed(requirement)
    return words


def check(requirement: Requirement, machine: Machine) -> Finding:
    """The finding for one requirement; with alternatives, the best of theirs, worded for all."""
    if not requirement.any_of:
        found: Finding = registry.load(__name__, requirement.kind).check(requirement, machine)
        return found
    findings = [check(alternative, machine) for alternative in requirement.any_of]
    best = min(findings, key=lambda finding: _rank(finding.status))
    libraries = tuple(dict.fromkeys(library for finding in findings for library in finding.libraries))
    changes: dict[str, Any] = {"needed": needed(requirement), "libraries": libraries}
    if best.status != "pass" and all(finding.status != "pass" for finding in findings):
        changes["message"] = f"needs one of: {changes['needed']}"
        changes["remedy"] = requirement.fix or best.remedy
        changes["found"] = best.found if best.status == "unknown" else "none of them"
    return msgspec.structs.replace(best, **changes)


def _rank(status: Status) -> int:
    return _BEST_FIRST.index(status) if status in _BEST_FIRST else len(_BEST_FIRST)


def finding(requirement: Requirement, status: Status, message: str, **facts: Any) -> Finding:
    """A finding with what it takes over from its requirement; a failed recommendation is a warning."""
    if status == "fail" and requirement.level != "required":
        status = "warn"
    remedy = requirement.fix or facts.pop("remedy", None)
    facts.pop("remedy", None)
    return Finding(
        id=requirement.id,
        kind=requirement.kind,
        group=group_of(requirement.kind),
        level=requirement.level,
        status=status,
        message=message,
        remedy=remedy if status in ("fail", "warn", "unknown") else None,
        why=requirement.why,
        source=requirement.source,
        cluster=requirement.scope == "cluster",
        **facts,
    )
