"""Chooses the libraries for a tier or a name, and one of several alternatives for a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from llmcheck import runtimes
from llmcheck.install.incompatibility import has_program, incompatibility, tool
from llmcheck.install.kept import unusable
from llmcheck.packages import problems
from llmcheck.schema.advice import LibraryChoice
from llmcheck.schema.machine import Machine, normalized_name
from llmcheck.schema.profile import Profile, Requirement
from llmcheck.schema.report import Finding
from llmcheck.tables.library import Alias, Library
from llmcheck.tables.tables import Tables


class TierRequest(Struct, frozen=True):
    """The software that tiers need on one machine."""

    libraries: tuple[str, ...] = ()
    """Catalogue ids of missing libraries, one for each failed finding."""
    present: tuple[str, ...] = ()
    """Catalogue ids of installed libraries that the tiers need. A new environment needs them too."""
    choices: tuple[LibraryChoice, ...] = ()
    specifiers: Mapping[str, str] = {}
    """Required versions (PEP 440), by catalogue id."""
    uncatalogued: tuple[str, ...] = ()
    """Required packages that are not in the catalogue (PEP 508)."""

    def together_with(self, other: TierRequest) -> TierRequest:
        """The request of both; a library then has to satisfy both version specifiers."""
        specifiers = dict(self.specifiers)
        for name, specifier in other.specifiers.items():
            own = specifiers.get(name)
            specifiers[name] = f"{own},{specifier}" if own and own != specifier else specifier
        return TierRequest(
            tuple(dict.fromkeys((*self.libraries, *other.libraries))),
            tuple(dict.fromkeys((*self.present, *other.present))),
            tuple({each.chosen: each for each in (*self.choices, *other.choices)}.values()),
            specifiers,
            tuple(dict.fromkeys((*self.uncatalogued, *other.uncatalogued))),
        )


def missing_libraries(
    findings: Iterable[Finding],
    machine: Machine,
    tables: Tables,
    profile: Profile | None = None,
    runtime: str | None = None,
) -> TierRequest:
    """The software that one profile needs, from its findings. ``profile``: source of the required versions.

    ``runtime``: id of the runtime that the planner found best here; its library comes before the others of a choice.
    """
    required = _required_packages(profile) if profile else {}
    missing: list[str] = []
    present: list[str] = []
    uncatalogued: list[str] = []
    choices: list[LibraryChoice] = []
    for finding in findings:
        if finding.group != "software" or not finding.libraries:
            continue
        known = [tables.libraries[name] for name in finding.libraries if name in tables.libraries]
        unknown = machine.software.packages is None and finding.status in ("unknown", "skipped")
        if finding.status == "pass" or (finding.status == "unknown" and not unknown):
            there = [library for library in known if _is_present(library, machine)]
            others = [library for library in known if library not in there]
            if there and others and not any(_may_run(each, machine, tables) for each in there):
                chosen, choice = _choose(others, machine, runtime)
                if _obstacle(chosen, machine) is None:
                    missing.append(chosen.id)
                    choices += [choice] if choice else []
                    continue
            present += [library.id for library in there][:1]
        elif (finding.status in ("fail", "warn") or unknown) and known:
            chosen, choice = _choose(known, machine, runtime)
            missing.append(chosen.id)
            choices += [choice] if choice else []
        elif finding.status in ("fail", "warn") or unknown:
            uncatalogued += [required[name].requirement for name in finding.libraries[:1] if name in required]
    return TierRequest(
        tuple(dict.fromkeys(missing)),
        tuple(dict.fromkeys(present)),
        tuple(choices),
        {name: each.version for name, each in required.items() if each.version and name in tables.libraries},
        tuple(dict.fromkeys(uncatalogued)),
    )


def usable_engines(findings: Iterable[Finding], machine: Machine, tables: Tables) -> tuple[str, ...]:
    """Ids of the runtimes that a profile accepts: those that are installed, else those that can be on this machine."""
    accepted = [
        tables.libraries[name]
        for finding in findings
        if finding.group == "software"
        for name in finding.libraries
        if name in tables.libraries
    ]
    installed = [library for library in accepted if _is_present(library, machine)]
    possible = [library for library in accepted if _obstacle(library, machine) is None]
    for libraries in (installed, possible):
        found = dict.fromkeys(each.id for each in (runtimes.brought_by(library.id) for library in libraries) if each)
        engines = tuple(each for each in found if each != runtimes.DEFAULT)  # every tier needs its library anyway
        if engines:
            return engines
    return ()


def named(name: str, tables: Tables) -> tuple[Library, Alias | None] | None:
    """The library with this id, name, distribution or alias, and the alias if it is one; None if there is none."""
    if name in tables.libraries:
        return tables.libraries[name], None
    plain = normalized_name(name)
    alias = next((alias for alias in tables.aliases if normalized_name(alias.name) == plain), None)
    if alias is not None:
        return tables.libraries[alias.library], alias
    for library in tables.libraries.values():
        names = (library.id, library.name, *library.distributions, library.import_name)
        if plain in (normalized_name(each) for each in names if each):
            return library, None
    return None


class _RequiredPackage(Struct, frozen=True):
    """A package requirement of a tier; name and version were validated when the profile was read."""

    name: str
    version: str

    @property
    def requirement(self) -> str:
        return f"{self.name}{self.version}"


def _required_packages(profile: Profile) -> dict[str, _RequiredPackage]:
    """The packages that a profile requires, by catalogue id or normalised name."""

    def packages(requirements: Iterable[Requirement]) -> Iterator[Requirement]:
        for requirement in requirements:
            inner = (*requirement.any_of, *requirement.all_of)
            yield from packages(inner)
            if requirement.kind == "package" and not inner and not requirement.none_of:
                yield requirement

    required: dict[str, _RequiredPackage] = {}
    for requirement in packages(profile.require):
        name: str = getattr(requirement, "name", None) or ""
        version: str = getattr(requirement, "version", None) or ""
        key = getattr(requirement, "library", None) or normalized_name(name)
        required[key] = _RequiredPackage(name, version.replace(" ", ""))
    return required


def _choose(known: list[Library], machine: Machine, runtime: str | None) -> tuple[Library, LibraryChoice | None]:
    """The planner's, else the first that works on this machine; what is actively developed comes before the rest."""
    obstacles = {library.id: _obstacle(library, machine) for library in known}
    ranked = sorted(
        known,
        key=lambda library: (
            obstacles[library.id] is not None, not _brings(library, runtime), library.status != "active"
        ),
    )  # fmt: skip
    chosen = ranked[0]
    if len(known) == 1:
        return chosen, None
    rejected = {
        library.name: obstacles[library.id] or _why_not_first(library, chosen, runtime) for library in ranked[1:]
    }
    reason = obstacles[chosen.id] or chosen.tiers or chosen.summary
    return chosen, LibraryChoice(chosen=chosen.name, reason=reason, rejected=rejected)


