"""The steps that fill one environment, as commands of its installer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmcheck import shell
from llmcheck.advice import Installer, Step, TorchBuild
from llmcheck.advise.suitability import numbers, tool
from llmcheck.advise.target import PlanOptions, Target
from llmcheck.advise.variants import jax_for, llama_cpp_for, mlx_for
from llmcheck.library import Library
from llmcheck.machine import Machine

_VARIANTS = {"jax": jax_for, "mlx": mlx_for}
_SIMPLE = re.compile(r">=(\d+(?:\.\d+)*)$")
_FLOORS = (">=", "==", "~=")
TORCH_FAMILY = ("torch", "torchvision", "torchaudio")
# torchaudio is frozen at 2.11 for CUDA 13.0 and refuses a torch of another CUDA minor at import; measured 2026-11-22.
_TORCH_OF_TORCHAUDIO = "torch==2.14.1"
# What a build without isolation has to find; the floors are releases of 2025, resolved 2026-11-23.
_BUILD_TOOLS = ("setuptools>=80", "wheel>=0.45", "packaging>=25.0", "ninja>=1.11")


class Pip(NamedTuple):
    """How requirements are asked for in one environment."""

    installer: Installer
    python: str
    options: PlanOptions
    inside: bool = False
    """uv is itself installed in that environment."""

    def step(
        self,
        requirements: Sequence[str],
        reason: str,
        *,
        index_url: str | None = None,
        extra_index_url: str | None = None,
        options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> Step:
        argv = [*self._install(), *self._spelled(options), *requirements]
        argv += ["--index-url", index_url] if index_url else []
        argv += ["--extra-index-url", extra_index_url] if extra_index_url else []
        return step(
            argv,
            reason,
            self.options,
            variables=variables,
            kind=facts.pop("kind", "install"),
            requirements=tuple(requirements),
            index_url=index_url,
            extra_index_url=extra_index_url,
            options=tuple(options),
            **facts,
        )

    def line(self, *arguments: str) -> str:
        """One more command of this installer: the way back."""
        return shell.line([*self._install(), *arguments], self.options.shell)

    def _install(self) -> list[str]:
        if self.installer == "pip":
            return [self.python, "-m", "pip", "install"]
        uv = [self.python, "-m", "uv"] if self.inside else ["uv"]
        return [*uv, "pip", "install", "--python", self.python]

    def _spelled(self, options: Sequence[str]) -> list[str]:
        if self.installer == "pip":
            return list(options)
        return ["--reinstall-package=torch" if option == "--force-reinstall" else option for option in options]


def step(
    argv: Sequence[str],
    reason: str,
    how: PlanOptions,
    *,
    variables: Mapping[str, str] | None = None,
    **facts: Any,
) -> Step:
    """Raises DataError for an argument that no command line can carry."""
    line = shell.line(argv, how.shell, variables)
    return Step(command=line, argv=tuple(argv), variables=dict(variables or {}), reason=reason, **facts)


def pip_of(
    target: Target, members: Sequence[Library], machine: Machine, options: PlanOptions
) -> tuple[Pip, list[Step]]:
    """The installer of an environment, and the steps that bring it there."""
    packages = {package.name for package in machine.software.packages or ()}
    fresh = target.folder is not None
    needs_uv = any(library.installer == "uv" for library in members)
    has_uv = tool(machine, "uv") is True
    if target.conda and not needs_uv:
        return Pip("pip", target.python, options), []
    if (
        options.installer == "uv"
        or (options.installer == "auto" and has_uv)
        or (needs_uv and (has_uv or "uv" in target.requires))
    ):
        return Pip("uv", target.python, options), []
    steps = []
    plain = Pip("pip", target.python, options)
    if not fresh and machine.software.packages is not None and "pip" not in packages:
        argv = [target.python, "-m", "ensurepip", "--upgrade"]
        steps.append(step(argv, "this environment has no pip", options, kind="environment"))
    if not needs_uv:
        return plain, steps
    steps.append(plain.step(["uv>=0.9"], "pip does not get through what comes next in an hour, uv in half a minute"))
    return Pip("uv", target.python, options, inside=True), steps


def torch_step(
    pip: Pip, torch: TorchBuild, names: set[str], pin: str, machine: Machine, fresh: bool, replaces: bool
) -> Step:
    """torch and its companions from one index: that of the torch that is there, or of the build for this machine.

    ``pin``: what a member says of torch, or the tier (PEP 440). ``replaces``: the torch that is installed is no use.
    """
    installed = machine.software.torch if not fresh else None
    requirement, reason, index = _bounded(torch.requirement, pin), f"PyTorch: {torch.reason}", torch.index_url
    requirements, options, changes = [requirement], [], []
    if "torch" not in names and installed is not None and installed.version:
        requirements, reason = [], f"to go with the installed torch {installed.version}"
        index = _index_of_installed(installed.build)
    elif replaces and installed is not None:
        options.append("--force-reinstall")  # an installer would keep the release that satisfies the name
        changes.append(f"torch {installed.version} is replaced: {_useless(installed.build, torch)}")
    if "torchaudio" in names and torch.tag in ("cu132", "cpu", "mps"):
        requirements = [_TORCH_OF_TORCHAUDIO]
        reason += "; torchaudio imports beside torch 2.14.1, not beside newer ones"
        if installed is not None and installed.version and numbers(installed.version)[:3] > (2, 14, 1):
            changes.append(f"torch {installed.version} is replaced: torchaudio does not import beside it")
    requirements += [name for name in ("torchvision", "torchaudio") if name in names]
    undo = None
    if changes and installed is not None and installed.version:
        undo = _back(pip, "torch", installed.version, _index_of_installed(installed.build))
    return pip.step(requirements, reason, index_url=index, options=options, changes=tuple(changes), undo=undo)


def library_steps(
    pip: Pip,
    members: Sequence[Library],
    asked: Mapping[str, str],
    resolved: Mapping[str, str],
    machine: Machine,
    target: Target,
) -> list[Step]:
    """What is asked of the index: the plain ones in one command, each that is built or comes from elsewhere alone.

    ``resolved``: the releases that the strictest member was last seen to bring, by name.
    """
    plain = [library for library in members if library.id != "llama-cpp" and not _is_special(library)]
    steps = []
    if plain:
        steps.append(_plain_step(pip, plain, asked, resolved, machine, target))
    for library in members:
        if library.id == "llama-cpp":
            flavour = llama_cpp_for(machine)
            requirements = requirements_of(library, asked, machine)
            steps.append(
                pip.step(
                    requirements,
                    f"llama.cpp through its Python binding, {flavour.reason}",
                    extra_index_url=flavour.extra_index_url,
                    options=flavour.options,
                    variables=flavour.variables,
                    requires=flavour.requires,
                )
            )
        elif _is_special(library):
            steps += _special(pip, library, asked)
    return steps


def verify_steps(
    members: Sequence[Library], torch: TorchBuild | None, pin: str, target: Target, options: PlanOptions
) -> list[Step]:
    """What proves the environment, with what it prints when all is well. ``pin``: what a member says of torch."""
    steps = []
    if torch is not None:
        gpu = {"mps": "torch.backends.mps.is_available()", "xpu": "torch.xpu.is_available()"}.get(torch.tag)
        gpu = gpu or ("True" if torch.tag == "cpu" else "torch.cuda.is_available()")
        source = f"import sys, torch; ok = {gpu}; print(torch.__version__, ok); sys.exit(not ok)"
        what = "torch imports" if torch.tag == "cpu" else "torch sees the GPU"
        expect = f"a version {pin or torch.requirement.removeprefix('torch')}, and True"
        steps.append(step([target.python, "-c", source], what, options, kind="verify", expect=expect))
    imported = [library for library in members if library.import_name and library.id != "torch"]
    sources = [library.verify for library in imported if library.verify]
    modules = [library.import_name or "" for library in imported if not library.verify]
    if modules:
        sources.append(f"import {', '.join(modules)}")
    if sources:
        source = "; ".join([*sources, "print(True)"])
        argv = [target.python, "-c", source]
        steps.append(step(argv, "the libraries import", options, kind="verify", expect="True, in the last line"))
    return steps


def _plain_step(
    pip: Pip,
    plain: Sequence[Library],
    asked: Mapping[str, str],
    resolved: Mapping[str, str],
    machine: Machine,
    target: Target,
) -> Step:
    requirements = list(dict.fromkeys(each for library in plain for each in requirements_of(library, asked, machine)))
    changes: list[str] = []
    back: list[str] = []
    if target.folder is None:
        for name, version, why in _replaced(plain, asked, resolved, machine):
            changes.append(f"{name} {version} is replaced: {why}")
            back.append(f"{name}=={version.split('+')[0]}")
    reason = "; ".join(f"{library.name}: {library.summary}" for library in plain)
    return pip.step(requirements, reason, changes=tuple(changes), undo=pip.line(*back) if back else None)


def _replaced(
    plain: Sequence[Library], asked: Mapping[str, str], resolved: Mapping[str, str], machine: Machine
) -> Iterator[tuple[str, str, str]]:
    """Name, installed version and reason of what will not stay as it is."""
    installed = {package.name: package.version for package in machine.software.packages or ()}
    for library in plain:
        for name in library.distributions:
            if name in installed:
                yield name, installed[name], f"{library.name} {asked.get(library.id, '')} is asked for"
    bringer = next((library for library in plain if library.brings_torch), None)
    if bringer is None:
        return
    torch = machine.software.torch
    if torch is not None and torch.version and _excluded(torch.version, bringer.torch):
        yield "torch", torch.version, f"{bringer.name} pins torch{bringer.torch or ''}"
    for name in ("transformers", "datasets", "numpy"):
        if name in installed and name in resolved and _excluded(installed[name], f"<={resolved[name]}"):
            yield name, installed[name], f"{bringer.name} was last resolved with {resolved[name]}"


def requirements_of(library: Library, asked: Mapping[str, str], machine: Machine) -> list[str]:
    """With the floor of the catalogue, and what the tier asks of the version; the extra that fits the machine."""
    requirements = [_bounded(requirement, asked.get(library.id, "")) for requirement in library.requirements]
    return [_VARIANTS[name](each, machine) if (name := _name(each)) in _VARIANTS else each for each in requirements]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _bounded(requirement: str, specifier: str) -> str:
    """A requirement that also holds what is asked; where its own floor cannot, only what is asked."""
    simple = _SIMPLE.search(requirement), _SIMPLE.fullmatch(specifier)
    if not specifier or (simple[0] and simple[1] and numbers(simple[1][1]) <= numbers(simple[0][1])):
        return requirement  # which is nearly always so
    from packaging.requirements import Requirement  # 25 ms
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    parsed, asked = Requirement(requirement), SpecifierSet(specifier)
    floors = [Version(each.version.removesuffix(".*")) for each in parsed.specifier if each.operator in _FLOORS]
    ceilings = [Version(each.version.removesuffix(".*")) for each in asked if each.operator in ("<", "<=", "==", "~=")]
    if floors and asked.contains(max(floors), prereleases=True):
        kept = SpecifierSet(",".join(str(each) for each in asked if each.operator not in (">=", ">")))
        parsed.specifier &= kept
    elif floors and ceilings and min(ceilings) <= max(floors):
        parsed.specifier = asked
    else:
        parsed.specifier &= asked
    return str(parsed)


def _excluded(version: str, pin: str | None) -> bool:
    if not pin:
        return True
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        return not SpecifierSet(pin).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _is_special(library: Library) -> bool:
    return not library.build_isolation or library.extra_index_url is not None


def _special(pip: Pip, library: Library, asked: Mapping[str, str]) -> list[Step]:
    requirements = [_bounded(each, asked.get(library.id, "")) for each in library.requirements]
    reason = f"{library.name}: {library.summary}"
    if library.build_isolation:
        return [pip.step(requirements, reason, extra_index_url=library.extra_index_url)]
    tools = pip.step(_BUILD_TOOLS, f"what the build of {library.name} has to find in the environment")
    built = pip.step(
        requirements,
        f"{reason}; compiled here against the torch that is installed, a few files at a time to spare the RAM",
        options=["--no-build-isolation"],
        variables={"MAX_JOBS": "4"},
        requires=library.tools,
    )
    return [tools, built]


def _useless(build: str | None, torch: TorchBuild) -> str:
    return (
        "it is a CPU build, and this machine has GPUs" if build == "cpu" else f"it cannot use the GPUs; {torch.tag} can"
    )


def _index_of_installed(build: str | None) -> str | None:
    """None where PyPI holds it."""
    from llmcheck.advise.torch import index_of

    return None if build in (None, "cu132", "cu130", "mps") else index_of(build)


def _back(pip: Pip, name: str, version: str, index: str | None) -> str:
    arguments = [f"{name}=={version.split('+')[0]}", *(["--index-url", index] if index else [])]
    return pip.line("--force-reinstall", *arguments) if pip.installer == "pip" else pip.line(*arguments)
