"""The steps that create and fill one environment, in order."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.install.commands import InstallRequest, command_step, installer_commands
from llmcheck.install.library_steps import library_proof_steps, library_steps, reinstall_steps
from llmcheck.install.presence import Presence
from llmcheck.install.request import PlanRequest
from llmcheck.install.specifiers import excluded, name_of, specifier_of
from llmcheck.install.target import SHARED, PlanOptions, Target
from llmcheck.install.torch_step import TorchProof, torch_proof_step, torch_step
from llmcheck.install.wheels import TORCH_FAMILY
from llmcheck.schema.advice import Environment, Step, TorchBuild
from llmcheck.schema.machine import normalized_name
from llmcheck.tables.library import Library


def environment_plan(
    target: Target, members: Sequence[Library], presence: Presence, request: PlanRequest, reason: str | None = None
) -> Environment:
    """The steps that create it if necessary, install torch, install the other libraries, and verify them.

    ``reason``: why it is a separate environment; None for the shared one.
    """
    options = request.options
    steps: list[Step] = []
    if target.make:
        created = command_step(target.make, target.reason, options, kind="environment", requires=target.requires)
        steps.append(created)
    commands, preparing = installer_commands(target, members, request.machine, options, presence.installed)
    if target.folder is None and request.machine.software.issues:
        from llmcheck.install.mending import mending_steps  # few environments have issues

        steps += mending_steps(request.machine, _concerned(members, request), commands, options)
    reinstalled = {each.id for each in members if each.id in presence.broken} - {"torch"}
    steps += [*preparing, *reinstall_steps(commands, [presence.broken[name] for name in sorted(reinstalled)])]
    others = [each for each in request.tables.libraries.values() if each not in members]
    torch, family = _torch_in(target, members, request)
    family -= reinstalled
    requirements: tuple[str, ...] = ()
    if family:
        steps.append(torch_step(commands, torch, family, presence, request, others))
        requirements = steps[-1].requirements
    rest = [each for each in members if each.id not in (*TORCH_FAMILY, *reinstalled)]
    kept = presence.installed.torch if "torch" not in family else None
    steps += library_steps(commands, rest, request, kept.build if kept else torch.tag, others)
    uncatalogued = request.uncatalogued if target.name == SHARED else ()
    if uncatalogued:
        steps.append(commands.step(InstallRequest(uncatalogued, "packages of the tier that are not in the catalogue")))
    proof = _torch_proof(members, torch, requirements, presence, request)
    steps += [torch_proof_step(proof, target, options)] if proof else []
    steps += library_proof_steps(members, uncatalogued, tuple(steps), target, commands)
    return Environment(
        name=target.name,
        python=target.python,
        python_version=target.version,
        folder=target.folder,
        installer=commands.installer,
        libraries=tuple(library.id for library in members),
        reason=reason,
        steps=tuple(steps),
    )


def non_python_environment(library: Library, options: PlanOptions) -> Environment:
    """A container or a build from source: its documented commands, in order."""
    import shlex  # few libraries have such commands

    steps = []
    for number, line in enumerate(library.commands):
        argv = shlex.split(line)
        reason = f"{library.name}: {library.summary}" if number == 0 else f"{library.name}, continued"
        is_last = number == len(library.commands) - 1
        kind = "run" if is_last and library.start_by_hand else "build"
        requires = library.tools if number == 0 else ()
        steps.append(command_step(argv, reason, options, kind=kind, requires=requires))
    return Environment(
        name=library.id,
        python=None,
        installer="pip",
        libraries=(library.id,),
        reason="it is not a Python package",
        steps=tuple(steps),
    )


def _concerned(members: Sequence[Library], request: PlanRequest) -> set[str]:
    """The packages of the plan and those that its tier has already."""
    libraries = [*members, *map(request.library, request.tier.present)]
    return {*TORCH_FAMILY, *(normalized_name(name) for each in libraries for name in each.distributions)}


def is_python(library: Library) -> bool:
    """Whether it is installed in a Python environment."""
    return library.install in ("pip", "service") or library.id == "llama-cpp"


def _torch_in(target: Target, members: Sequence[Library], request: PlanRequest) -> tuple[TorchBuild, set[str]]:
    """The build for an environment, and the packages of the torch family that need a separate step."""
    pinning = _pinning(members)
    if pinning is None:
        return request.torch_for(target.version), {library.id for library in members} & set(TORCH_FAMILY)
    torch = request.torch_for(target.version, pinning.torch or "")
    # The library itself installs torch from PyPI; from another index the pinned release has to be installed first.
    return torch, {"torch"} if torch.index_url and not pinning.driver else set()


def _torch_proof(
    members: Sequence[Library],
    torch: TorchBuild,
    requirements: Sequence[str],
    presence: Presence,
    request: PlanRequest,
) -> TorchProof | None:
    """None if the plan does not install torch. ``requirements``: those of the torch step."""
    pinning = _pinning(members)
    if pinning is not None:
        is_table_version = not excluded(pinning.version or "", request.specifiers.get(pinning.id, ""))
        expected = (
            f"a version ({pinning.torch} with {pinning.name} {pinning.version})" if is_table_version else "a version"
        )
        pin = pinning.torch or "" if is_table_version else ""
        return TorchProof(torch, expected, pin) if requirements or not torch.index_url else None
    specifier = next((specifier_of(each) for each in requirements if name_of(each) == "torch"), None)
    expected = (
        f"a version {specifier}" if specifier is not None else f"the version {presence.installed.version('torch')}"
    )
    return TorchProof(torch, expected, specifier or "") if requirements else None


def _pinning(members: Sequence[Library]) -> Library | None:
    return next((library for library in members if library.pins_torch), None)
