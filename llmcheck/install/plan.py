"""The plan: which environments are filled with what and in which order, and what to know before pasting."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmcheck.gpus.torch_support import torch_problem
from llmcheck.install import notes
from llmcheck.install.blockers import InstallBlockers
from llmcheck.install.choose import TierRequest
from llmcheck.install.commands import (
    TORCH_FAMILY,
    Proof,
    library_steps,
    pip_of,
    reinstall_steps,
    step,
    torch_step,
    useless,
    verify_steps,
)
from llmcheck.install.incompatibility import incompatibility, numbers, old_driver, tool
from llmcheck.install.installed_packages import InstalledPackages, held_by
from llmcheck.install.size import size_of
from llmcheck.install.specifiers import bounded, excluded, has_floor, name_of, specifier_of
from llmcheck.install.system import system_steps
from llmcheck.install.target import SHARED, PlanOptions, Target, grouped, own_target, shared_target
from llmcheck.install.torch import torch_build
from llmcheck.schema.advice import Environment, Judged, LeftOut, Plan, Step, TorchBuild
from llmcheck.schema.machine import Machine, normalized_name
from llmcheck.tables.library import Library
from llmcheck.tables.tables import Tables

_DEFAULT = PlanOptions()
_VERSION = re.compile(r"[A-Za-z0-9.!+-]+")


def plan_installation(
    target: str,
    wanted: Sequence[str],
    machine: Machine,
    tables: Tables,
    options: PlanOptions = _DEFAULT,
    asked: TierRequest | None = None,
) -> Plan:
    """Steps for the libraries ``wanted`` (catalogue ids) and what each needs first.

    ``asked``: what a tier says of them: versions, packages that the catalogue does not know, what is there already.
    Raises DataError where no safe command line can be made, because a path holds control characters.
    """
    return _Planner(target, wanted, machine, tables, options, asked or TierRequest()).plan()


class _Planner:
    """What the parts of one plan share."""

    def __init__(
        self,
        target: str,
        wanted: Sequence[str],
        machine: Machine,
        tables: Tables,
        options: PlanOptions,
        asked: TierRequest,
    ) -> None:
        self.target, self.machine, self.tables, self.options, self.asked = target, machine, tables, options, asked
        self.libraries = tables.libraries
        self.builds: dict[tuple[str | None, str], TorchBuild] = {}
        self.useless = torch_problem(machine, tables.wheels, tables.drivers) is not None
        self.held = held_by(machine, tables.wheels)
        self.broken = self._broken()
        self.installed = self._installed()
        self.wanted = list(dict.fromkeys(wanted))
        self.others = tuple(self._with_floor(each) for each in asked.others)

    def plan(self) -> Plan:
        target = self._target()
        wanted = self.wanted
        missing = any(not self._is_satisfied(name) for name in wanted) or bool(self.others)
        fresh = target.folder is not None
        if fresh and (missing or self.options.venv is not None):
            # It is empty: what is installed elsewhere is of no use in it.
            self.installed, self.held, self.broken, self.useless = self._on_path(), InstalledPackages(), {}, False
            wanted = list(dict.fromkeys((*self.asked.present, *wanted)))
        satisfied = [name for name in dict.fromkeys((*wanted, *self.asked.present)) if self._is_satisfied(name)]
        kept, left_out = self._possible(wanted, target)
        beside = self.installed | (set() if fresh else {each.name for each in self.machine.software.packages or ()})
        groups = grouped(kept, beside - set(kept), self.libraries, self.asked.specifiers)
        shared = self._with_needs(groups.pop(SHARED)[0])
        todo = [each for each in shared if not self._is_satisfied(each.id)]
        members = [each for each in todo if _is_python(each)]
        environments = [self._fill(target, members, self.held)] if members or self.others else []
        alone = [each for each in todo if not _is_python(each)]
        for name, (ids, reason) in groups.items():
            apart = [self.libraries[each] for each in ids]
            if not any(map(_is_python, apart)):
                alone += apart
                continue
            own = self._own(ids)
            environments.append(
                self._fill(self._own_target(name, own, reason), own, InstalledPackages(), reason=reason)
            )
        environments += [_without_python(each, self.options) for each in alone]
        planned = [self.libraries[name] for each in environments for name in each.libraries]
        with_torch = any(name in TORCH_FAMILY for each in environments for name in each.libraries)
        torch = self._torch_for(target.version) if with_torch else None
        stopped = [self.libraries[name] for name, _ in left_out if old_driver(self.libraries[name], self.machine)]
        first, system = self._system(environments, planned, stopped, torch)
        resolutions = self.tables.resolutions
        return Plan(
            target=self.target,
            machine=_judged(self.machine),
            shell=self.options.shell,  # type: ignore[arg-type]
            torch=torch,
            first=first,
            system=system,
            environments=tuple(environments),
            satisfied=tuple(satisfied),
            choices=self.asked.choices,
            left_out=tuple(LeftOut(library=name, reason=reason) for name, reason in left_out),
            size=size_of(environments, torch, self.machine, resolutions) if resolutions and environments else None,
            notes=tuple(dict.fromkeys(self._notes(environments, planned, satisfied))),
        )

    def _torch_for(self, python: str | None, specifier: str | None = None) -> TorchBuild:
        """``python``: the version of an environment's Python; None is the judged one.

        ``specifier``: what is asked of torch's version; None is what the tier asks.
        """
        specifier = self.asked.specifiers.get("torch", "") if specifier is None else specifier
        if (python, specifier) not in self.builds:
            known, backend = self.tables, self.options.backend
            build = torch_build(self.machine, known.wheels, known.drivers, backend, python, specifier)
            self.builds[python, specifier] = build
        return self.builds[python, specifier]

    def _target(self) -> Target:
        """The shared environment, for all that may go into it."""
        every = dict.fromkeys((*self.wanted, *self.asked.present))
        shared = [name for name in every if not self.libraries[name].isolated and self._suits(name)]
        needed = self._with_needs(shared)
        members = [each for each in needed if _is_python(each) and not self._is_satisfied(each.id)]
        needs_torch = any(each.id == "torch" for each in needed)
        return shared_target(members, self.machine, self.options, self._torch_for if needs_torch else None)

    def _own(self, ids: Sequence[str]) -> list[Library]:
        return self._with_needs(ids, pins_torch=any(self.libraries[each].pins_torch for each in ids))

    def _own_target(self, name: str, members: Sequence[Library], reason: str) -> Target:
        needs_torch = any(each.id == "torch" for each in members)
        torch_for = self._torch_for if needs_torch else None
        return own_target(name, members, reason, self.machine, self.options, torch_for)

    def _suits(self, name: str) -> bool:
        return incompatibility(self.libraries[name], self.machine) is None

    def _possible(self, wanted: Sequence[str], target: Target) -> tuple[list[str], list[tuple[str, str]]]:
        """What is missing and can work here, and what cannot, with the reason."""
        kept, left_out = [], []
        for name in dict.fromkeys(wanted):
            if self._is_satisfied(name):
                continue
            library = self.libraries[name]
            where = self._own_target(name, self._own([name]), "") if library.isolated else target
            reason = self._doubts(where).against(name)
            if reason is None:
                kept.append(name)
            else:
                told = library.note is not None and reason == incompatibility(library, self.machine)
                left_out.append((name, f"{reason}. {library.note}" if told else reason))
        return kept, left_out

    def _doubts(self, target: Target) -> InstallBlockers:
        stays = target.folder is None and self._is_satisfied("torch")
        return InstallBlockers(
            machine=self.machine,
            libraries=self.libraries,
            specifiers=self.asked.specifiers,
            python_conflicts=target.python_conflicts,
            torch=self._torch_for(target.version),
            installed=self.machine.software.torch if stays else None,
            is_there=self._is_satisfied,
        )

    def _installed(self) -> set[str]:
        """What is there and works: a torch that cannot use the GPUs is not."""
        there = {library.id for library in self.libraries.values() if self._versions(library)}
        return (there - ({"torch"} if self.useless else set()) - set(self.broken)) | self._on_path()

    def _broken(self) -> dict[str, str]:
        """What is listed as installed and has no module, by id, with the requirement that is listed."""
        importable = self.machine.software.importable
        if importable is None:
            return {}
        return {
            library.id: f"{name}=={version}"
            for library in self.libraries.values()
            if library.import_name and library.import_name not in importable
            for name, version in self._versions(library)[:1]
            if _VERSION.fullmatch(version)  # it becomes part of a requirement
        }

    def _versions(self, library: Library) -> list[tuple[str, str]]:
        names = [normalized_name(name) for name in library.distributions]
        return [(name, self.held.packages[name]) for name in names if name in self.held.packages]

    def _on_path(self) -> set[str]:
        """The libraries whose programs are there, whatever environment is used."""
        tools = {each.name for each in self.machine.software.tools or () if each.path}
        return {library.id for library in self.libraries.values() if tools & set(library.binaries)}

    def _is_satisfied(self, name: str) -> bool:
        """Installed, and in a version that the tier accepts."""
        specifier = self.asked.specifiers.get(name)
        if name not in self.installed or not specifier:
            return name in self.installed
        versions = [version for _, version in self._versions(self.libraries[name])]
        return any(not excluded(each, specifier) for each in versions)

    def _with_needs(self, wanted: Sequence[str], *, pins_torch: bool = False) -> list[Library]:
        """The libraries with what each needs before it, every one once."""
        ordered: list[str] = []

        def add(name: str) -> None:
            for needed in self.libraries[name].needs:
                if not (pins_torch and needed in TORCH_FAMILY):
                    add(needed)
            if name not in ordered:
                ordered.append(name)

        for name in wanted:
            add(name)
        return [self.libraries[name] for name in ordered]

    def _with_floor(self, requirement: str) -> str:
        """A package that the catalogue does not know gets the oldest release that any of its libraries resolved to."""
        known = self.tables.resolutions
        name = normalized_name(name_of(requirement))
        closures = known.libraries.values() if known else ()
        seen = [closure.packages[name] for closure in closures if name in closure.packages]
        if not seen or has_floor(requirement):
            return requirement
        plain = name_of(requirement)
        return bounded(f"{plain}>={min(seen, key=numbers)}", requirement[len(plain) :])

    def _fill(
        self, target: Target, members: Sequence[Library], held: InstalledPackages, reason: str | None = None
    ) -> Environment:
        """Make it if need be, torch by its index, the rest in one command, then the proof."""
        steps: list[Step] = []
        if target.make:
            steps.append(step(target.make, target.reason, self.options, kind="environment", requires=target.requires))
        pip, more = pip_of(target, members, self.machine, self.options, held)
        gone = {each.id for each in members if held.packages and each.id in self.broken}
        steps += [*more, *reinstall_steps(pip, [self.broken[name] for name in sorted(gone - {"torch"})])]
        fate = [each for each in self.libraries.values() if each not in members]
        torch, family = self._torch_in(target, members)
        family -= gone - {"torch"}
        if family:
            fault = "its files are missing" if "torch" in gone else useless(held, torch) if self.useless else None
            steps.append(torch_step(pip, torch, family, fault, fate))
        asked = steps[-1].requirements if family else ()
        rest = [each for each in members if each.id not in (*TORCH_FAMILY, *gone)]
        stays = held.torch is not None and "torch" not in family
        tag = held.torch.build if stays and held.torch else torch.tag
        resolutions = self.tables.resolutions
        steps += library_steps(pip, rest, self.asked.specifiers, self.machine, tag, fate, resolutions)
        others = self.others if target.name == SHARED else ()
        if others:
            steps.append(pip.step(others, "what the tier asks for beyond the catalogue"))
        proof = self._proof(members, torch, asked, held)
        steps += verify_steps(members, proof, others, target, self.options)
        return Environment(
            name=target.name,
            python=target.python,
            python_version=target.version,
            folder=target.folder,
            installer=pip.installer,
            libraries=tuple(library.id for library in members),
            reason=reason,
            steps=tuple(steps),
        )

    def _torch_in(self, target: Target, members: Sequence[Library]) -> tuple[TorchBuild, set[str]]:
        """The build that goes into an environment, and what of its family is asked for."""
        pinning = next((library for library in members if library.pins_torch), None)
        if pinning is None:
            return self._torch_for(target.version), {library.id for library in members} & set(TORCH_FAMILY)
        torch = self._torch_for(target.version, pinning.torch or "")
        # PyPI's own torch is what it pins; from another index the pinned release has to be there first.
        return torch, {"torch"} if torch.index_url and not pinning.driver else set()

    def _proof(
        self, members: Sequence[Library], torch: TorchBuild, asked: Sequence[str], held: InstalledPackages
    ) -> Proof | None:
        """What proves torch, where something of it was installed. ``asked``: what its own step asks for."""
        pinning = next((library for library in members if library.pins_torch), None)
        if pinning is not None:
            usual = not excluded(pinning.version or "", self.asked.specifiers.get(pinning.id, ""))
            expected = f"a version ({pinning.torch} with {pinning.name} {pinning.version})" if usual else "a version"
            return Proof(torch, expected) if asked or not torch.index_url else None
        own = next((specifier_of(each) for each in asked if name_of(each) == "torch"), None)
        expected = f"a version {own}" if own is not None else f"the version {held.version('torch')}"
        return Proof(torch, expected) if asked else None

    def _system(
        self,
        environments: Sequence[Environment],
        planned: Sequence[Library],
        stopped: Sequence[Library],
        torch: TorchBuild | None,
    ) -> tuple[tuple[str, ...], tuple[Step, ...]]:
        """What to see to first, and what changes the system, for what is planned and what an old driver stops."""
        # How llama.cpp comes, and so what it takes, differs from machine to machine: its step says it.
        tools = [each for library in planned if library.id != "llama-cpp" for each in library.tools]
        tools += [each for environment in environments for made in environment.steps for each in made.requires]
        missing = [name for name in dict.fromkeys(tools) if tool(self.machine, name) is False]
        needs_gpu = bool(stopped) or any(library.needs_nvidia or library.id == "torch" for library in planned)
        wishes = [library.driver for library in (*planned, *stopped) if library.driver]
        if torch is not None and torch.tag == "cpu" and torch.driver:
            wishes.append(torch.driver)
        steps, said = system_steps(
            self.machine,
            missing,
            self.tables.recipes,
            needs_gpu=needs_gpu,
            wanted_driver=max(wishes, key=numbers, default=None),
            shell_name=self.options.shell,
        )
        better = () if torch is None or wishes else notes.of_driver(torch, self.machine)
        return (*said, *better), steps

    def _notes(
        self, environments: Sequence[Environment], planned: Sequence[Library], satisfied: Sequence[str]
    ) -> list[str]:
        named = set(self.wanted) - set(self.asked.libraries)  # a tier's own libraries need no introduction
        there = [(self.libraries[name], *found) for name in satisfied for found in self._versions(self.libraries[name])]
        return [
            *notes.of_machine(environments, self.machine),
            *(note for library in planned for note in notes.of_cards(library, self.machine)),
            *notes.of_libraries(planned, named),
            *notes.of_age(there),
            *notes.of_floors(environments),
            *notes.of_environments(environments, self.machine, self.options),
        ]


def _is_python(library: Library) -> bool:
    return library.install in ("pip", "service") or library.id == "llama-cpp"


def _without_python(library: Library, options: PlanOptions) -> Environment:
    """A container or a build from source: its documented commands, one after another."""
    import shlex  # with the first library that has such commands

    steps = []
    for number, line in enumerate(library.commands):
        argv = shlex.split(line)
        reason = f"{library.name}: {library.summary}" if number == 0 else f"{library.name}, continued"
        # What serves, or is another's installer with rights of its own, is for a person to start.
        kind = "run" if {"run", "up"} & set(argv) or argv[0] == "sh" else "build"
        steps.append(step(argv, reason, options, kind=kind, requires=library.tools if number == 0 else ()))
    return Environment(
        name=library.id,
        python=None,
        installer="pip",
        libraries=(library.id,),
        reason="it is no Python package",
        steps=tuple(steps),
    )


def _judged(machine: Machine) -> Judged:
    if machine.os is None:
        return Judged(hostname=machine.identity.hostname, hypothetical=machine.hypothetical)
    return Judged(
        hostname=machine.identity.hostname,
        system=machine.os.system,
        architecture=machine.os.architecture,
        hypothetical=machine.hypothetical,
    )
