"""Requirements that consist of others: ``any_of``, ``all_of``, ``none_of``, in each other.

A part is judged as if it were required, so that "not met" is not taken for "met with a caution"; the level of the whole
decides in the end whether that is a failure or a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from llmcheck.judge import requirements
from llmcheck.judge.requirements import BROKEN, group_of, parts
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import GROUP, Requirement
from llmcheck.schema.report import Branch, Finding, Status

_BEST_FIRST: tuple[Status, ...] = ("pass", "warn", "unknown", "skipped", "fail")
_WORST_FIRST: tuple[Status, ...] = ("fail", "unknown", "skipped", "warn", "pass")
_OPPOSITE: dict[Status, Status] = {"pass": "fail", "fail": "pass"}
_MOST_WORDS = 300


class _Part(Struct, frozen=True):
    """One part with what it says of the whole."""

    place: str
    requirement: Requirement
    finding: Finding
    status: Status
    """Of the finding; for a part of ``none_of`` the opposite."""
    nearness: float
    """From 0 to 1: how much of it is met."""

    @property
    def counts(self) -> bool:
        return self.status != "skipped" or self.finding.is_counted


def needed(requirement: Requirement) -> str:
    """What is required, in words."""
    clauses = []
    for joined, group, before in (
        (" or ", requirement.any_of, ""),
        (" and ", requirement.all_of, ""),
        (" or ", requirement.none_of, "not "),
    ):
        words = [
            f"({requirements.needed(each)})" if len(parts(each)) > 1 else requirements.needed(each) for each in group
        ]
        together = joined.join(dict.fromkeys(words))
        if group:
            clauses.append(f"{before}({together})" if before and len(words) > 1 else f"{before}{together}")
    text = "; ".join(clauses) if len(clauses) > 1 else clauses[0]
    return text if len(text) <= 4 * _MOST_WORDS else f"{text[: 4 * _MOST_WORDS]} ..."


def check(requirement: Requirement, machine: Machine) -> Finding:
    """The finding for a requirement with parts, with the one that decides or came nearest in ``nearest``."""
    found, _ = _judged(requirement, machine)
    status = found.status
    if status == "fail" and requirement.level != "required":
        status = "warn"
    return msgspec.structs.replace(found, status=status, level=requirement.level)


def _judged(requirement: Requirement, machine: Machine) -> tuple[Finding, float]:
    clauses: list[tuple[_Part, Sequence[_Part]]] = []
    if requirement.any_of:
        found = _parts("any_of", requirement.any_of, machine)
        clauses.append((min(found, key=_rank), found))
    if requirement.all_of:
        found = _parts("all_of", requirement.all_of, machine)
        clauses.append((_worst(found), found))
    if requirement.none_of:
        found = [_opposite(each) for each in _parts("none_of", requirement.none_of, machine)]
        clauses.append((_worst(found), found))
    deciding = _worst([each for each, _ in clauses])
    siblings = next(found for each, found in clauses if each is deciding)
    if deciding.place.startswith("any_of"):
        finding = _of_any(requirement, deciding, siblings)
    else:
        finding = _of_all(requirement, deciding, siblings)
    met = sum(
        max(each.nearness for each in found) if best.place[:3] == "any" else _mean(found) for best, found in clauses
    )
    return finding, met / len(clauses)


def _mean(found: Sequence[_Part]) -> float:
    return sum(each.nearness for each in found) / len(found)


def _parts(name: str, group: Sequence[Requirement], machine: Machine) -> list[_Part]:
    found = []
    for index, each in enumerate(group):
        strict = each if each.level == "required" else msgspec.structs.replace(each, level="required")
        if parts(strict):
            finding, nearness = _judged(strict, machine)
        else:
            finding = requirements.check(strict, machine)
            nearness = _nearness(finding)
        found.append(_Part(f"{name}[{index}]", each, finding, finding.status, nearness))
    return found


def _nearness(finding: Finding) -> float:
    if finding.status in ("pass", "warn"):
        return 1.0
    shares = [
        min(1.0, found / wanted)
        for found, wanted in (
            (finding.found_bytes, finding.needed_bytes),
            (finding.found_count, finding.needed_count),
        )
        if found is not None and wanted
    ]
    return min(shares, default=0.0)


def _opposite(part: _Part) -> _Part:
    """A part that must not be met; one that does not apply is not."""
    excused = part.status == "skipped" and not part.finding.is_counted
    status = "pass" if excused else _OPPOSITE.get(part.status, part.status)
    return msgspec.structs.replace(part, status=status, nearness=1.0 - part.nearness)


def _rank(part: _Part) -> tuple[int, float]:
    """The best alternative first. One that does not count neither meets the requirement nor leaves it open."""
    return (_BEST_FIRST.index(part.status) if part.counts else len(_BEST_FIRST)), -part.nearness


def _worst(found: Sequence[_Part]) -> _Part:
    """The part that decides where all have to pass; one that does not count decides only if none counts."""
    return min(found, key=lambda part: _WORST_FIRST.index(part.status) if part.counts else len(_WORST_FIRST))


def _branch(part: _Part) -> Branch:
    inner = part.finding.nearest
    if inner is not None:
        return msgspec.structs.replace(inner, place=f"{part.place}.{inner.place}")
    own = part.finding
    return Branch(place=part.place, status=own.status, needed=own.needed, found=own.found, message=own.message)


def _whole(requirement: Requirement, part: _Part, siblings: Sequence[_Part]) -> dict[str, Any]:
    libraries = (library for each in siblings for library in each.finding.libraries)
    return {
        **({"kind": GROUP} if requirement.kind == GROUP else {}),
        "needed": needed(requirement),
        "libraries": tuple(dict.fromkeys(libraries)),
        "group": group_of(requirement),
        "nearest": _branch(part),
        "tags": requirement.tags,
        "why": requirement.why,
        "cluster": requirement.scope == "cluster",
    }


def _of_any(requirement: Requirement, best: _Part, siblings: Sequence[_Part]) -> Finding:
    changes = _whole(requirement, best, siblings)
    if best.status != "pass":
        broken = next((each for each in siblings if each.finding.shortfall == BROKEN), None)
        if broken is not None and best.status != "unknown":
            best = broken
            changes["nearest"] = _branch(best)
        else:
            near = f"; nearest: {best.finding.message}" if best.status == "fail" and best.nearness else ""
            changes["message"] = f"needs one of: {changes['needed']}{near}"
            changes["found"] = best.finding.found if best.status == "unknown" else "none of them"
        changes["remedy"] = requirement.fix or best.finding.remedy
    return msgspec.structs.replace(best.finding, **changes)


def _of_all(requirement: Requirement, deciding: _Part, siblings: Sequence[_Part]) -> Finding:
    changes = _whole(requirement, deciding, siblings)
    status, own = deciding.status, deciding.finding
    negative = deciding.place.startswith("none_of")
    changes["status"] = status
    same = [each for each in siblings if each.status == status]
    if status == "pass":
        words = "; ".join(dict.fromkeys(each.finding.message for each in siblings))
        changes |= {"message": words[:_MOST_WORDS], "remedy": None, "found": _found(siblings)}
    elif status != "skipped":
        several = f"{len(same)} of {len(siblings)} parts: " if len(same) > 1 else ""
        changes["message"] = f"{several}{own.message}"
        if negative and status == "fail":
            changes["message"] = f"must not be: {own.message}"
        changes["remedy"] = requirement.fix or (None if negative else own.remedy)
    if negative:  # what is missing of a part is no shortage of the whole
        shortfall = "not-allowed" if status == "fail" else None
        changes |= {"shortfall": shortfall, "short_by": None, "short_bytes": None, "missing_bytes": None}
        changes["skipped"] = own.skipped if status == "skipped" else None
    return msgspec.structs.replace(own, **changes)


def _found(siblings: Sequence[_Part]) -> str | None:
    words = dict.fromkeys(each.finding.found for each in siblings if each.finding.found)
    return ", ".join(words)[:_MOST_WORDS] or None
