"""A few training steps, tensor by tensor in the simulated allocator: what it holds beyond what is allocated.

Two causes: the optimizer's states are made after the first step, in blocks that its activations have left, so that the
second step needs others; and batches of different lengths leave blocks that are too small for the next.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from llmcheck.fit.memory.activations import (
    activation_bytes_per_token,
    loss_bytes_per_token,
    stored_bytes_per_token,
)
from llmcheck.fit.memory.allocator import Allocator
from llmcheck.fit.memory.states import trained_of
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.training_choices import FULLY_SHARDED, element_size, frozen_base, sharding_of
from llmcheck.fit.shapes import matrices
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Term, term

_FEW, _MORE = 4, 8
"""Layers of the two simulations from which those of the model are extrapolated: all layers are alike."""
_MOST = 1 << 50
"""Bytes of a layer beyond which nothing is simulated: no GPU has them."""
_SAME = (1.0, 1.0, 1.0)
_VARYING = (0.55, 0.8, 0.4, 1.0, 0.65, 0.9, 0.5, 0.75)
"""Lengths of the batches that are simulated, as shares of the longest."""
_WIDE = 4
"""Tensors of the feed-forward width that a layer stores at most; the others have the hidden width."""
_MOMENTS = 2
"""Tensors of optimizer states for each weight."""
_SOURCE = (
    "freed blocks that PyTorch's allocator keeps for reuse and frees before memory runs out: its documented rules,"
    " simulated over a few steps; other orders of operations and other lengths leave other blocks"
)
_STREAMS = "FSDP gathers and reduces in streams of its own, whose freed blocks the computing stream cannot use"


class _Run(Struct, frozen=True, kw_only=True):
    """Bytes: of a token and a layer where the name says so."""

    tokens: float
    stored: float
    temporary: float
    """Of a layer while it is computed or recomputed, in addition to what it stores."""
    wide: float
    """Of a token: one tensor of the feed-forward width."""
    narrow: float
    """Of a token: one of the hidden width."""
    loss: float
    """Of a token, logits and gradients."""
    weights: float
    """Trained weights of a layer on this GPU."""
    gradient: float
    """Of a trained weight."""
    states: float
    """Of a trained weight."""
    edge: float
    """Trained weights of embedding and output projection on this GPU."""
    gathered: float
    """Of a layer, while it is computed."""
    vary: bool
    expandable: bool


def cached_blocks(use: ModelUse, part: GpuPart) -> list[Term]:
    """What PyTorch's allocator holds beyond what is allocated at the peak of training, on one GPU."""
    run = _run_of(use, part)
    if run.tokens * (run.stored + run.temporary + run.loss) + run.weights * run.states > _MOST:
        return []
    layers = max(round(use.architecture.layers * part.layers), 1)
    few = _beyond(run, min(_FEW, layers))
    size = float(few)
    if layers > _FEW:
        more = _beyond(run, min(_MORE, layers))
        size = max(few + (more - few) / (min(_MORE, layers) - _FEW) * (layers - _FEW), 0.0)
    low, high = (0.5, 1.6) if run.vary else (0.5, 1.4)
    found = [term("overhead", "cached blocks", size, _SOURCE, low=low * size, high=high * size, part="allocator")]
    beside = _of_streams(use, part)
    if beside:
        name = "cached blocks of the streams that communicate"
        found.append(term("overhead", name, beside, _STREAMS, low=0.7 * beside, high=1.6 * beside, part="allocator"))
    return found


def _of_streams(use: ModelUse, part: GpuPart) -> float:
    """Bytes that FSDP's own streams hold at the peak of the others: blocks of one stream serve no other.

    The largest unit is the root's, with embedding and output projection: what gathers it, and what reduces its
    gradient. Measured with 8 and 64 ranks: 0.8 to 2.2 times this (``benchmarks/results/h100-80gb-sxm``)."""
    trained = trained_of(use, part)
    many = part.data * part.context > 1
    if not many or sharding_of(use.workload) not in FULLY_SHARDED:
        return 0.0
    reduced = 0.0 if frozen_base(use.workload) else trained.states.gradient
    return trained.edge * (2.0 + reduced)


