"""The Python API and composition root: joins the real host and the shipped data to the pure functions."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from llmcheck import __version__, catalog, codec, compatibility, registry, requirements
from llmcheck.advice import Offers, Plan, Shell, TorchBuild
from llmcheck.advise.choose import Wanted, missing_libraries, named
from llmcheck.advise.cloud import rank_offers
from llmcheck.advise.install import plan_installation
from llmcheck.advise.installed import library_check
from llmcheck.advise.next_step import next_step
from llmcheck.advise.rent import priced, rented
from llmcheck.advise.target import InstallerChoice, PlanOptions
from llmcheck.advise.torch import torch_build
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.correction import Correction
from llmcheck.errors import DataError, InspectionError, UsageError
from llmcheck.estimate import Fit, TierMethod
from llmcheck.evaluate import concerning_profile, evaluate
from llmcheck.fit import tier
from llmcheck.host import Host
from llmcheck.identify import identify
from llmcheck.interpreter import NAMED, Question, choose, in_prefix
from llmcheck.knowledge import Knowledge
from llmcheck.library import Alias, Library
from llmcheck.listing import LibraryCheck, LibraryList, ModelList, ModelRow, ProfileList, ShownLibrary, ShownProfile
from llmcheck.machine import SCHEMA as MACHINE_SCHEMA
from llmcheck.machine import Machine
from llmcheck.probe import PROBE_SECONDS, TOTAL_SECONDS, Inspection, Request
from llmcheck.probe.disk import model_cache
from llmcheck.profile import Profile
from llmcheck.redact import Redaction, redact
from llmcheck.render import Options
from llmcheck.report import Report, combined, exit_code
from llmcheck.workload import Workload

if TYPE_CHECKING:
    from llmcheck.question import Subject
    from llmcheck.whatif import WhatIf

MachineSource = Callable[[], Machine]
"""Hands over the machine when it is needed; the inspection behind it is under way from the start."""


def ask(python: str | None = None, begun: Question | None = None) -> Question:
    """The project's interpreter (``python``, or the one chosen by the environment), asked about itself.

    ``begun``: a question put before; it is kept if it was put to that interpreter.
    """
    host = Host()
    choice = choose(python, host.environ, host.cwd)
    return begun if begun is not None and begun.choice == choice else Question(choice)


def python_of(folder: str, python: str | None = None) -> str | None:
    """The interpreter that is to be judged where a plan fills ``folder``: its own, where there is an environment.

    ``python``: the one that was named; it makes the environment where there is none. Raises UsageError where both are
    environments.
    """
    there = in_prefix(os.path.abspath(os.path.expanduser(folder))) if folder.strip() else None
    if there is not None and python is not None:
        raise UsageError(
            f"--venv {folder}: there is an environment already, and its Python is judged: leave out --python"
        )
    return there or python


def modules() -> tuple[str, ...]:
    """The modules of all libraries, which an inspection for a plan looks for: what is listed may be gone."""
    return tuple(each.import_name for each in catalog.libraries().values() if each.import_name)


def start_inspection(
    question: Question | None = None,
    path: str | None = None,
    probe_seconds: float = PROBE_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    *,
    explain: bool = False,
    probe_net: bool = False,
    measure: Sequence[str] = (),
    modules: Sequence[str] = (),
) -> MachineSource:
    """Begin to inspect this machine; the returned function waits for it.

    ``question``: the project's interpreter, asked already; None chooses and asks now. ``path``: one more folder whose
    disk is to be looked at, and judged. ``explain``: say where each fact was read. ``probe_net``: the network may be
    used, to see whether the hub and the package index can be reached. ``measure``: ``disk`` reads from it.
    ``modules``: what is to be looked for on that interpreter's path.
    The function raises InspectionError if nothing at all could be found out.
    """
    host = Host()
    question = question or ask()
    request = Request(
        path=path,
        python=question.choice,
        probe_net=probe_net,
        measure=tuple(measure),
        modules=tuple(modules),
    )
    inspection = Inspection(host, request, probe_seconds, total_seconds, lambda: question.answer(probe_seconds))

    def machine() -> Machine:
        found = inspection.machine(explain)
        if found.gpus:
            found = identify(found, catalog.gpu_specs())
        found = _with_problems(found)
        if found.os is None and found.cpu.threads is None and found.ram.total is None:
            reasons = "; ".join(problem.message for problem in found.problems)
            raise InspectionError(f"this machine could not be inspected: {reasons}")
        return found

    return machine


def _with_problems(machine: Machine) -> Machine:
    """With what keeps its software from using its hardware; the tables are read where there is something to judge."""
    if machine.software.torch is None:
        return compatibility.with_problems(machine, (), ())
    from llmcheck.catalog import wheels

    return compatibility.with_problems(machine, wheels.wheels(), wheels.drivers())


class _Header(msgspec.Struct):
    schema: str | None = None


class _Enclosing(msgspec.Struct):
    machine: Machine


def stated_machine(text: str) -> WhatIf:
    """A machine in words, such as ``2x RTX 4090, 64 GB RAM``. Raises DataError for what is none."""
    from llmcheck import whatif  # patterns that few commands need

    return whatif.machine(text, catalog.gpu_specs())


def load_machine(name: str) -> Machine:
    """A machine from a file that ``llmcheck machine --format json`` wrote, or from a report; ``-`` is stdin.

    Raises DataError for what is no such file.
    """
    where = "standard input" if name == "-" else name
    try:
        if name == "-" and sys.stdin is None:
            raise DataError("machine file standard input: it is closed")
        if name == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(name, "rb") as file:
                data = file.read()
    except OSError as error:
        hint = "; write one with 'llmcheck machine --format json --output FILE'"
        raise DataError(f"machine file {where}: {error.strerror or error}{hint}") from None
    schema = codec.decode_json(data, _Header, f"machine file {where}").schema
    if schema is not None and schema.startswith("llmcheck.report/"):
        return _completed(codec.decode_json(data, _Enclosing, f"machine file {where}").machine)
    if schema != MACHINE_SCHEMA:
        said = f"its schema is '{schema}'" if schema else "it names no schema"
        raise DataError(f"machine file {where}: {said}; expected {MACHINE_SCHEMA}, as 'llmcheck machine' writes it")
    return _completed(codec.decode_json(data, Machine, f"machine file {where}"))


def _completed(machine: Machine) -> Machine:
    """What a saved machine leaves out and the tables know: cards are identified, problems told anew."""
    if any(gpu.spec is None for gpu in machine.gpus or ()):
        known = identify(machine, catalog.gpu_specs())
        gpus = tuple(
            new if old.spec is None else old for old, new in zip(machine.gpus or (), known.gpus or (), strict=True)
        )
        machine = msgspec.structs.replace(machine, gpus=gpus)
    return _with_problems(machine)


def redacted(machine: Machine, level: Redaction) -> Machine:
    """Without what names this machine or its user; see ``llmcheck.redact``."""
    return redact(machine, level, Host().home())


def overview(machine: MachineSource) -> Report:
    """The report that informs: all shipped profiles, no verdict, and the next step towards the nearest tier."""
    profiles, corrections = profile_catalog.shipped(), catalog.corrections()
    knowledge, offers = catalog.knowledge(whole=False), catalog.offers()
    report = _report(profiles, machine(), corrections, frozenset())
    advice = next_step(report, profiles, knowledge, offers, corrections)
    if advice is not None and advice.plan is not None and _takes_all(advice.plan):
        advice = next_step(report, profiles, catalog.knowledge(), offers, corrections)
    return msgspec.structs.replace(report, verdict=None, exit_code=0, advice=advice)


def _takes_all(plan: Plan) -> bool:
    """Whether the tables of helpers and of systems have a say in it: packages change, or the system does."""
    changes = any(step.changes for environment in plan.environments for step in environment.steps)
    return changes or bool(plan.first or plan.system)


def check(
    names: Sequence[str],
    machine: MachineSource,
    skip: Sequence[str] = (),
    only: Sequence[str] = (),
    fail_on_warn: bool = False,
) -> Report:
    """The gate: these profiles (ids or paths) against the machine.

    ``skip`` and ``only``: requirement ids or groups. Raises DataError and UsageError for names that do not exist.
    """
    profiles = [profile_catalog.load(name) for name in names]
    corrections = catalog.corrections()
    left_out = _left_out(profiles, skip, only)
    return _report(profiles, machine(), corrections, left_out, fail_on_warn)


def _left_out(profiles: Sequence[Profile], skip: Sequence[str], only: Sequence[str]) -> frozenset[str]:
    """What is not to be judged, as requirement ids and groups."""
    ids = {each.id for profile in profiles for each in profile.require} | {tier.ID}
    groups = {"hardware", "software"}
    for name in (*skip, *only):
        if name not in ids | groups:
            raise UsageError(
                f"'{name}' is neither a requirement nor a group{codec.did_you_mean(name, ids | groups)}; "
                f"groups: hardware, software; requirements: {', '.join(sorted(ids))}"
            )
    if not only:
        return frozenset(skip)
    from llmcheck.profile import group_of

    dropped = {tier.ID} if not {tier.ID, "hardware"} & set(only) else set()
    dropped |= {
        each.id
        for profile in profiles
        for each in profile.require
        if each.id not in only and group_of(each.kind) not in only
    }
    return frozenset(dropped | set(skip))


def _report(
    profiles: Sequence[Profile],
    machine: Machine,
    corrections: Sequence[Correction],
    skip: frozenset[str],
    fail_on_warn: bool = False,
) -> Report:
    judged = tuple(evaluate(profile, machine, corrections, skip, _computed(profile, machine)) for profile in profiles)
    return Report(
        llmcheck=__version__,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        verdict=combined(each.verdict for each in judged),
        exit_code=exit_code(judged, fail_on_warn=fail_on_warn),
        profiles=judged,
        machine=machine,
    )


def _computed(profile: Profile, machine: Machine) -> tuple[TierMethod, ...]:
    found = tier.methods(profile, machine)
    return priced(found, catalog.offers()) if any(each.days for each in found) else found


def install(
    names: Sequence[str],
    machine: MachineSource,
    *,
    installer: InstallerChoice = "auto",
    venv: str | None = None,
    shell: Shell | None = None,
    environment: str | None = None,
    verify: bool = False,
) -> Plan:
    """The commands for profiles (what is missing of them) and libraries, in one plan.

    ``shell``: None takes that of the machine's system. ``environment``: only this one of the plan's environments.
    ``verify``: the real resolver is asked, over the network. Raises DataError and UsageError.
    """
    knowledge = catalog.knowledge()
    loaded = [_profile_or_library(name, knowledge) for name in names]
    judged = machine()
    _refuse_unusable(judged)
    wanted: list[str] = []
    notes: list[str] = []
    asked = Wanted()
    for found in loaded:
        if isinstance(found, Profile):
            missing = missing_libraries(evaluate(found, judged).findings, judged, knowledge, found)
            wanted += missing.libraries
            asked = asked.together_with(missing)
        else:
            library, alias = found
            wanted.append(library.id)
            notes += [f"{alias.name}: {alias.reason} ({alias.source}, {alias.as_of})"] if alias else []
    windows = judged.os is not None and judged.os.system == "windows"
    venv = None if venv is None else os.path.expanduser(venv)
    if venv is not None and not venv.strip():
        raise UsageError("--venv: name the folder of the environment")
    options = PlanOptions(
        installer=installer,
        venv=venv,
        venv_is_judged=venv is not None and _is_judged(venv, judged),
        shell=shell or ("powershell" if windows else "bash"),
        backend=_torch_backend(),
    )
    plan = plan_installation(" ".join(names), list(dict.fromkeys(wanted)), judged, knowledge, options, asked)
    plan = msgspec.structs.replace(plan, notes=(*dict.fromkeys(notes), *plan.notes))
    plan = _only_environment(plan, environment)
    return _verified(plan, judged) if verify else plan


def _refuse_unusable(machine: Machine) -> None:
    """A plan for another interpreter than the one that was named is not what was asked for."""
    python = machine.software.python
    problem = next((each for each in machine.problems if each.code == "python-unusable"), None)
    if problem is not None and python is not None and python.version is None and python.reason == NAMED:
        raise UsageError(f"--python: {problem.message}")


def _is_judged(folder: str, machine: Machine) -> bool:
    """Whether the judged interpreter is that of an environment."""
    python = machine.software.python
    prefix = python.prefix if python is not None else None
    return prefix is not None and os.path.realpath(folder) == os.path.realpath(prefix)


def _profile_or_library(name: str, knowledge: Knowledge) -> Profile | tuple[Library, Alias | None]:
    known = profile_catalog.ids()
    if name in known or name.endswith(".toml") or os.path.isfile(name):
        return profile_catalog.load(name)
    library = named(name, knowledge)
    if library is None:
        near = codec.did_you_mean(name, {*known, *knowledge.libraries, *(alias.name for alias in knowledge.aliases)})
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
        there = ", ".join(each.name for each in plan.environments) or "none, for nothing is missing"
        raise UsageError(f"this plan has no environment '{name}'; its environments: {there}")
    return msgspec.structs.replace(plan, environments=kept)


def _verified(plan: Plan, machine: Machine) -> Plan:
    from llmcheck import resolver  # subprocess and all that, only when it is asked for

    python = machine.software.python
    base = python.executable if python is not None and python.version else None
    resolutions = catalog.knowledge().resolutions
    measured = {pin: sizes[0] for pin, sizes in resolutions.sizes.items()} if resolutions else {}
    answers = tuple(
        resolver.verify(each, base, measured=measured) for each in plan.environments if each.python is not None
    )
    return msgspec.structs.replace(plan, verification=answers)


def fit(
    subject: Subject,
    workload: Workload,
    machine: MachineSource,
    *,
    assume_idle: bool = False,
    grid: float | None = None,
) -> Fit:
    """Does this model fit, used like this, and how fast. ``grid``: grams of CO2 for a kWh.

    Raises DataError and UsageError.
    """
    from llmcheck import question, together
    from llmcheck.fit.answer import answer

    workload = together.checked(workload, grid=grid)
    architecture = question.architecture(subject, model_cache(Host()))
    workload = together.suited(workload, architecture)
    asked_of = machine()
    together.check_machine(workload, asked_of)
    # one with memory of its own; what shares the machine's is another machine
    cards = tuple(each.spec for each in catalog.gpu_specs() if each.vendor == "nvidia" and each.memory_reported)
    found = answer(architecture, workload, asked_of, assume_idle=assume_idle, grid=grid, specs=cards)
    return rented(found, catalog.offers()) if found.speed is not None and found.speed.days is not None else found


def models() -> ModelList:
    """The well-known models whose shapes are built in."""
    from llmcheck.checkpoint import config

    return ModelList(
        models=tuple(
            ModelRow(
                id=each.id,
                names=each.names,
                parameters=shape.parameters.total,
                active=shape.parameters.active,
                context=shape.context,
                source=each.source,
                as_of=each.as_of,
            )
            for each in catalog.models().values()
            for shape in (config.architecture(each.config, each.id),)
        )
    )


def torch_index(machine: MachineSource, *, explain: bool = False) -> TorchBuild:
    """The build of PyTorch for this machine. ``explain``: with every test that was made."""
    from llmcheck.catalog import wheels

    build = torch_build(machine(), wheels.wheels(), wheels.drivers(), _torch_backend())
    return build if explain else msgspec.structs.replace(build, decisions=())


def _torch_backend() -> str | None:
    """What uv was told to take, which we respect where it can work."""
    return Host().environ.get("UV_TORCH_BACKEND") or None


def check_libraries(names: Sequence[str], source: Callable[[tuple[str, ...]], MachineSource]) -> LibraryCheck:
    """Which libraries are installed; all of the catalogue where none is named. Raises DataError.

    ``source``: begins an inspection that also looks for these modules.
    """
    knowledge = catalog.knowledge()
    chosen = [library(name).library for name in names] if names else list(knowledge.libraries.values())
    modules = tuple(each.import_name for each in chosen if each.import_name)
    return library_check(chosen, source(modules)(), bool(names))


def cloud(name: str, all_tiers: bool = False, machine: Machine | None = None) -> Offers:
    """The offers whose machine passes a profile's hardware; with a ``machine``, first how that one stands.

    Raises DataError.
    """
    profile, corrections = profile_catalog.load(name), catalog.corrections()
    found = rank_offers(profile, catalog.offers(), corrections, all_tiers)
    if machine is None:
        return found
    verdict = evaluate(profile, machine, corrections, frozenset({"software"})).verdict
    own = f"the hardware of {machine.identity.hostname or 'the given machine'} is {verdict} for {profile.id}"
    return msgspec.structs.replace(found, notes=(own, *found.notes))


def profiles() -> ProfileList:
    """All shipped profiles, in the document's order."""
    return ProfileList(profiles=profile_catalog.shipped())


