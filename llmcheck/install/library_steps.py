"""The steps that install libraries, and the step that verifies that they import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmcheck.install import compiler
from llmcheck.install.commands import FORCE, NO_CACHE, InstallerCommands, InstallRequest, command_step
from llmcheck.install.installed_packages import Change, abi_warnings, transitive_upgrades
from llmcheck.install.packages import llama_cpp_for, with_extra
from llmcheck.install.request import PlanRequest
from llmcheck.install.specifiers import bounded, excluded, name_of
from llmcheck.install.target import PlanOptions, Target
from llmcheck.install.wheels import COMPANIONS, TORCH_FAMILY
from llmcheck.schema.advice import Step
from llmcheck.schema.machine import Machine, normalized_name
from llmcheck.tables.library import Library
from llmcheck.tables.torch_wheel import PackageBuild

# Build requirements for --no-build-isolation; the lower bounds are releases of 2025, resolved on 2026-11-23.
_BUILD_TOOLS = ("setuptools>=80", "wheel>=0.45", "packaging>=25.0", "ninja>=1.11")


def library_steps(
    commands: InstallerCommands,
    members: Sequence[Library],
    request: PlanRequest,
    torch_tag: str | None,
    others: Sequence[Library],
) -> list[Step]:
    """One command for all ordinary libraries, and one for each that is compiled or comes from another index.

    ``torch_tag``: the build of torch in the environment. ``others``: libraries that a new torch may break.
    """
    common = [library for library in members if library.id != "llama-cpp" and not _needs_own_command(library)]
    steps = [_common_step(commands, common, request, others)] if common else []
    for library in members:
        if library.id == "llama-cpp":
            steps.append(_llama_cpp_step(commands, library, request))
        elif _needs_own_command(library):
            steps += _own_command_steps(commands, library, request, torch_tag)
    return steps


def reinstall_steps(commands: InstallerCommands, requirements: Sequence[str]) -> list[Step]:
    """Reinstalls packages whose metadata is there but whose files are missing; an installer would keep them."""
    companions = [each for each in requirements if name_of(each) in COMPANIONS]
    rest = [each for each in requirements if each not in companions]
    reason, options = "listed as installed, but the files are missing", [FORCE, "--no-deps"]
    by_index = ((rest, None), (companions, commands.installed.torch_index))
    return [
        commands.step(InstallRequest(names, reason, index_url=index, options=options))
        for names, index in by_index
        if names
    ]


def library_proof_steps(
    members: Sequence[Library],
    uncatalogued: Sequence[str],
    steps: Sequence[Step],
    target: Target,
    commands: InstallerCommands,
) -> list[Step]:
    """Steps that import the libraries, compare their versions, and ask those for a GPU whether they can use it.

    ``uncatalogued``: packages whose import names are unknown. ``steps``: those that install.
    """
    imported = [library for library in members if library.import_name and library.id != "torch"]
    sources = [library.verify for library in imported if library.verify]
    modules = [library.import_name or "" for library in imported if not library.verify]
    if modules:
        sources.append(f"import {', '.join(modules)}")
    options, proofs = commands.options, []
    if sources:
        argv = [target.python, "-c", "; ".join([*sources, "print(True)"])]
        expect = "True in the last line"
        proofs.append(command_step(argv, "the libraries import", options, kind="verify", expect=expect))
    apart = {*TORCH_FAMILY, *map(name_of, (*_BUILD_TOOLS, *uncatalogued))}
    planned = dict.fromkeys(each for step in steps for each in step.requirements if name_of(each) not in apart)
    if planned:
        reason, expect = "their versions are as planned", "that each is there already"
        argv = commands.already_there(list(planned))
        proofs.append(command_step(argv, reason, options, kind="verify", expect=expect))
    proofs += [
        _gpu_proof(library, target, options)
        for library in imported
        if library.verify_gpu and (library.needs_nvidia or _is_for_gpus(library, steps))
    ]
    if uncatalogued:
        source = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
        argv = [target.python, "-c", source, *map(name_of, uncatalogued)]
        expect = "a version for each"
        proofs.append(command_step(argv, "the other packages are installed", options, kind="verify", expect=expect))
    return proofs


def _gpu_proof(library: Library, target: Target, options: PlanOptions) -> Step:
    source = f"import sys; {library.verify_gpu}; print(ok); sys.exit(not ok)"
    reason = f"{library.name} can use the GPU"
    argv = [target.python, "-c", source]
    return command_step(argv, reason, options, kind="verify", expect="True", needs_gpu=True)


def _is_for_gpus(library: Library, steps: Sequence[Step]) -> bool:
    """Whether the step that installs a library of several builds takes one for GPUs."""
    own = {normalized_name(name) for name in library.distributions}
    mine = [step for step in steps if any(normalized_name(name_of(each)) in own for each in step.requirements)]
    return any("GGML_" in step.variables.get("CMAKE_ARGS", "") or _is_gpu_index(step) for step in mine)


def _is_gpu_index(step: Step) -> bool:
    return step.extra_index_url is not None and not step.extra_index_url.endswith("/cpu")


def requirements_of(
    library: Library, specifiers: Mapping[str, str], machine: Machine, builds: Sequence[PackageBuild]
) -> list[str]:
    """The catalogue's requirements, narrowed by the tier's versions, with the extra for this machine.

    ``specifiers``: by library id. ``builds``: rows of packages that are published in several builds.
    """
    requirements = [bounded(requirement, specifiers.get(library.id, "")) for requirement in library.requirements]
    own = {each.package for each in builds if not each.index_url}
    return [with_extra(each, name_of(each), machine, builds) if name_of(each) in own else each for each in requirements]


def _llama_cpp_step(commands: InstallerCommands, library: Library, request: PlanRequest) -> Step:
    builds = request.tables.package_builds
    variant = llama_cpp_for(request.machine, builds, request.rules)
    again = [FORCE] if variant.options and commands.installed.version("llama-cpp-python") else []
    return commands.step(
        InstallRequest(
            requirements_of(library, request.specifiers, request.machine, builds),
            f"llama.cpp through its Python binding, {variant.reason}",
            extra_index_url=variant.extra_index_url,
            options=[*variant.options, *again],
            variables=variant.variables,
            requires=variant.requires,
        )
    )


def _common_step(
    commands: InstallerCommands, common: Sequence[Library], request: PlanRequest, others: Sequence[Library]
) -> Step:
    builds, installed = request.tables.package_builds, commands.installed
    requirements = dict.fromkeys(
        each for library in common for each in requirements_of(library, request.specifiers, request.machine, builds)
    )
    pinning = next((library for library in common if library.pins_torch), None)
    pin, version = pinning.torch if pinning else None, installed.version("torch")
    changes, warnings = [], []
    if pinning is not None and pin and version is not None and excluded(version, pin):
        changes.append(Change("torch", version, f"{pinning.name} pins torch{pin}", pin))
        warnings = abi_warnings(installed, f"torch{pin}", [each for each in others if each not in common])
    return commands.step(
        InstallRequest(
            list(requirements),
            "; ".join(f"{library.name}: {library.summary}" for library in common),
            changes=changes,
            upgrades=_upgrades(commands, common, request),
            warnings=warnings,
        )
    )


def _upgrades(commands: InstallerCommands, common: Sequence[Library], request: PlanRequest) -> dict[str, list[Change]]:
    """Installed packages that may be replaced, by the name of the first library that causes it."""
    own = {normalized_name(name) for library in common for name in library.distributions}
    upgrades: dict[str, list[Change]] = {}
    for library in common:
        named = own | {each.name for changes in upgrades.values() for each in changes} | {"torch"}
        found = transitive_upgrades(commands.installed, library, request.tables.resolutions)
        upgrades[library.name] = [each for each in found if each.name not in named]
    return upgrades


def _needs_own_command(library: Library) -> bool:
    return not library.build_isolation or library.extra_index_url is not None


def _own_command_steps(
    commands: InstallerCommands, library: Library, request: PlanRequest, torch_tag: str | None
) -> list[Step]:
    requirements = [bounded(each, request.specifiers.get(library.id, "")) for each in library.requirements]
    reason = f"{library.name}: {library.summary}"
    if library.build_isolation:
        return [commands.step(InstallRequest(requirements, reason, extra_index_url=library.extra_index_url))]
    home, why = _cuda_home(request, torch_tag)
    tools = f"build requirements of {library.name}"
    built = InstallRequest(
        requirements,
        f"{reason}; compiled here against the installed torch, with few parallel jobs to limit the use of RAM",
        # A wheel in pip's cache may have been compiled against another torch.
        options=["--no-build-isolation", NO_CACHE],
        variables={"MAX_JOBS": "4", **home},
        requires=library.tools,
        warnings=(why,) if why else (),
    )
    return [commands.step(InstallRequest(_BUILD_TOOLS, tools)), commands.step(built)]


def _cuda_home(request: PlanRequest, torch_tag: str | None) -> tuple[dict[str, str], str | None]:
    """The toolkit to name where the one that a build takes by itself does not suit, and why that one does not."""
    machine, rules = request.machine, request.rules
    found = compiler.for_torch(machine)
    chosen = compiler.best(found, machine, rules, torch_tag)
    if chosen is None or chosen.folder is None or chosen.named_by == "CUDA_HOME":
        return {}, None
    if chosen.named_by == "PATH" and machine.software.cuda_home is None:
        return {}, None
    unfit = compiler.problem(found[0], machine, rules, torch_tag)
    why = f"{found[0].named_by} leads to CUDA {found[0].release}, and {torch_tag} needs another" if unfit else None
    named = f"the command names the toolkit {chosen.release} in {chosen.folder}"
    return {"CUDA_HOME": chosen.folder}, f"{why}: {named}" if why else None
