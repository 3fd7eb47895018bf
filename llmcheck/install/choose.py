"""Which libraries a tier or a person means, and which of several alternatives is the one for a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from llmcheck.install.incompatibility import incompatibility, tool
from llmcheck.schema.advice import Choice
from llmcheck.schema.machine import Machine, normalized_name
from llmcheck.schema.profile import Profile, Requirement
from llmcheck.schema.report import Finding
from llmcheck.tables.library import Alias, Library
from llmcheck.tables.tables import Tables


class TierRequest(Struct, frozen=True):
    libraries: tuple[str, ...] = ()
    """Catalogue ids whose findings are not met, one for each finding."""
    present: tuple[str, ...] = ()
    """Those whose findings are met: a new environment needs them too."""
    choices: tuple[Choice, ...] = ()
    specifiers: Mapping[str, str] = {}
    """What the tier asks of a library's version, by id (PEP 440)."""
    others: tuple[str, ...] = ()
    """What the tier wants of packages that the catalogue does not know (PEP 508)."""

    def together_with(self, other: TierRequest) -> TierRequest:
        """What both ask for; of one library both versions."""
        specifiers = dict(self.specifiers)
        for name, specifier in other.specifiers.items():
            mine = specifiers.get(name)
            specifiers[name] = f"{mine},{specifier}" if mine and mine != specifier else specifier
        return TierRequest(
            tuple(dict.fromkeys((*self.libraries, *other.libraries))),
            tuple(dict.fromkeys((*self.present, *other.present))),
            tuple({each.chosen: each for each in (*self.choices, *other.choices)}.values()),
            specifiers,
            tuple(dict.fromkeys((*self.others, *other.others))),
        )


def missing_libraries(
    findings: Iterable[Finding], machine: Machine, tables: Tables, profile: Profile | None = None
) -> TierRequest:
    """What the software findings of one profile ask for. ``profile``: for the versions that it asks for."""
    asked = _asked(profile) if profile else {}
    missing: list[str] = []
    present: list[str] = []
    others: list[str] = []
    choices: list[Choice] = []
    for finding in findings:
        if finding.group != "software" or not finding.libraries:
            continue
        known = [tables.libraries[name] for name in finding.libraries if name in tables.libraries]
        unknown = machine.software.packages is None and finding.status in ("unknown", "skipped")
        if finding.status == "pass":
            present += [library.id for library in known if _is_there(library, machine)][:1]
        elif (finding.status in ("fail", "warn") or unknown) and known:
            chosen, choice = _choose(known, machine)
            missing.append(chosen.id)
            choices += [choice] if choice else []
        elif finding.status in ("fail", "warn") or unknown:
            others += [asked[name].requirement for name in finding.libraries[:1] if name in asked]
    return TierRequest(
        tuple(dict.fromkeys(missing)),
        tuple(dict.fromkeys(present)),
        tuple(choices),
        {name: each.version for name, each in asked.items() if each.version and name in tables.libraries},
        tuple(dict.fromkeys(others)),
    )


def named(name: str, tables: Tables) -> tuple[Library, Alias | None] | None:
    """The library that a name means, in any spelling, and why where it is not that library's own; None: unknown."""
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


class _Asked(Struct, frozen=True):
    """A package requirement of a tier; both were checked when it was read, and hold nothing but a name and versions."""

    name: str
    version: str

    @property
    def requirement(self) -> str:
        return f"{self.name}{self.version}"


def _asked(profile: Profile) -> dict[str, _Asked]:
    """What the profile asks for, by library id."""

    def packages(requirements: Iterable[Requirement]) -> Iterator[Requirement]:
        for requirement in requirements:
            yield from packages(requirement.any_of)
            if requirement.kind == "package" and not requirement.any_of:
                yield requirement

    asked: dict[str, _Asked] = {}
    for requirement in packages(profile.require):
        name: str = getattr(requirement, "name", None) or ""
        version: str = getattr(requirement, "version", None) or ""
        asked[getattr(requirement, "library", None) or normalized_name(name)] = _Asked(name, version.replace(" ", ""))
    return asked


def _choose(known: list[Library], machine: Machine) -> tuple[Library, Choice | None]:
    """The first that fits this machine, living ones before those in maintenance, those that lack no tool first."""
    against = {library.id: _against(library, machine) for library in known}
    ranked = sorted(known, key=lambda library: (against[library.id] is not None, library.status != "active"))
    chosen = ranked[0]
    if len(known) == 1:
        return chosen, None
    others = {library.name: against[library.id] or _second(library, chosen) for library in ranked[1:]}
    reason = against[chosen.id] or chosen.tiers or chosen.summary
    return chosen, Choice(chosen=chosen.name, reason=reason, rejected=others)


def _against(library: Library, machine: Machine) -> str | None:
    reason = incompatibility(library, machine)  # a Python that does not fit keeps nobody out: another is made
    if reason is None and library.install == "container" and tool(machine, "docker") is False:
        reason = f"{library.name} is a container, and docker is not installed"
    return reason


def _second(library: Library, chosen: Library) -> str:
    if library.status != "active":
        return f"{library.name} is in {library.status}" if library.status == "maintenance" else library.status
    return f"it works here too; {chosen.name} comes first in the document"


def _is_there(library: Library, machine: Machine) -> bool:
    names = {package.name for package in machine.software.packages or ()}
    tools = {each.name for each in machine.software.tools or () if each.path}
    return bool(names & {normalized_name(name) for name in library.distributions} or tools & set(library.binaries))
