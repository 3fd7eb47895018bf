"""Version specifiers (PEP 440): combining two of one package, and testing versions against them.

``packaging`` takes 10 ms to import, its requirements 25 ms, and nearly every plan does without: so each function first
answers the simple cases by itself.
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
    """The name alone of a requirement (PEP 508)."""
    return re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]


def bounded(requirement: str, specifier: str) -> str:
    """``requirement`` narrowed by ``specifier``, each bound written once; if the two exclude each other, ``specifier``
    alone.

    The catalogue's lower bound only says which releases were checked. It is no reason to refuse an older release that
    a tier names.
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
    """The version specifier of a requirement without marker and URL, as all in the catalogue are."""
    return re.sub(r"^[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*", "", requirement)


def has_lower_bound(requirement: str) -> bool:
    """Whether a resolver cannot walk back to any old release."""
    return any(operator in specifier_of(requirement) for operator in _LOWER_BOUNDS)


def lower_bound(requirement: str) -> str:
    """The oldest release that a requirement allows; empty where it names none."""
    bounds = re.findall(r"(?:>=|==|~=)\s*(\d+(?:\.\d+)*)", specifier_of(requirement))
    return max(bounds, key=version_numbers, default="")


def excluded(version: str, specifier: str) -> bool:
    """Whether a specifier excludes a version; one that is not PEP 440 is excluded by every specifier."""
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


def _strictest(every: Iterable[Specifier]) -> list[str]:
    """Lower bound, series or exact release, upper bound, exclusions; of several bounds the strictest."""
    from packaging.version import Version

    every = set(every)
    exact = [each for each in every if each.operator in ("==", "===") and not each.version.endswith(".*")]
    if exact:
        return [str(exact[0])]
    series = [each for each in every if each.operator in ("==", "~=")]
    above = [each for each in every if each.operator in (">=", ">")]
    below = [each for each in every if each.operator in ("<=", "<")]
    lowest = max(above, key=lambda each: (Version(each.version), each.operator == ">"), default=None)
    highest = min(below, key=lambda each: (Version(each.version), each.operator == "<="), default=None)
    bounds = [bound if bound is None or not _is_implied(bound, series) else None for bound in (lowest, highest)]
    rest = [each for each in every if each.operator == "!="]
    kept = [bounds[0], *sorted(series, key=str), bounds[1], *sorted(rest, key=str)]
    return [str(each) for each in kept if each is not None]


def _is_implied(bound: Specifier, series: Iterable[Specifier]) -> bool:
    """Whether a bound excludes nothing of a series such as ``==1.4.*``, tested at both ends of it."""
    return any(
        all(bound.contains(each, prereleases=True) for each in (start, f"{start}.99999"))
        for start in (each.version.removesuffix(".*") for each in series if each.version.endswith(".*"))
    )
