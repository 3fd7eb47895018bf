"""Weights that are gathered from other GPUs for a moment, and the buffers of their communication."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.fit.memory.states import Trained
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.training_choices import FULLY_SHARDED, frozen_base, has_sharding_engine, sharding_of
from llmcheck.fit.shapes.weights import StoredWeights
from llmcheck.fit.use import ModelUse

GATHER = (
    "FSDP gathers two blocks and keeps the embedding and the output projection gathered; DeepSpeed keeps up to 1e9"
    " weights gathered under ZeRO-3 and reduces gradients in buckets of 5e8 under ZeRO-1 and ZeRO-2; DDP's buckets are"
    " a copy of all gradients"
)
_LIVE = 1e9
"""``stage3_max_live_parameters`` and ``stage3_max_reuse_distance``: DeepSpeed's default."""
_BUCKET = 5e8
"""``reduce_bucket_size``: DeepSpeed's default, in elements."""


class Gathered(Struct, frozen=True, kw_only=True):
    """Bytes beside the sharded state, at three moments of a step."""

    at_loss: float = 0.0
    in_backward: float = 0.0
    at_step: float = 0.0
    high: float = 0.0
    """The most that may be there."""


def gathered(use: ModelUse, part: GpuPart, trained: Trained, stored: StoredWeights) -> Gathered:
    """What one GPU gathers and buffers. ``stored``: bytes of all weights."""
    workload = use.workload
    many = part.data * part.context > 1
    name = sharding_of(workload) if many or has_sharding_engine(workload) else "none"
    if name == "zero3":
        return _zero3(use, part, trained, stored)
    if name in FULLY_SHARDED or trained.offload == "all":
        return _fsdp(use, part, trained, stored, name if many else "fsdp")
    count = trained.trained
    if name == "ddp":
        buckets = 0.0 if frozen_base(workload) else count * trained.states.gradient
        return Gathered(at_loss=buckets, in_backward=buckets, at_step=buckets, high=buckets)
    if name in ("zero1", "zero2") or trained.offload == "optimizer":
        bucket = 0.0 if frozen_base(workload) else min(count, _BUCKET) * 2.0
        return Gathered(at_loss=0.0, in_backward=bucket, high=2 * bucket)  # with overlap_comm there are two
    return Gathered()


def _compute_bytes(use: ModelUse, part: GpuPart, stored: StoredWeights) -> tuple[float, float]:
    """Bytes of one block, and of embedding and output projection, as they are computed with."""
    layers = max(use.architecture.layers * part.layers, 1)
    if frozen_base(use.workload):
        edge = (stored.embedding if part.first else 0) + (stored.head if part.last else 0)
        return stored.layers * part.layers / layers / part.tensor, edge / part.tensor
    counts = use.architecture.parameters
    edge = (counts.embedding if part.first else 0) + (counts.head if part.last else 0)
    blocks = (counts.total - counts.embedding - counts.head) * part.layers
    size = use.weight_format.bits / 8
    return size * blocks / layers / part.tensor, size * edge / part.tensor


def _fsdp(use: ModelUse, part: GpuPart, trained: Trained, stored: StoredWeights, name: str) -> Gathered:
    """The root unit, which has embedding and output projection, is gathered from the forward pass to its backward
    pass; of the blocks the one that is computed and the next."""
    block, edge = _compute_bytes(use, part, stored)
    frozen = frozen_base(use.workload)
    layers = use.architecture.layers * part.layers
    if name == "shard-grad-op" or (name == "fsdp1" and frozen):
        # all stay gathered; the flat parameter of frozen and trained weights is not freed
        whole = edge + block * layers
        gradient = 0.0 if frozen else (block + edge) * trained.states.gradient / 2.0
        return Gathered(at_loss=whole, in_backward=whole + gradient, high=whole + gradient + 2 * block)
    # the gradient of a block, and its 32-bit copy that is reduced where the shards are wider than what is computed with
    size = use.weight_format.bits / 8
    copy = trained.states.gradient / size if trained.states.gradient > size else 0.0
    of_one = 0.0 if frozen else 1.0 + copy
    in_backward = edge + 2 * block + of_one * block
    if name == "fsdp1" and not frozen:
        in_backward += edge  # the root's flat gradient is complete only with the embedding's
    head = 0.0 if frozen else of_one * edge
    return Gathered(at_loss=edge, in_backward=in_backward, high=max(in_backward, edge + head + block))


def _zero3(use: ModelUse, part: GpuPart, trained: Trained, stored: StoredWeights) -> Gathered:
    block, edge = _compute_bytes(use, part, stored)
    layers = use.architecture.layers * part.layers
    of_one = 2.0 * use.architecture.parameters.total * part.layers / part.tensor
    most = min(block * layers + edge, 2.0 * _LIVE)
    live = max(most, min(2 * block + edge, of_one))
    bucket = 0.0 if frozen_base(use.workload) else min(2.0 * _BUCKET, 2.0 * trained.layer)
    return Gathered(at_loss=live, in_backward=live + bucket, high=live + 2.0 * _BUCKET * 2.0)
