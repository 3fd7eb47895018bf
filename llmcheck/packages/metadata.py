"""Installed packages against their own metadata: an offline ``pip check`` of what decides whether a model runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llmcheck.packages.conflict import Conflict
from llmcheck.packages.environment import Environment, series
from llmcheck.packages.versions import allows, holds, parts, surroundings
from llmcheck.schema.machine import normalized_name

_OWN_EXTRAS = {"transformers": frozenset(("torch",))}
"""Extras that count without being asked for; see ``probe/_requires.py``."""
_NVIDIA = "nvidia-"


def conflicts(environment: Environment) -> Iterator[Conflict]:
    """One for each requirement that the installed packages do not meet, in the order of the names."""
    if environment.machine.software.packages is None:
        return
    variables = surroundings(environment.machine)
    asked = _asked(environment, variables)
    for owner in sorted(environment.requires):
        extras = asked.get(owner, frozenset()) | _OWN_EXTRAS.get(owner, frozenset())
        for line in environment.requires[owner]:
            found = _unmet(environment, owner, line, variables, extras)
            if found is not None:
                yield found


def _asked(environment: Environment, variables: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    """The extras of each package that others ask for."""
    found: dict[str, frozenset[str]] = {}
    for lines in environment.requires.values():
        for line in lines:
            split = parts(line) if "[" in line else None
            if split is not None and split[1] and holds(split[3], variables, frozenset()):
                name = normalized_name(split[0])
                found[name] = found.get(name, frozenset()) | frozenset(split[1])
    return found


def _unmet(
    environment: Environment, owner: str, line: str, variables: Mapping[str, str], extras: frozenset[str]
) -> Conflict | None:
    split = parts(line)
    if split is None or holds(split[3], variables, extras) is not True:
        return None
    name, _, specifier, _ = split
    other = normalized_name(name)
    own, version = environment.versions[owner], environment.versions.get(other)
    disabled = owner in _OWN_EXTRAS and "extra" in split[3]
    if version is None:
        if disabled:
            return None
        return Conflict(
            package=owner,
            kind="missing",
            version=own,
            other=other,
            needs=specifier,
            evidence=f"Requires-Dist: {line}",
            wants=(name + specifier,),
        )
    if allows(specifier, version) is not False or (other.startswith(_NVIDIA) and _is_newer(specifier, version)):
        return None
    return Conflict(
        package=owner,
        kind="disabled" if disabled else "built-for" if _is_other_build(other, specifier, version) else "requires",
        version=own,
        other=other,
        found=version,
        needs=specifier.replace("==", "").strip("() ") if _is_other_build(other, specifier, version) else specifier,
        evidence=f"Requires-Dist: {line}",
        wants=(f"{other}{specifier}",) if disabled else (f"{owner}=={own.partition('+')[0]}", f"{other}{specifier}"),
    )


def _is_other_build(other: str, specifier: str, version: str) -> bool:
    """What pins one torch is compiled against it; releases of one series have the same binary interface."""
    pinned = other == "torch" and specifier.startswith("==") and "," not in specifier
    return pinned and series(specifier.removeprefix("==").strip()) != series(version)


def _is_newer(specifier: str, version: str) -> bool:
    """A newer library of NVIDIA's than the pin is exchanged on purpose, and has all that the older one has."""
    return allows(specifier.replace("==", ">="), version) is True
