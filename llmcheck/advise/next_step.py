"""The next step with a machine: a repair, an installation, or the command that runs a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from llmcheck import runtimes
from llmcheck.advise.faults import first_fault
from llmcheck.advise.outlook import main_size
from llmcheck.advise.start import Start, best_start
from llmcheck.install.choose import TierRequest, missing_libraries, usable_engines
from llmcheck.schema.advice import Advice
from llmcheck.schema.cheapest import CheapestOffer
from llmcheck.schema.estimate import Plan as RuntimePlan
from llmcheck.schema.machine import Machine, counted_gpus
from llmcheck.schema.outlook import Fault, NextStep, SizePlan
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import ProfileReport, Report, Verdict
from llmcheck.schema.starter import Starter
from llmcheck.tables.tables import Tables


class Known(Struct, frozen=True, kw_only=True):
    """The tables that the advice is made from."""

    profiles: Sequence[Profile]
    tables: Tables
    starters: Sequence[Starter]
    cheapest_offer: Callable[[str], CheapestOffer | None]
    """Gets the cheapest machine to rent for a tier, which few answers need."""


_HARDWARE: tuple[Verdict | None, ...] = ("ready", "undetermined", "not-ready", None)
"""Of two tiers with the same sizes the one whose documented hardware is there comes first."""


class _Goal(Struct, frozen=True):
    tier: ProfileReport
    size: SizePlan


def next_step(report: Report, known: Known, *, planned: bool = True) -> tuple[NextStep, Advice | None]:
    """The step, and the installation or the offer behind it; no advice where everything for it is there.

    ``planned``: False leaves out the plan of an installation, which takes as long as the rest.
    """
    fault = first_fault(report.profiles, report.machine)
    if fault is not None:
        return NextStep(kind="repair", fault=fault), _repair(report, fault)
    goal = _goal(report)
    if goal is None and all(each.verdict == "unknown" for each in report.sizes):
        return NextStep(kind="undetermined"), None
    if goal is None:
        return _other_hardware(report, known)
    return _install_and_run(goal, report.machine, known, planned)


def _repair(report: Report, fault: Fault) -> Advice:
    return Advice(profile=report.profiles[0].id, reason=fault.message, tip=fault.remedy)


def _goal(report: Report) -> _Goal | None:
    """The most demanding inference tier all of whose sizes run well, else the first of which one does, or runs at all.

    Of tiers with the same sizes one whose documented hardware is there comes first. None where no size runs.
    """
    tiers = [each for each in report.profiles if each.task == "inference"]
    complete = [each for each in tiers if _sizes(report, each) and all(s.use == "good" for s in _sizes(report, each))]
    if complete:
        largest = _sizes(report, complete[-1])
        same = [each for each in complete if _sizes(report, each) == largest]
        return _Goal(min(same, key=lambda each: _HARDWARE.index(each.hardware)), largest[-1])
    found = [_Goal(tier, size) for tier in tiers if (size := main_size(report.sizes, tier.id)) is not None]
    return next((each for each in found if each.size.use == "good"), found[0] if found else None)


def _sizes(report: Report, tier: ProfileReport) -> list[SizePlan]:
    return [each for each in report.sizes if each.task == "inference" and tier.id in each.tiers]


def _install_and_run(goal: _Goal, machine: Machine, known: Known, planned: bool) -> tuple[NextStep, Advice | None]:
    profile = next(each for each in known.profiles if each.id == goal.tier.id)
    start = best_start(known.starters, goal.size, usable_engines(goal.tier.findings, machine, known.tables), machine)
    if start is None and goal.size.plan is not None and goal.size.plan.build is not None:
        return _run_elsewhere(goal, goal.size.plan, machine, known)
    way = start.plan if start is not None else goal.size.plan
    runtime = None if way is None else way.runtime
    request = missing_libraries(goal.tier.findings, machine, known.tables, profile, runtime)
    missing = (*(known.tables.libraries[each].name for each in request.libraries), *request.uncatalogued)
    step = _step(goal, missing, _hint(request, machine, known.tables), start)
    if not missing or not planned:
        return step, None
    from llmcheck.install.plan import plan_installation  # with all of its steps: not for the screen

    plan = plan_installation(goal.tier.id, request.libraries, machine, known.tables, tier=request)
    return step, Advice(profile=goal.tier.id, reason=_count(missing), plan=plan)


def _count(missing: Sequence[str]) -> str:
    return "1 library is missing" if len(missing) == 1 else f"{len(missing)} libraries are missing"


def _run_elsewhere(goal: _Goal, plan: RuntimePlan, machine: Machine, known: Known) -> tuple[NextStep, Advice | None]:
    """With a build of the runtime that no index of Python packages has: where it comes from is said, not planned."""
    start = best_start(known.starters, goal.size, (plan.runtime,), machine)
    return _step(goal, (), plan.build, start), None


def _hint(request: TierRequest, machine: Machine, tables: Tables) -> str | None:
    """A driver that would allow a newer PyTorch; None where PyTorch is there, or no GPU could use it."""
    if "torch" not in request.libraries or not counted_gpus(machine):
        return None
    from llmcheck.install.torch import torch_build

    return torch_build(machine, tables.wheels, tables.drivers).remedy


def _step(goal: _Goal, missing: tuple[str, ...], hint: str | None, start: Start | None) -> NextStep:
    return NextStep(
        kind="install" if missing else "run",
        tier=goal.tier.id,
        missing=missing,
        install=("llmcheck", "install", goal.tier.id, "--format", "sh") if missing else None,
        hint=hint,
        model=None if start is None else start.repository,
        plan=None if start is None else start.plan,
        program=None if start is None else start.program,
        library=None if start is None or start.program is None else _library_of(start),
        launch=None if start is None else start.plan.launch,
        launch_environment={} if start is None else start.plan.launch_environment,
        launch_service=() if start is None else start.plan.launch_service,
        launch_valid_for=None if start is None else start.plan.launch_valid_for,
    )


def _library_of(start: Start) -> str:
    runtime = runtimes.named(start.plan.runtime)
    return runtime.library or runtime.id


def _other_hardware(report: Report, known: Known) -> tuple[NextStep, Advice | None]:
    """Towards the least demanding tier: a machine to rent."""
    tier = next((each for each in report.profiles if each.task == "inference"), report.profiles[0])
    offer = known.cheapest_offer(tier.id) if tier.hardware == "not-ready" else None
    return NextStep(kind="other-hardware", tier=tier.id), Advice(
        profile=tier.id, reason="no size of model runs on this hardware", rent=offer, tip=_tip(tier)
    )


def _tip(report: ProfileReport) -> str | None:
    return next(
        (finding.remedy for finding in report.findings if finding.group == "hardware" and finding.status == "fail"),
        None,
    )
