"""The libraries of the catalogue in an environment before the plan: working ones and broken ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.gpus.torch_support import torch_problem
from llmcheck.install.incompatibility import has_program
from llmcheck.install.installed_packages import InstalledPackages, installed_packages
from llmcheck.install.specifiers import excluded
from llmcheck.packages import problems
from llmcheck.schema.machine import Machine, normalized_name
from llmcheck.tables.library import Library
from llmcheck.tables.tables import Tables

_VERSION = re.compile(r"[A-Za-z0-9.!+-]+")


class Presence(Struct, frozen=True):
    """The libraries of the catalogue in one environment, before the plan."""

    installed: InstalledPackages = InstalledPackages()
    working: frozenset[str] = frozenset()
    """Ids of libraries that are installed and usable, or whose programs are on PATH."""
    broken: Mapping[str, str] = {}
    """Libraries whose files are missing or mixed: an exact requirement (``peft==0.21.2``) by id."""
    torch_is_unusable: bool = False
    """The installed torch cannot use the GPUs."""

    def versions(self, library: Library) -> list[tuple[str, str]]:
        """Installed distributions of a library: name and version."""
        names = map(normalized_name, library.distributions)
        return [(name, self.installed.packages[name]) for name in names if name in self.installed.packages]

    def satisfies(self, library: Library, specifiers: Mapping[str, str]) -> bool:
        """Whether a library works and has a version that the tier accepts. ``specifiers``: by library id."""
        specifier = specifiers.get(library.id)
        if library.id not in self.working or not specifier:
            return library.id in self.working
        return any(not excluded(version, specifier) for _, version in self.versions(library))


def in_judged_environment(machine: Machine, tables: Tables) -> Presence:
    """For the judged environment. A torch that cannot use the GPUs counts as not working."""
    unusable = torch_problem(machine, tables.wheels, tables.drivers) is not None
    found = Presence(installed=installed_packages(machine, tables), torch_is_unusable=unusable)
    libraries = tables.libraries.values()
    broken = _broken(libraries, found, machine)
    listed = {library.id for library in libraries if found.versions(library)}
    working = listed - set(broken) - ({"torch"} if unusable else set()) - _not_working(libraries, found, machine)
    return replace(found, broken=broken, working=frozenset(working | _on_path(libraries, machine)))


def in_new_environment(machine: Machine, tables: Tables) -> Presence:
    """For an environment that the plan creates: only the programs on PATH."""
    return Presence(working=frozenset(_on_path(tables.libraries.values(), machine)))


def _broken(libraries: Iterable[Library], found: Presence, machine: Machine) -> dict[str, str]:
    importable = machine.software.importable
    return {
        library.id: f"{name}=={version}"
        for library in libraries
        for name, version in found.versions(library)[:1]
        if problems.lacks_files(machine, name)
        or (importable is not None and library.import_name and library.import_name not in importable)
        if _VERSION.fullmatch(version)  # it becomes part of a requirement
    }


def _not_working(libraries: Iterable[Library], found: Presence, machine: Machine) -> set[str]:
    """Ids of libraries that other packages, or what their own files are built for, keep from working."""
    return {
        library.id
        for library in libraries
        if any(problems.broken(machine, name) is not None for name, _ in found.versions(library))
    }


def _on_path(libraries: Iterable[Library], machine: Machine) -> set[str]:
    return {library.id for library in libraries if has_program(library, machine)}
