"""The file or command that starts the cheapest offer, with an installation plan and the command that runs the work."""

from __future__ import annotations

import datetime
import math
import re

from msgspec.structs import replace

from llmcheck import catalog, runtimes, shell
from llmcheck.advise.outlook import main_size, size_plans
from llmcheck.advise.start import best_start
from llmcheck.api import model_source
from llmcheck.api.installation import install_plan
from llmcheck.api.judgement import report_of
from llmcheck.api.renting import Rent
from llmcheck.api.values import given_values
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.cloud import launch
from llmcheck.cloud.rented import as_machine, cards_of
from llmcheck.errors import DataError
from llmcheck.fit.plans import Wishes, plan_of, plans
from llmcheck.fit.use import ModelUse
from llmcheck.probe._room import model_cache
from llmcheck.schema import estimate
from llmcheck.schema.advice import Plan
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.renting import LaunchFile, LaunchTool, Offers, RankedOffer
from llmcheck.schema.workload import Method, Workload
from llmcheck.system.host import Host
from llmcheck.units import GB, GIB, parse_size

_DISK_GB = 100
"""Where no requirement and no weights say more: an image, an environment and a small model."""
_PYTHON = ".venv/bin/python"
_FINE_TUNING: tuple[Method, ...] = ("full", "lora", "qlora")
_OWN = "your own command: no line that runs this work is known"


def launch_file(found: Offers, tool: LaunchTool, rent: Rent | None = None) -> LaunchFile:
    """What starts the cheapest of the ``offers`` that were found with ``rent`` (None: without); nothing is started.

    ``tool``: ``sky`` or ``dstack`` for a task of it, ``native`` for the provider's own command. The first step on the
    machine is ``llmcheck check``; then its packages are installed, and the model is started. Raises DataError where
    none fits or the tool has none.
    """
    rent = rent or Rent()
    fitting = tuple(each for each in found.offers if each.fits)
    fitting = tuple(each for each in fitting if each.passes) or fitting
    if not fitting:
        raise DataError("no offer fits, so there is nothing to start: see the answer without --launch")
    profile = None if found.profile is None else profile_catalog.load(found.path or found.profile, given_values())
    request = launch.Request(
        name=re.sub(r"[^a-z0-9]+", "-", f"llmcheck {found.profile or found.model}".lower()).strip("-")[:40],
        offers=fitting,
        providers=catalog.providers(),
        gpu_names=catalog.gpu_names(),
        ram_gib=_ram(profile),
        disk_gb=_DISK_GB,
        hours=rent.job.hours or launch.HOURS,
        now=datetime.datetime.now(datetime.UTC),
    )
    first = launch.chosen(tool, request)
    machine = as_machine(first.offer, cards_of(catalog.gpu_specs()))
    plan, way = _plans(found, first, profile, machine)
    complete = replace(
        request,
        offers=launch.same_elsewhere(tool, request, first, rent.list, rent.selection),
        setup=(*_check(found, first, profile), *_install(plan)),
        run=_run(way),
        disk_gb=max(_DISK_GB, math.ceil(_disk(profile, way) / GB)),
    )
    return launch.made_by(tool, complete)


def _plans(
    found: Offers, first: RankedOffer, profile: Profile | None, machine: Machine
) -> tuple[Plan | None, estimate.Plan | None]:
    """What to install, and the plan that is started: of a model that is named, else of the best for the tier's size."""
    if profile is None:
        way, targets = _way_of_model(found, first, machine), []
    else:
        targets = [found.path or profile.id]
        way = _way(profile, first, machine, _engines(install_plan(targets, machine)))
    targets += _libraries(way)
    return (install_plan(targets, machine) if targets else None), way


def _libraries(way: estimate.Plan | None) -> list[str]:
    """What the started command needs."""
    if way is None or way.launch is None:
        return []
    runtime = runtimes.named(way.runtime)
    work = Workload(method=way.method, weights=way.weights, optimizer=way.optimizer)  # type: ignore[arg-type]  # a plan's are
    beside = () if runtime.libraries_beside is None else runtime.libraries_beside(work)
    known = catalog.libraries()
    return [each for each in dict.fromkeys((runtime.library, *beside)) if each is not None and each in known]


