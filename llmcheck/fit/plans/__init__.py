"""How would one run this model on this machine: the one search that every answer uses.

``plans`` tries every way that costs nothing before it gives up, and returns those that fit, the best first. The order
is in ``policy``.
"""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.fit import capacity as capacities
from llmcheck.fit import speed
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.memory.total import resolved
from llmcheck.fit.placement import PlacementResult, place
from llmcheck.fit.plans import inference, training
from llmcheck.fit.plans.candidate import Candidate, Wishes
from llmcheck.fit.plans.described import loss_of, plan_of
from llmcheck.fit.plans.policy import loses_little, order
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Speed
from llmcheck.schema.machine import Cpu, Machine

__all__ = (
    "NO_WISHES",
    "Candidate",
    "Wishes",
    "candidate",
    "least_memory",
    "loss_of",
    "plan_of",
    "plans",
    "plans_on",
    "speed_of",
    "training",
)
NO_WISHES = Wishes()


def plans(
    use: ModelUse, machine: Machine, wishes: Wishes = NO_WISHES, *, assume_idle: bool = False
) -> tuple[Candidate, ...]:
    """Every way to use the model on the machine that fits its memory, the best one first; () where none does.

    What the workload names (runtime, weights, context, cache, method, sharding) is kept; what it leaves open is chosen.
    ``assume_idle``: as if nothing else ran there.
    """
    from llmcheck.fit.plans import downloads  # the first screen has sizes alone, which are not downloaded

    wishes = replace(wishes, storage=wishes.storage or downloads.storage(machine))
    return plans_on(use, capacities.of(machine, assume_idle=assume_idle), wishes)


def plans_on(use: ModelUse, capacity: Capacity, wishes: Wishes = NO_WISHES) -> tuple[Candidate, ...]:
    """``plans`` for memory that was counted before."""
    capacity = capacities.distinct(capacity)
    if use.is_inference:
        wanted = inference.wanted_context(use, wishes)
        found = [
            replace(candidate(each.use, each.placed, capacity, wishes), wanted_context=wanted, is_alone=each.is_alone)
            for each in inference.tried(use, capacity, wishes)
        ]
    else:
        own, placed = training.easiest(use, capacity)
        found = [candidate(own, placed, capacity)] if placed.fits else []
    return tuple(sorted(found, key=lambda each: order(each, wishes)))


def least_memory(use: ModelUse, capacity: Capacity) -> tuple[ModelUse, PlacementResult] | None:
    """Of the formats that lose little, in what runs on the machine, the way that needs the least memory, fit or not.

    None where nothing runs there that reads the model.
    """
    published = use.with_shapes_alone().changed(weights=None).weight_format.name
    smallest = []
    for runtime in inference.suitable(use, capacity):
        if not capacity.groups and not runtime.offloads:
            continue
        names = [each for each in inference.format_names(use, runtime) if loses_little(each, published)]
        own = use.changed(runtime=runtime.id, weights=names[-1] if names else use.workload.weights)
        smallest.append((own, place(own, capacity)))
    return min(smallest, key=lambda each: each[1].memory.total, default=None)


def candidate(use: ModelUse, placed: PlacementResult, capacity: Capacity, wishes: Wishes = NO_WISHES) -> Candidate:
    """A use with its placement, measured. ``capacity``: of the machine where it was placed."""
    shapes = use.with_shapes_alone().changed(weights=None)
    return Candidate(
        use=use,
        placed=placed,
        speed=speed_of(use, placed, capacity.cpu),
        published=shapes.weight_format.name,
        wanted_context=use.context,
        is_alone=False,
        installed=capacity.installed.has(use.runtime),
        needs=capacity.installed.lacks(use.runtime, use.workload),
        storage=wishes.storage,
        names=wishes.names,
        download=inference.download(use, wishes),
    )


def speed_of(use: ModelUse, placed: PlacementResult, cpu: Cpu) -> Speed:
    """The rates of a use where it lies; none where it does not fit. ``cpu``: of the machine where it was placed."""
    if not placed.fits:
        return Speed()
    full = ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1)), use.draft)
    in_the_way = not use.is_inference or placed.verdict == "fits-with-offload"
    found, _notes = speed.speed(
        full,
        [device.gpu for device in placed.devices],
        offloaded_bytes=placed.offloaded_bytes if in_the_way else 0,
        expert_bytes_in_ram=placed.expert_bytes_in_ram,
        layers_per_gpu=placed.placement.layers_per_gpu if placed.placement is not None else None,
        cpu=cpu,
    )
    return found