def _run_of(use: ModelUse, part: GpuPart) -> _Run:
    trained, work = trained_of(use, part), use.workload
    own, in_ram = trained.states, trained.offload != "none"
    layers = max(use.architecture.layers * part.layers, 1)
    edge = 0.0 if trained.adapters else trained.edge
    stored = stored_bytes_per_token(use, part, use.context)
    whole = activation_bytes_per_token(use, part, use.context, recomputing=True)
    sharded, size = trained.shards(3) > 1, element_size(work)
    return _Run(
        tokens=use.context * use.batch / part.context,
        stored=stored,
        temporary=max(whole - stored, 0.0),
        wide=size * matrices.inner_width(use.architecture) / part.tensor,
        narrow=size * use.architecture.hidden / part.tensor,
        loss=loss_bytes_per_token(use, part) if part.last else 0.0,
        weights=(trained.trained - edge) / layers / trained.shards(2),
        gradient=0.0 if in_ram else own.gradient,
        states=0.0 if in_ram else own.optimizer + own.master,
        edge=edge / trained.shards(2),
        gathered=2.0 * trained.layer if sharded and not trained.adapters else 0.0,
        vary=bool(work.lengths_vary),
        expandable=bool(work.expandable_segments),
    )


@lru_cache(maxsize=256)
def _beyond(run: _Run, layers: int) -> int:
    """Bytes that are reserved beyond the allocated peak, of a model with so many layers."""
    allocator = Allocator(expandable=run.expandable)
    states: list[int] = []
    for share in _VARYING if run.vary else _SAME:
        gradients = _backward(allocator, run, share, _forward(allocator, run, share, layers))
        if not states:
            each = [size for size in _matrices(run.weights * run.states / _MOMENTS) for _ in range(_MOMENTS)]
            of_edge = [round(run.edge * run.states / _MOMENTS)] * _MOMENTS if run.edge * run.states else []
            states = [allocator.allocate(size) for size in (*of_edge, *(each * layers))]
        for handle in gradients:
            allocator.free(handle)
    return max(allocator.peak_reserved - allocator.peak_allocated, 0)


def _matrices(size: float) -> tuple[int, ...]:
    """The weights of a layer as its matrices: three large ones, and those of attention."""
    return tuple(max(round(size * share), 1) for share in (0.28, 0.28, 0.28, 0.06, 0.06, 0.02, 0.02)) if size else ()


def _tensors(run: _Run, size: float) -> list[int]:
    """Bytes per token of the tensors that a layer's activations are. ``size``: of all of them."""
    wide = min(int(size / run.wide), _WIDE) if run.wide else 0
    rest = size - wide * run.wide
    narrow = int(rest / run.narrow) if run.narrow else 0
    sizes = [run.wide] * wide + [run.narrow] * narrow + [rest - narrow * run.narrow]
    return [round(each) for each in sizes if each >= 1]


def _forward(allocator: Allocator, run: _Run, share: float, layers: int) -> list[list[int]]:
    """The handles of what each layer stores."""
    tokens, kept = run.tokens * share, []
    for _ in range(layers):
        whole = [allocator.allocate(round(run.gathered))] if run.gathered else []
        own = [allocator.allocate(round(tokens * size)) for size in _tensors(run, run.stored)]
        whole += [allocator.allocate(round(tokens * size)) for size in _tensors(run, run.temporary)]
        for handle in whole:
            allocator.free(handle)
        kept.append(own)
    return kept


def _backward(allocator: Allocator, run: _Run, share: float, kept: list[list[int]]) -> list[int]:
    """The loss, then the layers from the last to the first; the handles of the gradients."""
    tokens, take, free = run.tokens * share, allocator.allocate, allocator.free
    gradients: list[int] = []
    if run.loss:
        # of what is there at the peak, by size: logits in 16 bits (made first, freed before the backward pass), then
        # three tensors in 32 bits, of which the first takes the place of a copy of the logits
        unit = tokens * run.loss / 12.0
        narrow, wide = take(round(2 * unit)), take(round(4 * unit))
        softmax = take(round(4 * unit))
        free(wide)
        free(narrow)
        first, second = take(round(4 * unit)), take(round(4 * unit))
        free(first)
        free(softmax)
        narrow = take(round(2 * unit))
        free(second)
        if run.edge:
            gradients.append(take(round(run.edge * run.gradient)))
        free(narrow)
    for own in reversed(kept):
        whole = [take(round(run.gathered))] if run.gathered else []
        whole += [take(round(tokens * size)) for size in _tensors(run, run.temporary)]
        gradients += [take(size) for size in _matrices(run.weights * run.gradient)]
        for handle in (*whole, *own):
            free(handle)
    return gradients