def _may_run(library: Library, machine: Machine, tables: Tables) -> bool:
    """Whether an installed library can run on this machine; True where no reason against it is known."""
    versions = machine.software.versions
    name = next((each for each in map(normalized_name, library.distributions) if each in versions), None)
    return name is None or unusable(name, versions[name], library, machine, tables.drivers) is None


def _brings(library: Library, runtime: str | None) -> bool:
    found = None if runtime is None else runtimes.brought_by(library.id)
    return found is not None and found.id == runtime


def _obstacle(library: Library, machine: Machine) -> str | None:
    reason = incompatibility(library, machine)  # another Python is no obstacle: the plan makes a new environment
    if reason is None and library.install == "container" and tool(machine, "docker") is False:
        reason = f"{library.name} is a container, and docker is not installed"
    return reason


def _why_not_first(library: Library, chosen: Library, runtime: str | None) -> str:
    if library.status != "active":
        return f"{library.name} is in {library.status}" if library.status == "maintenance" else library.status
    if _brings(chosen, runtime):
        return f"it works here too; what fits here is run best by {chosen.name}"
    return f"it works here too; {chosen.name} comes first in the document"


def _is_present(library: Library, machine: Machine) -> bool:
    names = [normalized_name(each) for each in library.distributions]
    working = (name in machine.software.versions and problems.broken(machine, name) is None for name in names)
    return any(working) or has_program(library, machine)
