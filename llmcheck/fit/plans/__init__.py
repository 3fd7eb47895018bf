"""How would one run this model on this machine: the one search that every answer uses.

``plans`` tries every way that costs nothing before it gives up, and returns those that fit, the best first. The order
is in ``policy``.
"""

from __future__ import annotations

from llmcheck.fit import capacity as capacities
from llmcheck.fit import speed
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.memory.total import resolved
from llmcheck.fit.placement import PlacementResult
from llmcheck.fit.plans import inference, training
from llmcheck.fit.plans.candidate import Candidate, Wishes
from llmcheck.fit.plans.described import plan_of
from llmcheck.fit.plans.policy import order
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Speed
from llmcheck.schema.machine import Machine

__all__ = ("Candidate", "Wishes", "candidate", "plan_of", "plans", "plans_on", "speed_of", "training")
NO_WISHES = Wishes()


def plans(
    use: ModelUse, machine: Machine, wishes: Wishes = NO_WISHES, *, assume_idle: bool = False
) -> tuple[Candidate, ...]:
    """Every way to use the model on the machine that fits, the best one first; () where none does.

    What the workload names (runtime, weights, context, cache, method, sharding) is kept; what it leaves open is chosen.
    ``assume_idle``: as if nothing else ran there.
    """
    return plans_on(use, capacities.of(machine, assume_idle=assume_idle), wishes)


def plans_on(use: ModelUse, capacity: Capacity, wishes: Wishes = NO_WISHES) -> tuple[Candidate, ...]:
    """``plans`` for memory that was counted before."""
    capacity = capacities.distinct(capacity)
    if use.is_inference:
        found = [candidate(each, placed, capacity) for each, placed in inference.tried(use, capacity, wishes)]
    else:
        own, placed = training.easiest(use, capacity)
        found = [candidate(own, placed, capacity)] if placed.fits else []
    return tuple(sorted(found, key=lambda each: order(each, wishes)))


def candidate(use: ModelUse, placed: PlacementResult, capacity: Capacity) -> Candidate:
    """A use with its placement, measured. ``capacity``: of the machine where it was placed."""
    shapes = use.with_shapes_alone().changed(weights=None)
    return Candidate(
        use=use,
        placed=placed,
        speed=speed_of(use, placed),
        published=shapes.weight_format.name,
        wanted_context=inference.wanted_context(use),
        installed=capacity.installed.has(use.runtime),
        needs=capacity.installed.lacks(use.runtime, use.workload),
    )


def speed_of(use: ModelUse, placed: PlacementResult) -> Speed:
    """The rates of a use where it lies."""
    full = ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1)))
    in_the_way = not use.is_inference or placed.verdict == "fits-with-offload"
    found, _notes = speed.speed(
        full,
        [device.gpu for device in placed.devices],
        offloaded_bytes=placed.offloaded_bytes if in_the_way else 0,
        expert_bytes_in_ram=placed.expert_bytes_in_ram,
    )
    return found
