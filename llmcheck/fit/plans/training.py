"""Ways to train a model on a machine: for each method the first free help with which it fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmcheck.fit.capacity import Capacity
from llmcheck.fit.memory.training_choices import frozen_base
from llmcheck.fit.placement import PlacementResult, place
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import MethodKind

METHODS: tuple[tuple[MethodKind, dict[str, Any]], ...] = (
    ("full", {"method": "full"}),
    ("full-8bit-optimizer", {"method": "full", "optimizer": "adamw-8bit", "precision": "bf16"}),
    ("lora", {"method": "lora"}),
    ("qlora", {"method": "qlora"}),
)
"""From the one that changes every weight to the one that needs least memory."""


def all_methods(use: ModelUse) -> Iterator[tuple[MethodKind, ModelUse]]:
    """The same fine-tuning by each method. What the workload names of the method itself is left to each."""
    for kind, fields in METHODS:
        yield kind, use.changed(weights=None, **fields)


def easiest(use: ModelUse, capacity: Capacity) -> tuple[ModelUse, PlacementResult]:
    """The use with the least help that makes it fit; as it is where nothing helps.

    Nothing that the workload names is changed. Help that costs nothing comes first: a loss in pieces, and weights and
    states cut over the GPUs. What costs speed comes last: optimizer states in RAM.
    """
    as_it_is = place(use, capacity)
    if as_it_is.fits:
        return use, as_it_is
    for fields in _helps(use, capacity):
        own = use.changed(**fields)
        found = place(own, capacity)
        if found.fits:
            return own, found
    return use, as_it_is


def _helps(use: ModelUse, capacity: Capacity) -> Iterator[dict[str, Any]]:
    work, frozen = use.workload, frozen_base(use.workload)
    most = max((len(group) for group in capacity.groups), default=0)
    many = min(work.gpus or most, most) > 1
    chunked: dict[str, Any] = {} if work.chunked_loss is not None else {"chunked_loss": True}
    sharded: dict[str, Any] = {"sharding": "fsdp"} if many and work.sharding is None else {}
    paged: dict[str, Any] = {"optimizer": "paged-adamw-8bit"} if frozen and work.optimizer is None else {}
    tried: list[dict[str, Any]] = [{}]
    for fields in (chunked, sharded, sharded | chunked, sharded | chunked | paged):
        if fields not in tried:
            tried.append(fields)
            yield fields
    if work.offload is None and work.method == "full":
        yield sharded | chunked | {"offload": "optimizer"}
