"""The answer of the first screen: which sizes of model this machine runs and trains, and the best way for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec.structs import replace

from llmcheck.fit.plans.policy import READABLE, loses_little
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.estimate import Plan
from llmcheck.schema.outlook import Cards, CardsForSize, SizePlan, Task, Usefulness
from llmcheck.schema.report import ProfileReport

_TASKS: tuple[Task, ...] = ("inference", "fine-tuning", "pre-training")
_WORTHWHILE: tuple[Usefulness, ...] = ("good", "slow")


def size_plans(reports: Sequence[ProfileReport], cards: Sequence[CardsForSize] = ()) -> tuple[SizePlan, ...]:
    """One for each task and size that the profiles compute, in the order of the profiles.

    ``cards``: what would do, where a size does not run.
    """
    enough = {(each.task, each.parameters): each.enough for each in cards}
    found: dict[tuple[Task, str], SizePlan] = {}
    for report in reports:
        task = _task(report)
        for parameters, methods in groupby(report.computed, key=lambda each: each.parameters):
            known = found.get((task, parameters)) or _size_plan(task, parameters, tuple(methods), enough)
            found[task, parameters] = replace(known, tiers=(*known.tiers, report.id))
    return tuple(sorted(found.values(), key=lambda each: _TASKS.index(each.task)))


def main_size(sizes: Sequence[SizePlan], tier: str) -> SizePlan | None:
    """Of a tier's inference: the largest size that runs well, else the largest that is slow; None where none runs."""
    own = [each for each in sizes if each.task == "inference" and tier in each.tiers]
    for use in _WORTHWHILE:
        best = [each for each in own if each.use == use]
        if best:
            return best[-1]
    return None


def lacking_size(sizes: Sequence[SizePlan]) -> SizePlan | None:
    """The smallest size of inference that does not run well, so that a larger machine would be rented for it."""
    return next((each for each in sizes if each.task == "inference" and each.use != "good"), None)


def _task(report: ProfileReport) -> Task:
    """Of a general profile too: the minimum is about inference."""
    return next((each for each in _TASKS if each == report.task), "inference")


def _size_plan(
    task: Task,
    parameters: str,
    methods: Sequence[ComputedMethod],
    enough: Mapping[tuple[Task, str], tuple[Cards, ...]],
) -> SizePlan:
    best = next(_best_first(task, methods), None)
    plan = best.plan if best is not None else None
    use = _use(task, plan)
    verdict = (best or methods[0]).verdict
    lacks = use == "none" and verdict != "unknown" and task != "pre-training"
    return SizePlan(
        task=task,
        parameters=parameters,
        tiers=(),
        verdict=verdict,
        use=use,
        kind=best.kind if best is not None and task == "fine-tuning" else None,
        plan=plan,
        days=best.days.expected if best is not None and best.days is not None else None,
        enough=enough.get((task, parameters), ()) if lacks else (),
    )


def _use(task: Task, plan: Plan | None) -> Usefulness:
    if plan is None:
        return "none"
    rate = plan.tokens_per_second
    if task == "fine-tuning" or (plan.verdict == "fits" if rate is None else rate.expected >= READABLE):
        return "good"
    return "slow" if loses_little(plan.weights, None) else "none"


def _best_first(task: Task, methods: Sequence[ComputedMethod]) -> Iterator[ComputedMethod]:
    """Of inference the planner's choice, which comes last; of training what changes most of the model."""
    ordered = methods if task == "fine-tuning" else tuple(reversed(methods))
    for verdict in ("fits", "fits-with-offload"):
        yield from (each for each in ordered if each.verdict == verdict and (each.plan or task == "pre-training"))
