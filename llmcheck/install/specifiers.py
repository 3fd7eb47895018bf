"""Versions that are asked for: two wishes of one package in one requirement, and what a wish leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmcheck.install.incompatibility import numbers

if TYPE_CHECKING:
    from packaging.specifiers import Specifier

_SIMPLE = re.compile(r">=(\d+(?:\.\d+)*)$")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_PLAIN = re.compile(r"(>=|<=)(\d+(?:\.\d+)*)")
_FLOORS = (">", "==", "~=")


def name_of(requirement: str) -> str:
    """The name alone of a requirement (PEP 508)."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def bounded(requirement: str, specifier: str) -> str:
    """A requirement that also holds what is asked, the stricter of two bounds; where they clash, what is asked.

    Our floor says what was checked, and is no reason to refuse an older release that somebody needs.
    """
    simple = _SIMPLE.search(requirement), _SIMPLE.fullmatch(specifier)
    if not specifier or (simple[0] and simple[1] and numbers(simple[1][1]) <= numbers(simple[0][1])):
        return requirement  # which is nearly always so
    from packaging.requirements import Requirement  # 25 ms
    from packaging.specifiers import SpecifierSet

    ours, asked = Requirement(requirement), SpecifierSet(specifier)
    kept = _strictest(ours.specifier & asked if satisfiable(f"{ours.specifier},{asked}".strip(",")) else asked)
    extras = f"[{','.join(sorted(ours.extras))}]" if ours.extras else ""
    return f"{ours.name}{extras}{','.join(kept)}"


def specifier_of(requirement: str) -> str:
    """What a requirement asks of the version; it has no marker and no URL, as all of ours."""
    return re.sub(r"^[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*", "", requirement)


def has_floor(requirement: str) -> bool:
    """Whether a resolver cannot walk back to any release of the past."""
    return any(operator in specifier_of(requirement) for operator in _FLOORS)


def floor_of(requirement: str) -> str:
    """The oldest release that a requirement admits, as far as it says; else nothing."""
    floors = re.findall(r"(?:>=|==|~=)\s*(\d+(?:\.\d+)*)", specifier_of(requirement))
    return max(floors, key=numbers, default="")


def excluded(version: str, specifier: str) -> bool:
    """Whether an installed version is not what is asked; one that cannot be compared is not."""
    plain = _PLAIN.fullmatch(specifier) if _RELEASE.fullmatch(version) else None
    if not specifier or plain is not None:
        return plain is not None and not _holds(_release(version), plain[1], _release(plain[2]))
    from packaging.specifiers import SpecifierSet  # 11 ms
    from packaging.version import InvalidVersion, Version

    try:
        return not SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _holds(version: tuple[int, ...], operator: str, other: tuple[int, ...]) -> bool:
    return version >= other if operator == ">=" else version <= other


def _release(version: str) -> tuple[int, ...]:
    """Without the zeros at the end, which say nothing."""
    parts = numbers(version)
    while parts and parts[-1] == 0:
        parts = parts[:-1]
    return parts


def satisfiable(specifier: str) -> bool:
    """Whether any version at all can be all that is asked: what has a floor is tried there and just above."""
    if "," not in specifier:
        return True
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    whole = SpecifierSet(specifier)
    lows = [Version(_base(each)) for each in whole if each.operator in (">=", ">", "==", "~=")]
    tried = [text for low in lows for text in (str(low), f"{low.base_version}.0.1")]
    return not lows or any(whole.contains(each, prereleases=True) for each in tried)


def _strictest(every: Iterable[Specifier]) -> list[str]:
    """Floor, series or release, ceiling, exclusions: of several floors or ceilings one."""
    from packaging.version import Version

    every = set(every)
    exact = [each for each in every if each.operator in ("==", "===") and not each.version.endswith(".*")]
    if exact:
        return [str(exact[0])]
    series = [each for each in every if each.operator in ("==", "~=")]
    above = [each for each in every if each.operator in (">=", ">")]
    below = [each for each in every if each.operator in ("<=", "<")]
    floor = max(above, key=lambda each: (Version(each.version), each.operator == ">"), default=None)
    ceiling = min(below, key=lambda each: (Version(each.version), each.operator == "<="), default=None)
    edges = [edge if edge is None or not _is_idle(edge, series) else None for edge in (floor, ceiling)]
    rest = [each for each in every if each.operator == "!="]
    kept = [edges[0], *sorted(series, key=str), edges[1], *sorted(rest, key=str)]
    return [str(each) for each in kept if each is not None]


def _is_idle(edge: Specifier, series: Iterable[Specifier]) -> bool:
    """Whether a bound takes nothing away from a series (``==2.14.*``), of which both ends are tried."""
    return any(
        all(edge.contains(each, prereleases=True) for each in (_base(one), f"{_base(one)}.99999"))
        for one in series
        if one.version.endswith(".*")
    )


def _base(each: Specifier) -> str:
    return each.version.removesuffix(".*")
