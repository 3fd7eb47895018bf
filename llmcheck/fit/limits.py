"""What else fits: the largest context, batch and weight format, and the nearest changes that make it fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from llmcheck.fit.capacity import Capacity
from llmcheck.fit.changes import Change, largest, on_other_hardware, several, single
from llmcheck.fit.placement import place
from llmcheck.fit.reason import sentence
from llmcheck.fit.shapes import formats, weights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Alternative, FitVerdict
from llmcheck.schema.machine import GpuSpec

_RANK = ("free", "quality", "speed")
"""Cheapest first; what needs other hardware comes after them."""
_SHOWN = 3
_MOST_BATCH = 4096


def largest_context(use: ModelUse, capacity: Capacity, verdict: FitVerdict) -> int | None:
    """Tokens for each sequence with the same verdict, up to what the model declares; None if none has it."""
    most = use.architecture.context or 1_048_576
    return largest(_has(verdict, capacity, lambda n: use.changed(context=n, prompt=None)), min(256, most), most)


def largest_batch(use: ModelUse, capacity: Capacity, verdict: FitVerdict) -> int | None:
    """Sequences at a time with the same verdict; None if not even one has it."""
    return largest(_has(verdict, capacity, lambda n: use.changed(batch=n)), 1, _MOST_BATCH)


def _has(verdict: FitVerdict, capacity: Capacity, changed: Callable[[int], ModelUse]) -> Callable[[int], bool]:
    return lambda number: place(changed(number), capacity).verdict == verdict


def best_weights(use: ModelUse, capacity: Capacity) -> str | None:
    """The best format in which everything lies on the GPUs; None where there is none, and for training."""
    if not use.is_inference:
        return None
    for name in weight_formats(use, use.runtime.ladder):
        if place(use.changed(weights=name), capacity).verdict == "fits":
            return name
    return None


def weight_formats(use: ModelUse, ladder: Sequence[str]) -> Iterator[str]:
    """The format that a model is published in, and those of the ladder that take less, best first.

    One that is published in 4 bits has no 16 to offer. Other workload fields than the runtime do not matter.
    """
    shapes = use.with_shapes_alone().changed(weights=None)
    own = shapes.form
    most = weights.stored(shapes.architecture, own).total
    if own.family in use.runtime.families:
        yield own.name
    for name in ladder:
        form = formats.weights(name)
        # With two thirds of the bits it takes less, whatever it leaves in 16: no need to count it tensor by tensor.
        clearly_less = own.family == "plain" and form.bits < own.bits * 2 / 3
        if clearly_less or weights.stored(shapes.architecture, form).total < 0.98 * most:
            yield name


def alternatives(
    use: ModelUse,
    capacity: Capacity,
    idle: Capacity,
    specs: Sequence[GpuSpec] = (),
    *,
    on_gpus_alone: bool = False,
) -> tuple[Alternative, ...]:
    """Up to three changes with which it fits, cheapest first, each tried.

    ``idle``: the machine as if nothing else ran; ``specs``: cards that may be proposed; ``on_gpus_alone``: without
    the help of RAM, for with it the workload fits already."""
    one, many = list(single(use, capacity, idle)), list(several(use, capacity))
    found: list[Alternative] = []
    for cost in _RANK:
        for change in (each for each in one if each.cost == cost):
            if len(found) < _SHOWN:
                _try(change, found, on_gpus_alone)
        if found:
            continue
        for change in (each for each in many if each.cost == cost):
            if len(found) < _SHOWN - 1:
                _try(change, found, on_gpus_alone)
    for kind in on_other_hardware(use, capacity, specs):
        if len(found) < _SHOWN:
            any(_try(change, found, on_gpus_alone) for change in kind)
    return tuple(found)


def _try(change: Change, found: list[Alternative], on_gpus_alone: bool) -> bool:
    placed = place(change.use, change.capacity)
    if not placed.fits or (on_gpus_alone and placed.verdict != "fits"):
        return False
    words = change.words
    if placed.verdict == "fits-with-offload" and change.use.is_inference:
        words = f"{words}; {sentence(placed.reasons)}"
    workload = change.use.workload
    found.append(Alternative(change=words, workload=workload, total=placed.memory.total, cost=change.cost))
    return True
