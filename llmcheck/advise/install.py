"""The plan: which environments are filled with what and in which order, and what to know before pasting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmcheck.advice import Environment, Judged, LeftOut, Plan, Step, TorchBuild
from llmcheck.advise.choose import Wanted
from llmcheck.advise.commands import TORCH_FAMILY, library_steps, pip_of, step, torch_step, verify_steps
from llmcheck.advise.size import size_of
from llmcheck.advise.suitability import driver_fault, numbers, tool, unsuitable
from llmcheck.advise.system import system_steps
from llmcheck.advise.target import SHARED, PlanOptions, Target, grouped, own_target, shared_target
from llmcheck.advise.torch import torch_build
from llmcheck.compatibility import torch_problem
from llmcheck.knowledge import Knowledge
from llmcheck.library import Library
from llmcheck.machine import Machine, normalized_name

_DEFAULT = PlanOptions()


def plan_installation(
    target: str,
    wanted: Sequence[str],
    machine: Machine,
    knowledge: Knowledge,
    options: PlanOptions = _DEFAULT,
    asked: Wanted | None = None,
) -> Plan:
    """Steps for the libraries ``wanted`` (catalogue ids) and what each needs first.

    ``asked``: what a tier says of them: versions, packages that the catalogue does not know, what is there already.
    Raises DataError where no safe command line can be made, because a path holds control characters.
    """
    return _Planner(target, wanted, machine, knowledge, options, asked or Wanted()).plan()


class _Planner:
    """What the parts of one plan share."""

    def __init__(
        self,
        target: str,
        wanted: Sequence[str],
        machine: Machine,
        knowledge: Knowledge,
        options: PlanOptions,
        asked: Wanted,
    ) -> None:
        self.target, self.machine, self.knowledge, self.options, self.asked = target, machine, knowledge, options, asked
        self.libraries = knowledge.libraries
        self.torch = self._torch_for(None)
        self.useless = torch_problem(machine, knowledge.wheels, knowledge.drivers) is not None
        self.installed = self._installed()
        self.wanted = list(dict.fromkeys(wanted))

    def plan(self) -> Plan:
        target = self._target()
        wanted = self.wanted
        missing = any(not self._is_satisfied(name) for name in wanted) or bool(self.asked.others)
        if target.folder is not None and (missing or self.options.venv is not None):
            # It is empty: what is installed elsewhere is of no use in it.
            self.installed = self._on_path()
            self.useless = False
            wanted = list(dict.fromkeys((*self.asked.present, *wanted)))
        satisfied = [name for name in dict.fromkeys((*wanted, *self.asked.present)) if self._is_satisfied(name)]
        kept, left_out = self._possible(wanted)
        fresh = target.folder is not None
        beside = self.installed | (set() if fresh else {each.name for each in self.machine.software.packages or ()})
        groups = grouped(kept, beside - set(kept), self.libraries, self.asked.specifiers)
        shared = self._with_needs(groups.pop(SHARED)[0])
        todo = [each for each in shared if not self._is_satisfied(each.id)]
        members = [each for each in todo if _is_python(each)]
        environments = [self._fill(target, members)] if members or self.asked.others else []
        alone = [each for each in todo if not _is_python(each)]
        for name, (ids, reason) in groups.items():
            apart = [self.libraries[each] for each in ids]
            if not any(map(_is_python, apart)):
                alone += apart
                continue
            own = self._with_needs(ids, brings_torch=any(each.brings_torch for each in apart))
            own_environment = own_target(name, own, reason, self.machine, self.options)
            environments.append(self._fill(own_environment, own, reason=reason))
        environments += [_without_python(each, self.options) for each in alone]
        planned = [self.libraries[name] for each in environments for name in each.libraries]
        system, first = self._system(environments, planned)
        with_torch = any(name in TORCH_FAMILY for each in environments for name in each.libraries)
        torch = self._torch_for(target.version) if with_torch else None
        resolutions = self.knowledge.resolutions
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
            notes=tuple(self._notes(environments, planned)),
        )

    def _torch_for(self, python: str | None) -> TorchBuild:
        """``python``: the version of an environment's Python; None is the judged one."""
        knowledge = self.knowledge
        return torch_build(self.machine, knowledge.wheels, knowledge.drivers, self.options.backend, python)

    def _target(self) -> Target:
        """The shared environment, for all that may go into it."""
        kept, _ = self._possible((*self.wanted, *self.asked.present))
        shared = [name for name in kept if not self.libraries[name].apart]
        members = [each for each in self._with_needs(shared) if _is_python(each) and not self._is_satisfied(each.id)]
        return shared_target(members, self.machine, self.options)

    def _possible(self, wanted: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
        """What is missing and can work here, and what cannot, with the reason."""
        kept, left_out = [], []
        for name in dict.fromkeys(wanted):
            if self._is_satisfied(name):
                continue
            library = self.libraries[name]
            reason = unsuitable(library, self.machine) or self._against_torch(library)
            if reason is None:
                kept.append(name)
            else:
                left_out.append((name, reason + (f". {library.note}" if library.note else "")))
        return kept, left_out

    def _against_torch(self, library: Library) -> str | None:
        """A wheel that is compiled for another torch than the one that this machine gets loads none of its kernels."""
        if library.brings_torch or not library.torch or library.build or not library.torch.startswith("=="):
            return None
        from packaging.requirements import Requirement

        build = Requirement(self.torch.requirement)
        series = library.torch.removeprefix("==").removesuffix(".*")
        if build.specifier.contains(f"{series}.0" if series.count(".") == 1 else series, prereleases=True):
            return None
        return f"{library.name} is compiled for torch {series}, this machine gets {self.torch.requirement}"

    def _installed(self) -> set[str]:
        """What is there and works: a torch that cannot use the GPUs is not."""
        names = {package.name for package in self.machine.software.packages or ()}
        there = {
            library.id
            for library in self.libraries.values()
            if names & {normalized_name(name) for name in library.distributions}
        }
        return (there - ({"torch"} if self.useless else set())) | self._on_path()

    def _on_path(self) -> set[str]:
        """The libraries whose programs are there, whatever environment is used."""
        tools = {each.name for each in self.machine.software.tools or () if each.path}
        return {library.id for library in self.libraries.values() if tools & set(library.binaries)}

    def _is_satisfied(self, name: str) -> bool:
        """Installed, and in a version that the tier accepts."""
        specifier = self.asked.specifiers.get(name)
        if name not in self.installed or not specifier:
            return name in self.installed
        from packaging.specifiers import SpecifierSet
        from packaging.version import InvalidVersion, Version

        names = {normalized_name(each) for each in self.libraries[name].distributions}
        versions = [package.version for package in self.machine.software.packages or () if package.name in names]
        try:
            return any(SpecifierSet(specifier).contains(Version(each), prereleases=True) for each in versions)
        except InvalidVersion:
            return True  # it cannot be compared, and is not to be replaced for that

    def _with_needs(self, wanted: Sequence[str], *, brings_torch: bool = False) -> list[Library]:
        """The libraries with what each needs before it, every one once."""
        ordered: list[str] = []

        def add(name: str) -> None:
            for needed in self.libraries[name].needs:
                if not (brings_torch and needed in TORCH_FAMILY):
                    add(needed)
            if name not in ordered:
                ordered.append(name)

        for name in wanted:
            add(name)
        return [self.libraries[name] for name in ordered]

    def _fill(self, target: Target, members: Sequence[Library], reason: str | None = None) -> Environment:
        """Make it if need be, torch by its index, the rest in one command, then the proof."""
        fresh = target.folder is not None
        torch = self._torch_for(target.version)
        steps: list[Step] = []
        if target.make:
            steps.append(step(target.make, target.reason, self.options, kind="environment", requires=target.requires))
        pip, more = pip_of(target, members, self.machine, self.options)
        steps += more
        names = {library.id for library in members}
        bringer = next((library for library in members if library.brings_torch), None)
        pin = (bringer.torch or "") if bringer else self.asked.specifiers.get("torch", "")
        family = names & set(TORCH_FAMILY)
        if bringer is not None:
            # PyPI's own torch is what it pins; from another index the pinned release has to be there first.
            family = {"torch"} if torch.index_url and not bringer.driver else set()
        if family:
            replaces = self.useless and not fresh
            steps.append(torch_step(pip, torch, family, pin, self.machine, fresh, replaces))
        rest = [library for library in members if library.id not in TORCH_FAMILY]
        steps += library_steps(pip, rest, self.asked.specifiers, self._resolved(bringer), self.machine, target)
        if target.name == SHARED and self.asked.others:
            steps.append(pip.step(self.asked.others, "what the tier asks for beyond the catalogue"))
        known_torch = torch if family or (bringer is not None and not torch.index_url) else None
        steps += verify_steps(members, known_torch, pin, target, self.options)
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

    def _resolved(self, library: Library | None) -> Mapping[str, str]:
        resolutions = self.knowledge.resolutions
        closure = resolutions.libraries.get(library.id) if resolutions and library else None
        return closure.packages if closure else {}

    def _system(
        self, environments: Sequence[Environment], planned: Sequence[Library]
    ) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        """What an administrator does first, for what is planned."""
        # How llama.cpp comes, and so what it takes, differs from machine to machine: its step says it.
        tools = [each for library in planned if library.id != "llama-cpp" for each in library.tools]
        tools += [each for environment in environments for made in environment.steps for each in made.requires]
        missing = [name for name in dict.fromkeys(tools) if tool(self.machine, name) is False]
        needs_gpu = any(library.needs_nvidia or library.id == "torch" for library in planned)
        wanted = max((library.driver for library in planned if library.driver), key=numbers, default=None)
        return system_steps(
            self.machine,
            missing,
            self.knowledge.recipes,
            needs_gpu=needs_gpu,
            wanted_driver=wanted,
            shell_name=self.options.shell,
        )

    def _notes(self, environments: Sequence[Environment], planned: Sequence[Library]) -> list[str]:
        notes = []
        if environments and self.machine.software.packages is None:
            notes.append("what is installed is not known: the plan is for an environment that holds nothing yet")
        fault = driver_fault(self.machine)
        if environments and fault:
            notes.append(f"the NVIDIA driver does not answer ({fault}): mend it first, then ask again")
        named = set(self.wanted) - set(self.asked.libraries)  # a tier's own libraries need no introduction
        notes += [
            f"{library.name}: {library.note}"
            for library in planned
            if library.note and (library.status != "active" or library.id in named)
        ]
        python = self.machine.software.python
        if python is not None and python.environment == "conda" and any(each.python for each in environments):
            notes.append("pip inside conda: update conda's own packages before, not after, or they may undo each other")
        notes += [
            f"the packages go into {each.folder}; check them with 'llmcheck check --python {each.python}'"
            for each in environments
            if each.folder is not None and each.name == SHARED
        ]
        return list(dict.fromkeys(notes))


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
        return Judged(hostname=machine.identity.hostname, stated=machine.stated)
    return Judged(
        hostname=machine.identity.hostname,
        system=machine.os.system,
        architecture=machine.os.architecture,
        stated=machine.stated,
    )