def profile(name: str) -> ShownProfile:
    """One profile with the corrections of its figures. Raises DataError."""
    found = profile_catalog.load(name)
    return ShownProfile(profile=found, corrections=concerning_profile(catalog.corrections(), found.id))


def profile_schema() -> dict[str, object]:
    """The JSON Schema of profile files: the profile, and one alternative per requirement kind."""
    kinds = {
        kind: codec.json_schema(registry.load("llmcheck.requirements", kind).Requirement)
        for kind in requirements.kinds()
    }
    definitions: dict[str, object] = {}
    for kind, schema in kinds.items():
        own = schema["$defs"][schema["$ref"].rpartition("/")[2]]
        own["properties"]["kind"] = {"const": kind}
        own["properties"]["any_of"] = {"type": "array", "items": {"type": "object"}}
        definitions[kind] = own
    whole = codec.json_schema(Profile)
    shape = whole["$defs"][whole["$ref"].rpartition("/")[2]]
    shape["properties"]["require"] = {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"$ref": f"#/$defs/{kind}"} for kind in definitions]},
    }
    shape["additionalProperties"] = False
    others = {name: schema for name, schema in whole["$defs"].items() if name not in ("Profile", "Requirement")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llmcheck profile",
        **shape,
        "$defs": {**others, **definitions},
    }


def libraries(area: str | None = None) -> LibraryList:
    """All libraries of the document, or those of one area. Raises UsageError for an area that does not exist."""
    every = tuple(catalog.libraries().values())
    areas = tuple(dict.fromkeys(library.area for library in every))
    if area is not None and area not in areas:
        raise UsageError(f"there is no area '{area}'{codec.did_you_mean(area, areas)}; areas: {', '.join(areas)}")
    return LibraryList(libraries=tuple(library for library in every if area is None or library.area == area))


def library(name: str) -> ShownLibrary:
    """One library by id or by any name that people use for it. Raises DataError that names the nearest."""
    knowledge = catalog.knowledge()
    found = named(name, knowledge)
    if found is None:
        near = codec.did_you_mean(name, knowledge.libraries)
        raise DataError(f"there is no library '{name}'{near}; libraries: {', '.join(knowledge.libraries)}")
    concerning = tuple(each for each in catalog.corrections() if f"library:{found[0].id}" in each.applies_to)
    return ShownLibrary(library=found[0], alias=found[1], corrections=concerning)


def render(value: object, name: str, options: Options) -> str:
    """A value in one output format (a module of llmcheck/render)."""
    text: str = registry.load("llmcheck.render", name).render(value, options)
    return text
