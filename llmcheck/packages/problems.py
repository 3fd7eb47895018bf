"""What is wrong between the installed packages, as problems of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from llmcheck.packages.known import matters
from llmcheck.schema.machine import Machine, Problem

if TYPE_CHECKING:
    from llmcheck.packages.conflict import Conflict
    from llmcheck.packages.environment import Environment
    from llmcheck.tables.package_pair import PackagePair
    from llmcheck.tables.torch_wheel import TorchCompanions, TorchWheel

PREFIX = "package-"
"""Of the codes of these problems; the rest is the kind of conflict."""


_MOST_MENDS = 100
"""Nobody mends more by hand; a made-up machine may have thousands of conflicts."""
_FILES = ("files-missing", "no-metadata", "editable-gone", "mixed")


class PairTables(msgspec.Struct, frozen=True):
    """The tables that installed packages are held against."""

    pairs: Sequence[PackagePair] = ()
    companions: Sequence[TorchCompanions] = ()
    wheels: Callable[[], Sequence[TorchWheel]] = tuple
    """Returns the builds of torch with their indexes; called where something has to be mended."""


def broken(machine: Machine, package: str) -> Problem | None:
    """Why an installed package does not work; None if no reason is known. By its normalised name."""
    found = [each for each in machine.problems if each.breaks_package]
    own = next((each for each in found if each.package == package), None)
    return own or next((each for each in found if package in each.also_breaks), None)


def lacks_files(machine: Machine, package: str) -> bool:
    """Whether installing the same release of a package again is what mends it."""
    found = broken(machine, package)
    return found is not None and found.package == package and found.code.removeprefix(PREFIX) in _FILES


def hidden(machine: Machine, package: str) -> Problem | None:
    """What decides which copy of a package is imported, where that is not the environment alone."""
    codes = (f"{PREFIX}shadowed", f"{PREFIX}duplicate")
    return next((each for each in machine.problems if each.package == package and each.code in codes), None)


def with_problems(
    machine: Machine, tables: Callable[[], PairTables], names: Callable[[], Mapping[str, str]]
) -> Machine:
    """The machine with these problems added to its own; those of an earlier call are replaced.

    ``tables`` and ``names`` (how packages are spelled) are called where they are needed.
    """
    others = tuple(each for each in machine.problems if not each.code.startswith(PREFIX))
    software = machine.software
    # Of an environment without any of them, nothing has to be imported or read.
    relevant = software.issues or software.conda_and_pip or any(matters(each.name) for each in software.packages or ())
    found = tuple(_problems(machine, tables(), names)) if relevant else ()
    if len(others) + len(found) == len(machine.problems) and not found:
        return machine
    return msgspec.structs.replace(machine, problems=(*others, *found))


def _problems(machine: Machine, tables: PairTables, names: Callable[[], Mapping[str, str]]) -> Iterator[Problem]:
    from llmcheck.packages.environment import Environment

    environment = Environment(machine)
    found = _conflicts(environment, tables)
    if not found:
        return
    from llmcheck.packages import importers, mend, words

    spelled, wheels = names(), tables.wheels()
    changing = frozenset(each.other for each in found)
    shadows = {each.package: each for each in found if each.kind == "shadowed"}
    for number, each in enumerate(found):
        message = words.message(each, spelled)
        shadow = shadows.get(each.other) or (shadows.get(each.package) if each.other else None)
        if shadow is None or each is shadow:
            command = mend.command(each, environment, wheels, changing) if number < _MOST_MENDS else None
            remedy = words.remedy(each, command, spelled)
        else:
            message, remedy = f"{message}; {words.cause(shadow)}", words.remedy(shadow, None, spelled)
        yield Problem(
            probe="software",
            code=PREFIX + each.kind,
            message=message,
            remedy=remedy,
            package=each.package,
            breaks_package=each.broken,
            also_breaks=importers.of(each, environment),
        )


def _conflicts(environment: Environment, tables: PairTables) -> list[Conflict]:
    """Of one package and what breaks it, only the first: what is the easiest to mend, then metadata, then the table."""
    from llmcheck.packages import builds, files, metadata, pairs

    found: dict[tuple[str, str, str], Conflict] = {}
    every = (
        *files.conflicts(environment),
        *pairs.companions(environment, tables.companions),
        *metadata.conflicts(environment),
        *pairs.conflicts(environment, tables.pairs),
        *builds.conflicts(environment),
    )
    for each in every:
        kind = "" if each.other else each.kind
        found.setdefault((each.package, each.other, kind), each)
    return list(found.values())
