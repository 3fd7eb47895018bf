"""What else would fit: the largest context, batch and weight format, and alternatives to a workload that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from llmcheck.fit.capacity import Capacity
from llmcheck.fit.changes import Change, combined_changes, largest, single_changes
from llmcheck.fit.options import difference
from llmcheck.fit.placement import place
from llmcheck.fit.reason import sentence
from llmcheck.fit.shapes import formats, weights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Alternative, ChangeKind, FitVerdict
from llmcheck.schema.machine import GpuSpec
from llmcheck.schema.workload import Workload

_RANK = ("free", "quality", "speed")
"""Costs of a change, cheapest first; changes of the hardware come after these."""
_SHOWN = 3
_MAX_BATCH = 4096


def largest_context(use: ModelUse, capacity: Capacity, verdict: FitVerdict) -> int | None:
    """Most tokens of each sequence with this verdict, up to the context of the model; None if no number has it."""
    most = use.architecture.context or 1_048_576
    return largest(_has_verdict(verdict, capacity, lambda n: use.changed(context=n, prompt=None)), min(256, most), most)


def largest_batch(use: ModelUse, capacity: Capacity, verdict: FitVerdict) -> int | None:
    """Most sequences at a time with this verdict; None if not even one has it."""
    return largest(_has_verdict(verdict, capacity, lambda n: use.changed(batch=n)), 1, _MAX_BATCH)


def _has_verdict(verdict: FitVerdict, capacity: Capacity, changed: Callable[[int], ModelUse]) -> Callable[[int], bool]:
    return lambda number: place(changed(number), capacity).verdict == verdict


def best_weights(use: ModelUse, capacity: Capacity) -> str | None:
    """The largest weight format with which everything fits on the GPUs; None where there is none, and in training."""
    if not use.is_inference:
        return None
    for name in weight_formats(use, use.runtime.ladder):
        if place(use.changed(weights=name), capacity).verdict == "fits":
            return name
    return None


def weight_formats(use: ModelUse, ladder: Sequence[str]) -> Iterator[str]:
    """The format that the model is published in, if the runtime reads it, and the smaller formats of ``ladder``.

    A model that is published in 4 bits has no 16-bit weights. Of the workload, only the runtime matters.
    """
    shapes = use.with_shapes_alone().changed(weights=None)
    own = shapes.weight_format
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
    given: Workload | None = None,
) -> tuple[Alternative, ...]:
    """Up to three changes with which it fits, cheapest first; each is placed on the machine to be sure.

    ``idle``: the machine as if no other process ran; ``specs``: GPUs that may be proposed; ``on_gpus_alone``: leave out
    what fits only with RAM, because the workload itself does. ``given``: what was named; what was left open is not
    changed again, for the plans have tried it. None: every field of the workload counts as named.
    """
    tried: set[ChangeKind] = set() if given is None else _tried(use, given)
    given = given or use.workload
    one = list(single_changes(use, capacity, idle, tried))
    many = [] if "combined" in tried else list(combined_changes(use, capacity))
    found: list[Alternative] = []
    for cost in _RANK:
        for change in (each for each in one if each.cost == cost):
            if len(found) < _SHOWN:
                _try(change, found, given, on_gpus_alone)
        if found:
            continue
        for change in (each for each in many if each.cost == cost):
            if len(found) < _SHOWN - 1:
                _try(change, found, given, on_gpus_alone)
    from llmcheck.fit.hardware import hardware_changes  # it asks the planner, which needs this module

    for kind in hardware_changes(use, capacity, specs):
        if len(found) < _SHOWN:  # who buys a card wants all of it on the card
            any(_try(change, found, given, on_gpus_alone or use.is_inference) for change in kind)
    return tuple(found)


def _tried(use: ModelUse, given: Workload) -> set[ChangeKind]:
    """Kinds of changes that the planner makes by itself where nothing was named."""
    if not use.is_inference:
        return set()
    tried: set[ChangeKind] = set() if given.kv_cache is not None else {"kv-cache"}
    if given.context is None and given.prompt is None:
        tried |= {"context", "combined"} if given.batch == 1 else {"context"}
    return tried


def _try(change: Change, found: list[Alternative], given: Workload, on_gpus_alone: bool) -> bool:
    """Appends the change to ``found`` if it fits, and returns whether it does."""
    placed = place(change.use, change.capacity)
    if not placed.fits or (on_gpus_alone and placed.verdict != "fits"):
        return False
    words, workload, own = change.words, change.use.workload, change.use.architecture
    if change.use.is_inference and given.weights is None and workload.weights not in (None, own.dtype):
        words = f"{words}, weights in {workload.weights}"
    if placed.verdict == "fits-with-offload" and change.use.is_inference:
        words = f"{words}; {sentence(placed.reasons)}"
    found.append(
        Alternative(
            kind=change.kind,
            change=words,
            workload=workload,
            total=placed.memory.total,
            cost=change.cost,
            gpus=change.gpus,
            gpu=change.gpu,
            options=_options(change, given),
        )
    )
    return True


def _options(change: Change, given: Workload) -> tuple[str, ...]:
    """What to add to the command line; () for other hardware, and where no options can make the change."""
    changed = change.use.workload
    if change.kind == "end-processes":
        return ("--assume-idle", *difference(given, changed))
    return () if change.cost == "hardware" else difference(given, changed)
