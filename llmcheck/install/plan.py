"""Makes the installation plan: environments, their steps in order, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.gpus.cuda import cuda_of
from llmcheck.install import notes
from llmcheck.install.blockers import InstallBlockers
from llmcheck.install.choose import TierRequest
from llmcheck.install.environment import environment_plan, is_python, non_python_environment
from llmcheck.install.incompatibility import incompatibility, old_driver, tool
from llmcheck.install.kept import unusable
from llmcheck.install.presence import Presence, in_judged_environment, in_new_environment
from llmcheck.install.request import PlanRequest, plan_request
from llmcheck.install.size import size_of
from llmcheck.install.system import system_steps
from llmcheck.install.target import SHARED, VENV, PlanOptions, Target, grouped, own_target, shared_target
from llmcheck.install.wheels import TORCH_FAMILY
from llmcheck.schema.advice import ContainerImage, Environment, Judged, LeftOut, Plan, Step, TorchBuild
from llmcheck.schema.machine import Machine, normalized_name, version_numbers
from llmcheck.tables.library import Library
from llmcheck.tables.tables import Tables

_DEFAULT = PlanOptions()


def plan_installation(
    target: str,
    libraries: Sequence[str],
    machine: Machine,
    tables: Tables,
    options: PlanOptions = _DEFAULT,
    tier: TierRequest | None = None,
) -> Plan:
    """The plan for ``libraries`` (catalogue ids) and their dependencies.

    ``target``: what the user named. ``tier``: the software that a tier needs; None if no tier was named.
    Raises DataError for a path with control characters, because no safe command can contain it.
    """
    tier = tier or TierRequest()
    plan = _plan(plan_request(target, libraries, machine, tables, options, tier))
    stuck = _stuck(plan, machine)
    if stuck is None:
        return plan
    folder = f"{options.venv if options.venv_is_judged and options.venv else VENV}-2"
    elsewhere = replace(options, venv=folder, venv_is_judged=False, venv_reason=stuck)
    return _plan(plan_request(target, libraries, machine, tables, elsewhere, tier))


def left_out(tier: TierRequest, machine: Machine, tables: Tables) -> Mapping[str, str]:
    """Why libraries that a tier needs cannot be installed here, by catalogue id: what its plan would leave out."""
    return _selected(plan_request("", tier.libraries, machine, tables, _DEFAULT, tier)).left_out


class _Selection(Struct, frozen=True):
    """The requested libraries, sorted into those that can and cannot be installed."""

    target: Target
    """The shared environment."""
    presence: Presence
    """The libraries that the shared environment has already."""
    requested: tuple[str, ...]
    """Catalogue ids for the shared environment or for separate ones."""
    possible: tuple[str, ...]
    """Those that are missing and can be installed."""
    left_out: Mapping[str, str]
    """Reasons why others cannot be installed, by catalogue id."""

    def satisfied(self, request: PlanRequest) -> list[str]:
        """Catalogue ids that are installed already."""
        names = dict.fromkeys((*self.requested, *request.tier.present))
        return [each for each in names if self.presence.satisfies(request.library(each), request.specifiers)]


def _plan(request: PlanRequest) -> Plan:
    selection = _selected(request)
    environments = _environments(selection, request)
    planned = [request.library(name) for each in environments for name in each.libraries]
    with_torch = any(library.id in TORCH_FAMILY for library in planned)
    torch = request.torch_for(selection.target.version) if with_torch else None
    stopped = [request.library(name) for name in selection.left_out]
    stopped = [library for library in stopped if old_driver(library, request.machine)]
    first, system = _system(environments, planned, stopped, torch, request)
    satisfied, resolutions = selection.satisfied(request), request.tables.resolutions
    return Plan(
        target=request.target,
        machine=_judged(request.machine),
        shell=request.options.shell,
        torch=torch,
        first=(*first, *_settings(environments, request)),
        system=system,
        environments=tuple(environments),
        satisfied=tuple(satisfied),
        choices=request.tier.choices,
        left_out=tuple(LeftOut(library=name, reason=reason) for name, reason in selection.left_out.items()),
        size=size_of(environments, torch, request.machine, resolutions) if resolutions and environments else None,
        notes=tuple(dict.fromkeys(_notes(environments, planned, satisfied, selection.presence, request))),
        image=_image(environments, torch, request.tables),
    )


def _selected(request: PlanRequest) -> _Selection:
    judged = in_judged_environment(request.machine, request.tables)
    target = _shared_target(request, judged)
    missing = [each for each in request.libraries if not _is_satisfied(each, judged, request)]
    fills_new = bool(missing or request.uncatalogued or request.options.venv is not None)
    if target.folder is None or not fills_new:
        presence, requested = judged, request.libraries
    else:  # a new environment has none of the installed libraries
        presence = in_new_environment(request.machine, request.tables)
        requested = tuple(dict.fromkeys((*request.tier.present, *request.libraries)))
    lacking = [each for each in requested if not _is_satisfied(each, presence, request)]
    reasons = {each: _blocker(each, target, presence, request) for each in lacking}
    return _Selection(
        target=target,
        presence=presence,
        requested=requested,
        possible=tuple(name for name, reason in reasons.items() if reason is None),
        left_out={name: reason for name, reason in reasons.items() if reason is not None},
    )


def _environments(selection: _Selection, request: PlanRequest) -> list[Environment]:
    """The shared environment, separate ones, and last containers and builds from source."""
    target, presence = selection.target, selection.presence
    neighbours = set(presence.working)
    if target.folder is None:
        neighbours |= {each.name for each in request.machine.software.packages or ()}
    libraries = request.tables.libraries
    groups = grouped(selection.possible, neighbours - set(selection.possible), libraries, request.specifiers)
    shared = request.with_dependencies(groups.pop(SHARED)[0])
    lacking = [each for each in shared if not presence.satisfies(each, request.specifiers)]
    members = [each for each in lacking if is_python(each)]
    environments = [environment_plan(target, members, presence, request)] if members or request.uncatalogued else []
    others = [each for each in lacking if not is_python(each)]
    for name, (ids, reason) in groups.items():
        isolated = [request.library(each) for each in ids]
        if not any(map(is_python, isolated)):
            others += isolated
            continue
        own = _own_members(ids, request)
        environments.append(environment_plan(_own_target(name, own, reason, request), own, Presence(), request, reason))
    return environments + [non_python_environment(each, request.options) for each in others]


def _shared_target(request: PlanRequest, judged: Presence) -> Target:
    """The environment for all libraries that can share one."""
    names = dict.fromkeys((*request.libraries, *request.tier.present))
    libraries = [request.library(name) for name in names]
    shared = [each.id for each in libraries if not each.isolated and incompatibility(each, request.machine) is None]
    needed = request.with_dependencies(shared)
    members = [each for each in needed if is_python(each) and not judged.satisfies(each, request.specifiers)]
    needs_torch = any(each.id == "torch" for each in needed)
    return shared_target(members, request.context, request.torch_for if needs_torch else None)


def _own_members(names: Sequence[str], request: PlanRequest) -> list[Library]:
    return request.with_dependencies(names, pins_torch=any(request.library(each).pins_torch for each in names))


def _own_target(name: str, members: Sequence[Library], reason: str, request: PlanRequest) -> Target:
    needs_torch = any(each.id == "torch" for each in members)
    return own_target(name, members, reason, request.context, request.torch_for if needs_torch else None)


def _is_satisfied(name: str, presence: Presence, request: PlanRequest) -> bool:
    return presence.satisfies(request.library(name), request.specifiers)


def _blocker(name: str, shared: Target, presence: Presence, request: PlanRequest) -> str | None:
    """Why a library cannot be installed; None if no reason is known."""
    library = request.library(name)
    reason = incompatibility(library, request.machine)
    if reason is not None:
        return f"{reason}. {library.note}" if library.note else reason
    target = _own_target(name, _own_members([name], request), "", request) if library.isolated else shared
    keeps_torch = target.folder is None and _is_satisfied("torch", presence, request)
    blockers = InstallBlockers(
        machine=request.machine,
        libraries=request.tables.libraries,
        specifiers=request.specifiers,
        python_conflicts=target.python_conflicts,
        torch=request.torch_for(target.version),
        installed=request.machine.software.torch if keeps_torch else None,
        rules=request.rules,
        is_satisfied=lambda each: _is_satisfied(each, presence, request),
    )
    return blockers.reason(name)


def _system(
    environments: Sequence[Environment],
    planned: Sequence[Library],
    stopped: Sequence[Library],
    torch: TorchBuild | None,
    request: PlanRequest,
) -> tuple[tuple[str, ...], tuple[Step, ...]]:
    """Notes and steps for the system. ``stopped``: libraries that need a newer driver."""
    # The tools that llama.cpp needs depend on the machine, so its step names them.
    tools = [each for library in planned if library.id != "llama-cpp" for each in library.tools]
    tools += [each for environment in environments for step in environment.steps for each in step.requires]
    missing = [name for name in dict.fromkeys(tools) if tool(request.machine, name) is False]
    drivers = [library.driver for library in (*planned, *stopped) if library.driver]
    if torch is not None and torch.tag == "cpu" and torch.driver:
        drivers.append(torch.driver)
    found = system_steps(
        request.machine,
        missing,
        request.tables.system_steps,
        needs_gpu=bool(stopped) or any(library.needs_nvidia or library.id == "torch" for library in planned),
        min_driver_version=max(drivers, key=version_numbers, default=None),
        shell_name=request.options.shell,
    )
    driver_notes = () if torch is None or drivers else notes.of_driver(torch, request.machine)
    return (*found.notes, *driver_notes), found.steps


def _image(environments: Sequence[Environment], torch: TorchBuild | None, tables: Tables) -> ContainerImage | None:
    """An image with the CUDA release of the planned torch, or the newest; None if no step needs nvcc."""
    if not any("nvcc" in step.requires for environment in environments for step in environment.steps):
        return None
    cuda = cuda_of(torch.tag) if torch is not None else None
    rows = [each for each in tables.cuda_images if cuda is None or each.cuda == str(cuda[0])]
    chosen = next(iter(rows or tables.cuda_images), None)
    return ContainerImage(name=chosen.image, python=chosen.python) if chosen else None


def _notes(
    environments: Sequence[Environment],
    planned: Sequence[Library],
    satisfied: Sequence[str],
    presence: Presence,
    request: PlanRequest,
) -> list[str]:
    named = set(request.libraries) - set(request.tier.libraries)  # a tier's own libraries need no remark
    kept = [request.library(name) for name in satisfied]
    return [
        *notes.of_machine(environments, request.machine),
        *(note for library in planned for note in notes.of_cards(library, request.machine)),
        *notes.of_libraries(planned, named),
        *notes.of_run_time(planned, request.machine, request.rules, _torch_tag(presence, request)),
        *notes.of_age((library, *found) for library in kept for found in presence.versions(library)),
        *notes.of_broken(environments, request.target, request.options),
        *_unusable(request),
        *notes.of_missing_bounds(environments),
        *notes.of_environments(environments, request.machine, request.options),
    ]


def _torch_tag(presence: Presence, request: PlanRequest) -> str | None:
    """The build of torch that a plan leaves there: the installed one where it stays."""
    installed = presence.installed.torch
    stays = installed is not None and "torch" in presence.working
    return installed.build if installed is not None and stays else request.torch_for(None).tag


def _stuck(plan: Plan, machine: Machine) -> str | None:
    """Why a step of the plan cannot replace a package; None where each can."""
    if not machine.software.issues:
        return None
    from llmcheck.install.mending import not_replaceable  # few environments have issues

    return not_replaceable(plan.environments, machine)


def _settings(environments: Sequence[Environment], request: PlanRequest) -> Iterator[str]:
    if request.machine.software.installer_settings:
        from llmcheck.install import settings  # few machines have some

        yield from settings.obstacles(environments, request.machine, request.options.shell)


def _unusable(request: PlanRequest) -> Iterator[str]:
    """Installed libraries that cannot run on this machine, whatever is installed beside them."""
    versions = request.machine.software.versions
    for library in request.tables.libraries.values():
        name = next((each for each in map(normalized_name, library.distributions) if each in versions), None)
        if name is not None and library.needs_nvidia:
            why = unusable(name, versions[name], library, request.machine, request.tables.drivers)
            if why is not None:
                yield f"{why}: it cannot run here"


def _judged(machine: Machine) -> Judged:
    if machine.os is None:
        return Judged(hostname=machine.identity.hostname, hypothetical=machine.hypothetical)
    return Judged(
        hostname=machine.identity.hostname,
        system=machine.os.system,
        architecture=machine.os.architecture,
        hypothetical=machine.hypothetical,
    )