def _way_of_model(found: Offers, first: RankedOffer, machine: Machine) -> estimate.Plan | None:
    """The best plan with a command for what an installation brings, which of llama.cpp is its Python package."""
    if first.plan is None or found.model is None or found.workload is None:
        return first.plan
    cache = model_cache(Host())
    model = model_source.found_here_or_on_hub(found.model, cache)
    use = model_source.use_of(model, found.workload, cache).changed(batch=first.plan.batch)
    ways = plans(use, machine, Wishes(names=model_source.names(model, use.architecture)))
    made = (plan_of(each, model.words, python_binding=True) for each in ways)
    return next((each for each in made if each.launch is not None), first.plan)


def _engines(plan: Plan) -> tuple[str, ...]:
    """The runtimes that the plan installs."""
    libraries = {each for environment in plan.environments[:1] for each in environment.libraries}
    return tuple(each for each in runtimes.ids() if (runtimes.named(each).library or each) in libraries)


def _way(profile: Profile, first: RankedOffer, machine: Machine, engines: tuple[str, ...]) -> estimate.Plan | None:
    """How the offer runs the profile's work with what is installed; a size is run by the best model of that size."""
    if first.plan is not None and first.plan.launch is not None:
        return first.plan
    report = report_of([profile], machine, (), frozenset({"software"})).profiles[0]
    goal = main_size(size_plans((report,)), profile.id)
    starters = catalog.starters()
    if goal is not None:
        start = best_start(starters, goal, engines, machine)
        return None if start is None else start.plan
    work, own = profile.workload, first.plan
    if work is None or own is None:
        return own
    model = next((each for each in starters if each.size in own.argv), None)
    if model is None:
        return own
    for method in dict.fromkeys((work.method, *_FINE_TUNING)):
        ways = plans(ModelUse(model.architecture, Workload(method=method, context=work.context)), machine)
        way = plan_of(ways[0], model.words) if ways else None
        if way is not None and way.launch is not None:
            return way
    return own


def _check(found: Offers, first: RankedOffer, profile: Profile | None) -> tuple[str, ...]:
    """That this is the machine that was wanted. A fact that could not be read (exit code 3) does not stop it."""
    if profile is not None and found.path is None:
        check = f"llmcheck check {profile.id} --only hardware"
    else:
        check = shell.line(first.plan.argv) if first.plan is not None and found.path is None else "llmcheck machine"
    return (
        "python3 -m venv .venv",
        f"{_PYTHON} -m pip install llmcheck",
        f".venv/bin/{check} || [ $? -eq 3 ]",
    )


def _install(plan: Plan | None) -> tuple[str, ...]:
    """The steps that fill the first environment; of a system that lacks something the plan says so."""
    if plan is None or not plan.environments:
        return ()
    steps = [each for each in plan.environments[0].steps if each.kind in ("install", "build")]
    return tuple(shell.line(each.argv, "bash", each.variables) for each in steps)


def _run(way: estimate.Plan | None) -> tuple[str, ...]:
    path = 'export PATH="$PWD/.venv/bin:$PATH"'
    if way is None or way.launch is None:
        return (path, f"echo {shell.quote(_OWN)}")
    own = {} if way.launch_service else way.launch_environment
    service = (
        (f"{shell.line(way.launch_service, variables=way.launch_environment)} &", "sleep 5")
        if way.launch_service
        else ()
    )
    return (path, *service, shell.line(way.launch, variables=own))


def _ram(profile: Profile | None) -> int | None:
    needed = [
        parse_size(getattr(each, "total", None) or "0 B")
        for each in (profile.require if profile else ())
        if each.kind == "ram" and each.scope == "node" and each.level == "required"
    ]
    return math.ceil(max(needed) / GIB) if any(needed) else None


def _disk(profile: Profile | None, way: estimate.Plan | None) -> int:
    """Bytes: what the profile requires, and twice the weights."""
    needed = [
        parse_size(getattr(each, "free", None) or "0 B")
        for each in (profile.require if profile else ())
        if each.kind == "disk" and each.scope == "node"
    ]
    return max([*needed, 2 * (way.memory.total if way is not None else 0)], default=0)
