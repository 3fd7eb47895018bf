"""The steps that fill one environment, as commands of its installer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from llmcheck import shell
from llmcheck.install.blockers import toolkit_for
from llmcheck.install.incompatibility import numbers, tool
from llmcheck.install.installed_packages import (
    COMPANIONS,
    Change,
    InstalledPackages,
    abi_warnings,
    companion,
    transitive_upgrades,
)
from llmcheck.install.packages import jax_for, llama_cpp_for, mlx_for
from llmcheck.install.specifiers import bounded, excluded, floor_of, name_of
from llmcheck.install.target import PlanOptions, Target
from llmcheck.schema.advice import Installer, Step, TorchBuild
from llmcheck.schema.machine import CudaToolkit, Machine, normalized_name
from llmcheck.tables.library import Library, Resolutions

_VARIANTS = {"jax": jax_for, "mlx": mlx_for}
TORCH_FAMILY = ("torch", *COMPANIONS)
# torchaudio is frozen at 2.11 for CUDA 13.0 and refuses a torch of another CUDA minor at import; measured 2026-11-22.
_TORCH_OF_TORCHAUDIO = "==2.14.1"
# What a build without isolation has to find; the floors are releases of 2025, resolved 2026-11-23.
_BUILD_TOOLS = ("setuptools>=80", "wheel>=0.45", "packaging>=25.0", "ninja>=1.11")

# A kernel on every card, without a quote that some shell would change: a card may be seen and hold no code for it.
_PROOF_OF_CARDS = (
    "torch.cuda.is_available() and "
    "all((torch.ones(1).cuda(i) + 1).item() == 2 for i in range(torch.cuda.device_count()))"
)
_PROOFS = {
    "cpu": "True",
    "mps": "torch.backends.mps.is_available()",
    "xpu": "torch.xpu.is_available() and (torch.ones(1).xpu() + 1).item() == 2",
}


class InstallerCommands(Struct, frozen=True):
    """How requirements are asked for in one environment, and what is there already."""

    installer: Installer
    python: str
    options: PlanOptions
    held: InstalledPackages = InstalledPackages()
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
        requires: Sequence[str] = (),
        changes: Sequence[Change] = (),
        perhaps: Mapping[str, Sequence[Change]] | None = None,
        warnings: Sequence[str] = (),
    ) -> Step:
        """No package that is there is replaced silently: what the requirements exclude is told beside ``changes``.

        ``perhaps``: what may be replaced for the sake of a library, by its name. ``warnings``: what stays and may not
        work any more.
        """
        argv = [*self._install(), *self._spelled(options, requirements), *requirements]
        argv += ["--index-url", index_url] if index_url else []
        argv += ["--extra-index-url", extra_index_url] if extra_index_url else []
        told = {each.name: each for each in (*self.held.against(requirements), *changes)}
        drawn = {
            library: [each for each in every if each.name not in told] for library, every in (perhaps or {}).items()
        }
        names = [*told, *(each.name for every in drawn.values() for each in every)]
        return step(
            argv,
            reason,
            self.options,
            variables=variables,
            kind="install",
            requirements=tuple(requirements),
            index_url=index_url,
            extra_index_url=extra_index_url,
            options=tuple(options),
            requires=(*requires, *(["uv"] if self.installer == "uv" and not self.inside else [])),
            changes=(*map(str, told.values()), *(_perhaps(*each) for each in drawn.items() if each[1]), *warnings),
            undo=self._back(names, "--force-reinstall" in options) if names else None,
        )

    def _back(self, names: Sequence[str], forced: bool) -> str:
        """One more command of this installer: the way back."""
        pins = self.held.back(names)
        options = ["--force-reinstall"] if forced else []
        if self.installer == "uv" and "--extra-index-url" in pins:
            options += ["--index-strategy", "unsafe-best-match"]  # else PyTorch's index alone counts for what it holds
        return shell.line([*self._install(), *self._spelled(options, names), *pins], self.options.shell)

    def _install(self) -> list[str]:
        if self.installer == "pip":
            return [self.python, "-m", "pip", "install"]
        uv = [self.python, "-m", "uv"] if self.inside else ["uv"]
        return [*uv, "pip", "install", "--python", self.python]

    def _spelled(self, options: Sequence[str], requirements: Sequence[str]) -> list[str]:
        if self.installer == "pip" or "--force-reinstall" not in options:
            return list(options)
        again = [f"--reinstall-package={name_of(each)}" for each in requirements]
        return [*again, *(option for option in options if option != "--force-reinstall")]


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


class Proof(Struct, frozen=True):
    """What shows that torch works."""

    build: TorchBuild
    expected: str
    """What is known of the version that it prints, in words."""


def pip_of(
    target: Target, members: Sequence[Library], machine: Machine, options: PlanOptions, held: InstalledPackages
) -> tuple[InstallerCommands, list[Step]]:
    """The installer of an environment, and the steps that bring it there."""
    fresh = target.folder is not None
    needs_uv = any(library.installer == "uv" for library in members)
    has_uv = tool(machine, "uv") is True
    by_choice = options.installer == "uv" or (options.installer == "auto" and has_uv and not target.conda)
    if by_choice or (needs_uv and (has_uv or "uv" in target.requires)):
        return InstallerCommands("uv", target.python, options, held), []
    steps = []
    plain = InstallerCommands("pip", target.python, options, held)
    if not fresh and not target.conda and machine.software.packages is not None and "pip" not in held.packages:
        argv = [target.python, "-m", "ensurepip", "--upgrade"]
        steps.append(step(argv, "this environment has no pip", options, kind="environment"))
    if not needs_uv:
        return plain, steps
    steps.append(plain.step(["uv>=0.9"], "pip does not get through what comes next in an hour, uv in half a minute"))
    return InstallerCommands("uv", target.python, options, held, inside=True), steps


def torch_step(
    pip: InstallerCommands, torch: TorchBuild, names: set[str], fault: str | None, libraries: Sequence[Library]
) -> Step:
    """torch and its companions from one index: that of the torch that is there, or of the build for this machine.

    ``fault``: why the torch that is installed is of no use. ``libraries``: those whose fate a new torch decides.
    """
    held, version = pip.held, pip.held.version("torch")
    reason = f"PyTorch: {torch.reason}"
    torchaudio = "torchaudio" in names or ("torch" in names and held.version("torchaudio") is not None)
    audio = torchaudio and torch.tag in ("cu132", "cpu", "mps")
    requirement = bounded(torch.requirement, _TORCH_OF_TORCHAUDIO) if audio else torch.requirement
    moved = audio and version is not None and numbers(version)[:3] > numbers(_TORCH_OF_TORCHAUDIO)
    if audio:
        reason += "; torchaudio imports beside torch 2.14.1, not beside newer ones"
    index = torch.index_url
    if audio and index is not None and torch.tag == "cu132":  # where PyPI's torch 2.14.1, of CUDA 13.0, is not the one
        from llmcheck.install.torch import index_of

        index = index_of("cu130")
    if version is not None and "torch" not in names and not moved:
        beside = [companion(name, version, exact=True) for name in COMPANIONS if name in names]
        return pip.step(beside, f"to go with the installed torch {version}", index_url=held.torch_index)
    changes: list[Change] = []
    if version is not None and fault is not None:
        changes.append(Change("torch", version, fault))
    elif moved and version is not None:
        changes.append(Change("torch", version, "torchaudio does not import beside it"))
    elif version is not None:
        changes += held.against([requirement])
    along = [name for name in COMPANIONS if changes and held.version(name)]
    if fault is not None:
        changes += [Change(name, held.version(name) or "", "it is made for that torch") for name in along]
    floor = floor_of(requirement)
    companions = [companion(name, floor, exact=False) for name in COMPANIONS if name in {*names, *along}]
    # An installer would keep the release that satisfies the name.
    options = ["--force-reinstall"] if changes and fault is not None else []
    return pip.step(
        [requirement, *companions],
        reason,
        index_url=index,
        options=options,
        changes=changes,
        warnings=abi_warnings(held, requirement, libraries) if changes else (),
    )


def reinstall_steps(pip: InstallerCommands, requirements: Sequence[str]) -> list[Step]:
    """For what is listed as installed while its files are gone, which an installer takes for done."""
    companions = [each for each in requirements if name_of(each) in COMPANIONS]
    others = [each for each in requirements if each not in companions]
    why, again = "listed as installed, and the files are missing", ["--force-reinstall", "--no-deps"]
    by_index = ((others, None), (companions, pip.held.torch_index))
    return [pip.step(asked, why, index_url=index, options=again) for asked, index in by_index if asked]


def library_steps(
    pip: InstallerCommands,
    members: Sequence[Library],
    asked: Mapping[str, str],
    machine: Machine,
    tag: str | None,
    libraries: Sequence[Library],
    resolutions: Resolutions | None,
) -> list[Step]:
    """What is asked of the index: the plain ones in one command, each that is built or comes from elsewhere alone.

    ``tag``: the build of torch that is there by then. ``libraries``: those whose fate a new torch decides.
    ``resolutions``: what the members were last seen to bring.
    """
    plain = [library for library in members if library.id != "llama-cpp" and not _is_special(library)]
    steps = []
    if plain:
        steps.append(_plain_step(pip, plain, asked, machine, libraries, resolutions))
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
            steps += _special(pip, library, asked, toolkit_for(machine, tag))
    return steps


def verify_steps(
    members: Sequence[Library],
    torch: Proof | None,
    others: Sequence[str],
    target: Target,
    options: PlanOptions,
) -> list[Step]:
    """What proves the environment, with what it prints when all is well. ``others``: packages of unknown modules."""
    steps = []
    if torch is not None:
        tag = torch.build.tag
        source = f"import sys, torch; ok = {_PROOFS.get(tag, _PROOF_OF_CARDS)}; print(torch.__version__, ok); "
        what = "torch imports" if tag == "cpu" else "torch sees the GPU, and computes on it"
        argv = [target.python, "-c", f"{source}sys.exit(not ok)"]
        steps.append(step(argv, what, options, kind="verify", expect=f"{torch.expected}, and True"))
    imported = [library for library in members if library.import_name and library.id != "torch"]
    sources = [library.verify for library in imported if library.verify]
    modules = [library.import_name or "" for library in imported if not library.verify]
    if modules:
        sources.append(f"import {', '.join(modules)}")
    if sources:
        source = "; ".join([*sources, "print(True)"])
        argv = [target.python, "-c", source]
        steps.append(step(argv, "the libraries import", options, kind="verify", expect="True, in the last line"))
    if others:
        source = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
        argv = [target.python, "-c", source, *map(name_of, others)]
        steps.append(step(argv, "the other packages are there", options, kind="verify", expect="a version of each"))
    return steps


def _plain_step(
    pip: InstallerCommands,
    plain: Sequence[Library],
    asked: Mapping[str, str],
    machine: Machine,
    libraries: Sequence[Library],
    resolutions: Resolutions | None,
) -> Step:
    requirements = list(dict.fromkeys(each for library in plain for each in requirements_of(library, asked, machine)))
    own = {normalized_name(name) for library in plain for name in library.distributions}
    perhaps: dict[str, list[Change]] = {}
    for library in plain:
        passed = own | {each.name for every in perhaps.values() for each in every} | {"torch"}
        drawn = transitive_upgrades(pip.held, library, resolutions)
        perhaps[library.name] = [each for each in drawn if each.name not in passed]
    pinning = next((library for library in plain if library.pins_torch), None)
    pin, version = pinning.torch if pinning else None, pip.held.version("torch")
    changes, warnings = [], []
    if pinning is not None and pin and version is not None and excluded(version, pin):
        changes.append(Change("torch", version, f"{pinning.name} pins torch{pin}"))
        warnings = abi_warnings(pip.held, f"torch{pin}", [each for each in libraries if each not in plain])
    reason = "; ".join(f"{library.name}: {library.summary}" for library in plain)
    return pip.step(requirements, reason, changes=changes, perhaps=perhaps, warnings=warnings)


def requirements_of(library: Library, asked: Mapping[str, str], machine: Machine) -> list[str]:
    """With the floor of the catalogue, and what the tier asks of the version; the extra that fits the machine."""
    requirements = [bounded(requirement, asked.get(library.id, "")) for requirement in library.requirements]
    return [_VARIANTS[name](each, machine) if (name := name_of(each)) in _VARIANTS else each for each in requirements]


def _perhaps(library: str, changes: Sequence[Change]) -> str:
    listed = ", ".join(f"{each.name} {each.version} ({each.why})" for each in changes)
    return f"may be replaced, for {library} was last resolved with other releases: {listed}"


def _is_special(library: Library) -> bool:
    return not library.build_isolation or library.extra_index_url is not None


def _special(
    pip: InstallerCommands, library: Library, asked: Mapping[str, str], toolkit: CudaToolkit | None
) -> list[Step]:
    requirements = [bounded(each, asked.get(library.id, "")) for each in library.requirements]
    reason = f"{library.name}: {library.summary}"
    if library.build_isolation:
        return [pip.step(requirements, reason, extra_index_url=library.extra_index_url)]
    tools = pip.step(_BUILD_TOOLS, f"what the build of {library.name} has to find in the environment")
    built = pip.step(
        requirements,
        f"{reason}; compiled here against the torch that is installed, a few files at a time to spare the RAM",
        options=["--no-build-isolation"],
        variables={"MAX_JOBS": "4", **({"CUDA_HOME": toolkit.path} if toolkit else {})},
        requires=library.tools,
    )
    return [tools, built]


def useless(held: InstalledPackages, torch: TorchBuild) -> str:
    """Why an installed torch gives way, where GPUs are there that it cannot use."""
    cpu = held.torch is not None and held.torch.build == "cpu"
    return "it is a CPU build, and this machine has GPUs" if cpu else f"it cannot use the GPUs; {torch.tag} can"
