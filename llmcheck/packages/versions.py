"""Versions, specifiers and markers (PEP 440 and 508) of installed distributions.

Importing ``packaging`` takes 25 ms, and nearly every line is simple: those are judged without it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from llmcheck.schema.bounds import LONGEST_VERSION
from llmcheck.schema.machine import Machine

LONGEST_LINE = 300
"""Characters of a requirement; a longer one, which only a saved machine can have, is not read."""
_RELEASE = re.compile(r"\d{1,18}(?:\.\d{1,18})*(?:\+[A-Za-z0-9.]+)?", re.ASCII)
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|~=|<|>)\s*(\d{1,18}(?:\.\d{1,18})*)(\.\*)?\s*", re.ASCII)
_REQUIREMENT = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*\(?([^;()@]*)\)?\s*(?:;(.*))?", re.DOTALL
)
_COMPARISON = re.compile(r"\s*([a-z_]+)\s*(==|!=|>=|<=|<|>)\s*(?:'([^']*)'|\"([^\"]*)\")\s*")
_SYSTEMS = {
    "linux": ("linux", "Linux", "posix"),
    "darwin": ("darwin", "Darwin", "posix"),
    "windows": ("win32", "Windows", "nt"),
}
_VARIABLES = frozenset((
    "extra", "implementation_name", "implementation_version", "os_name", "platform_machine",
    "platform_python_implementation", "platform_release", "platform_system", "platform_version", "python_full_version",
    "python_version", "sys_platform",
))  # fmt: skip
_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy"}


@functools.lru_cache(maxsize=4096)
def allows(specifier: str, version: str) -> bool | None:
    """Whether a specifier contains a version, pre-releases included; None where either is not valid.

    A build of the sources between two releases (``2.15.0a0+nv26.10``) counts as the release that it becomes.
    """
    text = specifier.strip()
    if not text:
        return True
    if len(version) > LONGEST_VERSION or len(text) > LONGEST_LINE:
        return None
    if _RELEASE.fullmatch(version):
        clauses = [_CLAUSE.fullmatch(each) for each in text.split(",")]
        if all(clauses):
            own = _numbers(version.partition("+")[0])
            return all(_holds(own, each[1], _numbers(each[2]), bool(each[3])) for each in clauses if each)
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    try:
        parsed, found = Version(version), SpecifierSet(text)
    except ValueError:
        return None
    if found.contains(parsed, prereleases=True):
        return True
    return (parsed.is_prerelease or parsed.is_devrelease) and found.contains(parsed.base_version, prereleases=True)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _holds(own: tuple[int, ...], operator: str, bound: tuple[int, ...], series: bool) -> bool:
    if operator == "~=":
        return len(bound) > 1 and _holds(own, ">=", bound, False) and _holds(own, "==", bound[:-1], True)
    if series:
        inside = _padded(own, len(bound))[: len(bound)] == bound
        return inside if operator == "==" else not inside if operator == "!=" else False
    here, there = _padded(own, len(bound)), _padded(bound, len(own))
    return {
        ">=": here >= there,
        "<=": here <= there,
        "==": here == there,
        "!=": here != there,
        "<": here < there,
        ">": here > there,
    }[operator]


def _padded(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    return numbers + (0,) * (length - len(numbers))


def surroundings(machine: Machine) -> Mapping[str, str]:
    """The variables of markers for the judged Python and its system; those that are not known are left out."""
    found: dict[str, str] = {}
    python, system = machine.software.python, machine.os
    if python is not None and python.version:
        found["python_version"] = ".".join(python.version.split(".")[:2])
        found["python_full_version"] = python.version
        implementation = (python.implementation or "cpython").lower()
        found["implementation_name"] = implementation
        found["platform_python_implementation"] = _IMPLEMENTATIONS.get(implementation, implementation)
        found["implementation_version"] = python.version
    if system is not None and system.system in _SYSTEMS:
        found["sys_platform"], found["platform_system"], found["os_name"] = _SYSTEMS[system.system]
        found["platform_machine"] = system.architecture
    return found


def parts(line: str) -> tuple[str, tuple[str, ...], str, str] | None:
    """Name, extras, specifier and marker of a requirement; None for one with a URL, and for what is none."""
    match = _REQUIREMENT.fullmatch(line.strip()) if len(line) <= LONGEST_LINE else None
    if match is None:
        return None
    extras = tuple(each.strip() for each in (match[2] or "").split(",") if each.strip())
    return match[1], extras, match[3].strip(), (match[4] or "").strip()


def holds(marker: str, variables: Mapping[str, str], extras: frozenset[str]) -> bool | None:
    """Whether a marker holds; None where a variable of it is not known, or it is not valid."""
    if not marker:
        return True
    if len(marker) > LONGEST_LINE:
        return None
    comparisons = [_COMPARISON.fullmatch(each) for each in marker.split(" and ")]
    if all(comparisons):
        found = [_compared(each, variables, extras) for each in comparisons if each]
        if None not in found:
            return all(found)
        if False in found:
            return False
    return _by_packaging(marker, variables, extras)


def _compared(match: re.Match[str], variables: Mapping[str, str], extras: frozenset[str]) -> bool | None:
    """None where it is not one of the usual comparisons."""
    name, operator, text = match[1], match[2], match[3] if match[3] is not None else match[4]
    if name == "extra":
        return (text in extras) if operator == "==" else (text not in extras) if operator == "!=" else None
    own = variables.get(name)
    if own is None:
        return None
    if name in ("python_version", "python_full_version"):
        return allows(operator + text, own) if _RELEASE.fullmatch(text) else None
    return own == text if operator == "==" else own != text if operator == "!=" else None


def _by_packaging(marker: str, variables: Mapping[str, str], extras: frozenset[str]) -> bool | None:
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

    names = set(
        re.findall(r"[a-z_]+(?=\s*(?:[=!<>~]|not\b|in\b))|(?<=in )[a-z_]+", re.sub(r"'[^']*'|\"[^\"]*\"", "''", marker))
    )
    if not names & _VARIABLES <= {*variables, "extra"}:
        return None
    try:
        parsed = Marker(marker)
        return any(parsed.evaluate({**variables, "extra": each}) for each in extras or frozenset(("",)))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, ValueError, RecursionError):
        return None
