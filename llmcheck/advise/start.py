"""The command that starts a model in the environment that was judged, and the model that it starts."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.advise.outlook import main_size, size_plans
from llmcheck.fit import capacity as capacities
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.obstacles import obstacle
from llmcheck.fit.plans import Candidate, Wishes, plan_of, plans_on
from llmcheck.fit.plans.policy import READABLE, loses_little, order
from llmcheck.fit.use import ModelUse
from llmcheck.install.choose import usable_engines
from llmcheck.runtimes import Runtime
from llmcheck.schema.estimate import Plan
from llmcheck.schema.machine import Gpu, Machine
from llmcheck.schema.outlook import SizePlan
from llmcheck.schema.report import ProfileReport
from llmcheck.schema.starter import Starter
from llmcheck.schema.workload import Workload
from llmcheck.tables.tables import Tables
from llmcheck.units import GB

_WISHES = Wishes()
_PYTHON = "python"
_ONE_FILE = 30 * GB
"""Larger GGUF models come in several files, of which llama.cpp's Python package downloads only one."""


class Start(Struct, frozen=True):
    repository: str
    plan: Plan
    program: str | None
    """What the command starts, where an installation of the runtime's library does not bring it."""


def best_start(starters: Sequence[Starter], goal: SizePlan, engines: Sequence[str], machine: Machine) -> Start | None:
    """The best model of a size that runs, with the command for it; None where none of the table's does.

    ``engines``: ids of the runtimes to use; the one of the goal's plan comes before the others. () for a machine whose
    software is not known: then any runtime.
    """
    capacity = capacities.of(machine)
    own = goal.plan.runtime if goal.plan is not None else None
    first = [each for each in engines if each == own]
    others = [each for each in engines if each != own]
    binding = bool(engines) and not _has_program(machine)
    groups = [each for each in (first, others) if each] if engines else [[]]
    for group in groups:
        for starter in starters:
            plan = _plan(starter, group, capacity, goal, binding) if starter.size == goal.parameters else None
            if plan is not None and plan.launch is not None:
                outside = binding and runtimes.named(plan.runtime).has_binding and plan.launch[0] != _PYTHON
                started = plan if outside else _in_environment(plan, machine)
                return Start(starter.repository, started, plan.launch[0] if outside else None)
    return None


def _plan(
    starter: Starter, engines: Sequence[str], capacity: Capacity, goal: SizePlan, python_binding: bool
) -> Plan | None:
    for each in _ways(starter, engines, capacity):
        rate = each.tokens_per_second
        slow = each.placed.verdict != "fits" if rate is None else rate < READABLE
        if (slow and goal.use == "good") or not loses_little(each.use.weight_format.name, each.published):
            continue
        split = each.use.stored.total > _ONE_FILE
        plan = plan_of(each, starter.words, starter.gguf, python_binding=python_binding and not split)
        if plan.launch is not None:
            return plan
    return None


def _ways(starter: Starter, engines: Sequence[str], capacity: Capacity) -> list[Candidate]:
    """The best plan of each runtime, the best one first."""
    use = ModelUse(starter.architecture, Workload(method="inference"))
    gpus = [device.gpu for group in capacity.groups for device in group] if capacity.gpus_listed else None
    possible = [each for each in engines if _runs(runtimes.named(each), gpus, capacity)]
    tried = [use.changed(runtime=each) for each in possible] if engines else [use]
    found = [plans[0] for plans in (plans_on(each, capacity) for each in tried) if plans]
    return sorted(found, key=lambda each: order(each, _WISHES))


def _runs(runtime: Runtime, gpus: Sequence[Gpu] | None, capacity: Capacity) -> bool:
    return obstacle(runtime, gpus, capacity.system, capacity.site_for(runtime)) is None


def _has_program(machine: Machine) -> bool:
    """Whether llama.cpp's own server is on PATH."""
    return any(tool.name == "llama-server" and tool.path for tool in machine.software.tools or ())


def _in_environment(plan: Plan, machine: Machine) -> Plan:
    """The launch line with the path of what the judged environment has or will have: it need not be active."""
    python = machine.software.python
    on_path = {tool.name for tool in machine.software.tools or () if tool.path}
    if plan.launch is None or python is None or python.environment == "system" or plan.launch[0] in on_path:
        return plan
    program, *rest = plan.launch
    separator = "\\" if "\\" in python.executable else "/"
    folder, _, file = python.executable.rpartition(separator)
    if program != _PYTHON:
        file = f"{program}.exe" if file.endswith(".exe") else program
    return replace(plan, launch=(f"{folder}{separator}{file}" if folder else program, *rest))


def runtime_for(report: ProfileReport, machine: Machine, tables: Tables, starters: Sequence[Starter]) -> str | None:
    """The runtime to install for a profile: of the model that would be started, else of the plan for its main size.

    None for a profile without inference, and where nothing runs.
    """
    goal = main_size(size_plans((report,)), report.id)
    if goal is None:
        return None
    start = best_start(starters, goal, usable_engines(report.findings, machine, tables), machine)
    chosen = start.plan if start is not None else goal.plan
    return None if chosen is None else chosen.runtime
