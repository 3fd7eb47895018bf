"""The methods of fine-tuning a model, side by side on one machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from llmcheck.fit import capacity as capacities
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.options import difference, options
from llmcheck.fit.plans import candidate, plan_of, training
from llmcheck.fit.plans.described import memory_of
from llmcheck.fit.reason import Reason, sentence
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.comparison import MethodFit, Methods
from llmcheck.schema.estimate import MethodKind
from llmcheck.schema.machine import Machine
from llmcheck.schema.workload import Workload

_MEMORY = ("too-large", "too-little-ram")
"""Reasons whose numbers are bytes that are needed and that are there."""


def methods(
    architecture: Architecture,
    workload: Workload,
    machine: Machine,
    *,
    assume_idle: bool = False,
    words: tuple[str, ...] = ("MODEL",),
) -> Methods:
    """Each method with the least help that makes it fit. ``workload``: what all of them share; its method is not read.

    ``words``: the arguments of ``llmcheck fit`` that name the model and the machine.
    """
    capacity = capacities.of(machine, assume_idle=assume_idle)
    shared = ModelUse(architecture, workload)
    rows = tuple(_row(kind, use, capacity, workload, words) for kind, use in _uses(shared))
    return Methods(
        model=architecture.name,
        machine=capacity.description,
        context=shared.changed(method="lora").context,
        methods=rows,
        assumptions=tuple(dict.fromkeys((*architecture.notes, *capacity.assumptions))),
    )


def _uses(shared: ModelUse) -> Iterator[tuple[MethodKind, ModelUse]]:
    """Those that leave what is named as it is: an optimizer that is named is that of every method."""
    work = shared.workload
    for kind, use in training.all_methods(shared):
        if kind == "full-8bit-optimizer" and (work.optimizer is not None or work.precision is not None):
            continue
        yield kind, use.changed(lora_rank=None, lora_targets=None) if use.workload.method == "full" else use


def _row(kind: MethodKind, use: ModelUse, capacity: Capacity, given: Workload, words: tuple[str, ...]) -> MethodFit:
    own, placed = training.easiest(use, capacity)
    found = candidate(own, placed) if placed.fits else None
    return MethodFit(
        kind=kind,
        method=own.workload.method,
        verdict=placed.verdict,
        reason=sentence(placed.reasons),
        memory=memory_of(placed),
        gpus=len(placed.devices),
        short_bytes=None if placed.fits else _short(placed.reasons),
        tokens_per_second=None if found is None else found.speed.train,
        days=None if found is None else found.speed.days,
        plan=None if found is None else plan_of(found, words, given=_without_method(given)),
        argv=("llmcheck", "fit", *words, *options(own.workload)),
        options=difference(_without_method(given), own.workload),
    )


def _without_method(given: Workload) -> Workload:
    """As ``--method all`` names none, the options of each method name it."""
    return replace(given, method="inference")


def _short(reasons: Sequence[Reason]) -> int | None:
    return next(
        (each.needed - each.available for each in reasons
         if each.code in _MEMORY and each.needed is not None and each.available is not None),
        None,
    )  # fmt: skip
