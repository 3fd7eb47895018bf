"""Version specifiers (PEP 440): combines them, and tests versions against them.

Importing ``packaging`` takes 10 ms, its requirements 25 ms. Each function handles the simple cases without it, and most
plans have only those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmcheck.schema.machine import version_numbers

if TYPE_CHECKING:
    from packaging.specifiers import Specifier

_SIMPLE = re.compile(r">=(\d+(?:\.\d+)*)$")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_PLAIN = re.compile(r"(>=|<=)(\d+(?:\.\d+)*)")
_LOWER_BOUNDS = (">", "==", "~=")


def name_of(requirement: str) -> str:
    """The name in a requirement (PEP 508)."""
    return re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]


def bounded(requirement: str, specifier: str) -> str:
    """``requirement`` narrowed by ``specifier``, without redundant bounds.

    If the two exclude each other, only ``specifier`` counts: the catalogue's lower bound is the oldest release that was
    checked, and a tier may name an older one.
    """
    simple = _SIMPLE.search(requirement), _SIMPLE.fullmatch(specifier)
    if not specifier or (simple[0] and simple[1] and version_numbers(simple[1][1]) <= version_numbers(simple[0][1])):
        return requirement
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    ours, theirs = Requirement(requirement), SpecifierSet(specifier)
    kept = _strictest(ours.specifier & theirs if satisfiable(f"{ours.specifier},{theirs}".strip(",")) else theirs)
    extras = f"[{','.join(sorted(ours.extras))}]" if ours.extras else ""
    return f"{ours.name}{extras}{','.join(kept)}"


def specifier_of(requirement: str) -> str:
    """The version specifier in a requirement; one without marker and URL, as in the catalogue."""
    return re.sub(r"^[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*", "", requirement)


def has_lower_bound(requirement: str) -> bool:
    """Whether a requirement keeps a resolver from choosing an arbitrarily old release."""
    return any(operator in specifier_of(requirement) for operator in _LOWER_BOUNDS)


def lower_bound(requirement: str) -> str:
    """The oldest release that a requirement allows; empty if it has no lower bound."""
    bounds = re.findall(r"(?:>=|==|~=)\s*(\d+(?:\.\d+)*)", specifier_of(requirement))
    return max(bounds, key=version_numbers, default="")


def excluded(version: str, specifier: str) -> bool:
    """Whether a specifier excludes a version. Every specifier excludes a version that is not PEP 440."""
    plain = _PLAIN.fullmatch(specifier) if _RELEASE.fullmatch(version) else None
    if not specifier or plain is not None:
        return plain is not None and not _is_within(_release(version), plain[1], _release(plain[2]))
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        return not SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def satisfiable(specifier: str) -> bool:
    """Whether any version can satisfy all clauses of a specifier."""
    if "," not in specifier:
        return True
    from packaging.specifiers import SpecifierSet

    return not SpecifierSet(specifier).is_unsatisfiable()


def first_release(pin: str) -> str:
    """The first release of an exact pin: ``==2.13.*`` gives ``2.13.0``, ``==2.13.1`` gives ``2.13.1``."""
    series = pin.removeprefix("==").removesuffix(".*")
    return f"{series}.0" if series.count(".") == 1 else series


def _is_within(version: tuple[int, ...], operator: str, bound: tuple[int, ...]) -> bool:
    return version >= bound if operator == ">=" else version <= bound


def _release(version: str) -> tuple[int, ...]:
    """Without trailing zeros: 2.1 and 2.1.0 are the same release."""
    parts = version_numbers(version)
    while parts and parts[-1] == 0:
        parts = parts[:-1]
    return parts


def _strictest(specifiers: Iterable[Specifier]) -> list[str]:
    """Lower bound, series or exact release, upper bound and exclusions; only the strictest of several bounds."""
    from packaging.version import Version

    specifiers = set(specifiers)
    exact = [each for each in specifiers if each.operator in ("==", "===") and not each.version.endswith(".*")]
    if exact:
        return [str(exact[0])]
    series = [each for each in specifiers if each.operator in ("==", "~=")]
    above = [each for each in specifiers if each.operator in (">=", ">")]
    below = [each for each in specifiers if each.operator in ("<=", "<")]
    lowest = max(above, key=lambda each: (Version(each.version), each.operator == ">"), default=None)
    highest = min(below, key=lambda each: (Version(each.version), each.operator == "<="), default=None)
    bounds = [bound if bound is None or not _is_implied(bound, series) else None for bound in (lowest, highest)]
    rest = [each for each in specifiers if each.operator == "!="]
    kept = [bounds[0], *sorted(series, key=str), bounds[1], *sorted(rest, key=str)]
    return [str(each) for each in kept if each is not None]


def _is_implied(bound: Specifier, series: Iterable[Specifier]) -> bool:
    """Whether a bound excludes no release of a series such as ``==1.4.*``; tests both ends of the series."""
    return any(
        all(bound.contains(each, prereleases=True) for each in (start, f"{start}.99999"))
        for start in (each.version.removesuffix(".*") for each in series if each.version.endswith(".*"))
    )
