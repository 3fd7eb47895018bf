"""Installation plans, the build of PyTorch, and the installed libraries."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import msgspec

from llmcheck import catalog, codec
from llmcheck.advise.start import runtime_for
from llmcheck.api.inspection import GivenMachine, MachineSource, machine_of
from llmcheck.api.judgement import computed_methods
from llmcheck.api.values import given_values
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import DataError, UsageError
from llmcheck.install.choose import TierRequest, missing_libraries, named
from llmcheck.install.plan import plan_installation
from llmcheck.install.state import library_check
from llmcheck.install.target import InstallerChoice, PlanOptions
from llmcheck.install.torch import torch_build
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.advice import Plan, Shell, TorchBuild
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.responses import LibraryCheck
from llmcheck.system import answering
from llmcheck.system.interpreter import IN_DIRECTORY, NAMED
from llmcheck.tables.library import Alias, Library
from llmcheck.tables.tables import Tables


def install_plan(
    names: str | Sequence[str],
    machine: GivenMachine = None,
    *,
    installer: InstallerChoice = "auto",
    venv: str | None = None,
    live: bool | None = None,
    shell: Shell | None = None,
    environment: str | None = None,
    verify: bool = False,
) -> Plan:
    """One plan for profiles (their missing libraries) and libraries; one name may stand alone. Nothing of it is run.

    ``machine``: also what ``load_machine`` takes; None: this machine. ``venv``: the folder of the environment; the plan
    creates it unless its interpreter is the judged one. ``live``: ``machine`` is this machine, so that its file system
    may be read; None: where ``machine`` is None. ``shell``: None: the usual shell of the machine's operating system.
    ``environment``: keep only this environment of the plan. ``verify``: run uv or pip over the network; for another
    machine every environment is resolved as an empty one. Raises DataError, UsageError and InspectionError.
    """
    names = [names] if isinstance(names, str) else names
    live = machine is None if live is None else live
    tables = catalog.tables()
    loaded = [_profile_or_library(name, tables) for name in names]
    judged = machine_of(machine)
    _refuse_unusable(judged)
    windows = judged.os is not None and judged.os.system == "windows"
    venv = os.path.expanduser(venv) if venv is not None and live else venv
    if venv is not None and (not venv.strip() or venv.startswith("~")):
        raise UsageError(f"--venv '{venv}': write the full path of the environment")
    options = PlanOptions(
        installer=installer,
        venv=venv,
        venv_is_judged=venv is not None and _is_judged(venv, judged, live),
        shell=shell or ("powershell" if windows else "bash"),
    )
    plan = _planned(" ".join(names), loaded, judged, tables, options)
    plan = _only_environment(plan, environment)
    return _verified(plan, judged, live) if verify else plan


def _planned(
    target: str,
    loaded: Sequence[Profile | tuple[Library, Alias | None]],
    judged: Machine,
    tables: Tables,
    options: PlanOptions,
) -> Plan:
    libraries: list[str] = []
    notes: list[str] = []
    tier = TierRequest()
    for found in loaded:
        if isinstance(found, Profile):
            report = evaluate(found, judged, computed=computed_methods(found, judged))
            missing = missing_libraries(
                report.findings, judged, tables, found, runtime_for(report, judged, tables, catalog.starters())
            )
            libraries += missing.libraries
            tier = tier.together_with(missing)
        else:
            library, alias = found
            libraries.append(library.id)
            notes += [f"{alias.name}: {alias.reason} ({alias.source}, {alias.as_of})"] if alias else []
    plan = plan_installation(target, list(dict.fromkeys(libraries)), judged, tables, options, tier)
    return msgspec.structs.replace(plan, notes=(*dict.fromkeys(notes), *plan.notes))


def _refuse_unusable(machine: Machine) -> None:
    """Raises UsageError if the interpreter of --python cannot be used, instead of planning for another one."""
    python = machine.software.python
    problem = next((each for each in machine.problems if each.code == "python-unusable"), None)
    if problem is not None and python is not None and python.version is None and python.reason == NAMED:
        raise UsageError(f"--python: {problem.message}")


def _is_judged(folder: str, machine: Machine, live: bool) -> bool:
    """Whether the judged interpreter is in this folder; for another machine only the paths are compared."""
    python = machine.software.python
    prefix = python.prefix if python is not None else None
    if prefix is None:
        return False
    if live:
        named = [("--venv", folder), ("the environment", prefix)]
        return answering.apart(lambda: os.path.realpath(folder) == os.path.realpath(prefix), named)
    return folder.rstrip("/\\") == prefix.rstrip("/\\")


def _profile_or_library(name: str, tables: Tables) -> Profile | tuple[Library, Alias | None]:
    known = profile_catalog.ids()
    if name in known or name.endswith((".toml", ".json")) or answering.kind(name) == answering.FILE:
        return profile_catalog.load(name, given_values())
    library = named(name, tables)
    if library is None:
        near = codec.did_you_mean(name, {*known, *tables.libraries, *(alias.name for alias in tables.aliases)})
        raise DataError(
            f"'{name}' is neither a profile nor a library{near}; "
            "see 'llmcheck profiles list' and 'llmcheck libraries list'"
        )
    return library


def _only_environment(plan: Plan, name: str | None) -> Plan:
    if name is None:
        return plan
    kept = tuple(each for each in plan.environments if each.name == name)
    if not kept:
        names = ", ".join(each.name for each in plan.environments) or "none, because nothing is missing"
        raise UsageError(f"this plan has no environment '{name}'; its environments: {names}")
    return msgspec.structs.replace(plan, environments=kept)


def _verified(plan: Plan, machine: Machine, live: bool) -> Plan:
    from llmcheck.install import resolver  # only this option needs it

    python = machine.software.python
    base = python.executable if live and python is not None and python.version else None
    measured = {pin: sizes[0] for pin, sizes in catalog.resolutions().sizes.items()}
    environments = [each for each in plan.environments if each.python is not None]
    if base is not None and base != sys.executable and python is not None and python.reason == IN_DIRECTORY:
        raise UsageError(f"--verify runs {base}, which nobody has named: activate its environment, or add --python")
    if not live:  # an interpreter with that path on this machine is another one
        environments = [msgspec.structs.replace(each, folder=each.folder or "elsewhere") for each in environments]
    answers = tuple(resolver.verify(each, base, measured=measured) for each in environments)
    return msgspec.structs.replace(plan, verification=answers)


def torch_index(machine: GivenMachine = None, *, explain: bool = False) -> TorchBuild:
    """The build of PyTorch for a machine. ``explain``: include every test that was made."""
    build = torch_build(machine_of(machine), catalog.torch_wheels(), catalog.cuda_drivers())
    return build if explain else msgspec.structs.replace(build, decisions=())


def check_libraries(
    names: Sequence[str], source: Callable[[Callable[[], tuple[str, ...]]], MachineSource]
) -> LibraryCheck:
    """The state of these libraries, or of all in the catalogue if ``names`` is empty. Raises DataError.

    ``source``: starts an inspection that also looks for the modules that a function returns.
    """
    from llmcheck.api.tables import library  # other commands need this module

    tables = catalog.tables()
    chosen = [library(name).library for name in names] if names else list(tables.libraries.values())
    modules = tuple(each.import_name for each in chosen if each.import_name)
    return library_check(chosen, source(lambda: modules)(), bool(names))
