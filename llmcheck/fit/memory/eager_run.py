"""An answer in eager PyTorch, tensor by tensor in the simulated allocator: what it holds beyond what is allocated.

The order of tensors is that of transformers' Llama: norm in 32 bits, queries, keys and values, rotation, scores and
softmax where attention is eager, output, norm, gate, up and down; then the logits. The cache grows by a new tensor at
each token, which is what leaves blocks behind that are too small for the next.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from llmcheck.fit.memory.allocator import Allocator
from llmcheck.fit.memory.loading import tensors_of
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.shapes import formats, matrices, weights
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Eager
from llmcheck.schema.architecture import Architecture, Attention
from llmcheck.units import MIB

_MOST_TENSORS = 12_000
"""Of the cache, in one simulation; of a longer answer every second token is made, or every third."""


class _Run(Struct, frozen=True, kw_only=True):
    """What is run; lengths are tokens."""

    architecture: Architecture
    weights: str
    layers: int
    first: bool
    last: bool
    batch: int
    prompt: int
    context: int
    scores: bool
    """Attention stores them."""
    cache_bits: float
    static_cache: bool
    expandable: bool
    habits: Eager


def cached_blocks(use: ModelUse, part: GpuPart, habits: Eager) -> int:
    """Bytes that PyTorch's allocator reserves beyond those that are allocated at the peak, on this GPU."""
    work, context = use.workload, use.context
    allocator = _simulated(
        _Run(
            architecture=use.with_shapes_alone().architecture,
            weights=use.weight_format.name,
            layers=max(round(use.architecture.layers * part.layers), 1),
            first=part.first,
            last=part.last,
            batch=use.batch,
            prompt=max(min(work.prompt or context, context), 1),
            context=context,
            scores=work.flash_attention is False,
            cache_bits=formats.cache_bits(work.kv_cache),
            static_cache=bool(work.static_cache),
            expandable=bool(work.expandable_segments),
            habits=habits,
        )
    )
    return max(allocator.peak_reserved - allocator.peak_allocated, 0)


@lru_cache(maxsize=64)
def _simulated(run: _Run) -> Allocator:
    allocator = Allocator(expandable=run.expandable)
    _load(allocator, run)
    cache = _forward(allocator, run, run.prompt, run.prompt, [])
    steps = run.context - run.prompt
    stride = max(-(-steps * run.layers * 2 // _MOST_TENSORS), 1)
    for tokens in (*range(run.prompt + stride, run.context, stride), *((run.context,) if steps > 0 else ())):
        cache = _forward(allocator, run, 1, tokens, cache)
    return allocator


def _load(allocator: Allocator, run: _Run) -> None:
    form, layers = formats.weights(run.weights), run.layers
    if run.habits.loads_by_tensor:
        for size in tensors_of(run.architecture, form, layers):
            allocator.allocate(size)
    else:  # parts of one block, which fill it
        allocator.allocate(weights.stored(run.architecture, form).total * layers // max(run.architecture.layers, 1))
    allocator.allocate(round(8.125 * MIB))


def _of_layers(run: _Run) -> list[Attention]:
    """The attention of each layer, the groups one after another."""
    found = [group for group in run.architecture.attention for _ in range(group.layers)]
    return found[: run.layers] or [Attention(kind="state", layers=1)] * run.layers


def _forward(allocator: Allocator, run: _Run, new: int, tokens: int, old: list[list[int]]) -> list[list[int]]:
    """One pass over ``new`` tokens of each sequence, after which ``tokens`` are cached; the handles of the cache."""
    model, take, free = run.architecture, allocator.allocate, allocator.free
    rows = run.batch * new
    hidden, inner = 2 * rows * model.hidden, 2 * rows * max(matrices.dense_width(model), model.expert_intermediate)
    cache: list[list[int]] = []
    stream = take(hidden)
    for layer, group in enumerate(_of_layers(run)):
        own = old[layer] if layer < len(old) else []
        kept = tokens if group.window is None else min(tokens, group.window)
        made = _cached(allocator, run, group, kept, own)
        cache.append(made)
        if new > 1 or layer == 0:
            _layer(allocator, run, group, rows, tokens, hidden, inner)
        result = take(hidden)
        free(stream)
        stream = result
    if run.last:
        logits = (rows if run.habits.all_logits else run.batch) * model.vocab
        narrow = take(2 * logits)
        wide = take(4 * logits)
        free(narrow)
        free(wide)
    free(stream)
    if run.habits.two_caches:
        kept_on = {each for made in cache for each in made}
        for handle in (each for handles in old for each in handles if each not in kept_on):
            free(handle)
    return cache


def _cached(allocator: Allocator, run: _Run, group: Attention, tokens: int, own: list[int]) -> list[int]:
    """Keys and values of one layer: new tensors, after each of which the old one is freed unless all are kept."""
    if group.kind == "state":
        return own or [allocator.allocate(round(2 * run.batch * group.state))]
    if own and run.static_cache:
        return own
    length = run.context if run.static_cache else tokens
    each = (group.latent,) if group.kind == "mla" else (
        group.kv_heads * group.head_dim, group.kv_heads * (group.value_dim or group.head_dim)
    )  # fmt: skip
    made = []
    for at, width in enumerate(each):
        made.append(allocator.allocate(round(run.batch * length * width * run.cache_bits / 8)))
        if own and not run.habits.two_caches:
            allocator.free(own[at])
    return made


def _layer(allocator: Allocator, run: _Run, group: Attention, rows: int, tokens: int, hidden: int, inner: int) -> None:
    """The temporary tensors of one layer, of whose cache the tensors are there already."""
    take, free = allocator.allocate, allocator.free
    normed = _norm(allocator, hidden)
    queries = 2 * rows * max(group.heads * group.head_dim, 1)
    plain, parts, rotated = take(queries), (take(queries), take(queries)), take(queries)
    for each in (plain, *parts, normed):
        free(each)
    if run.scores and group.heads:
        size = 2 * rows * group.heads * tokens
        scores, scaled = take(size), take(size)
        free(scores)
        wide = take(2 * size)
        free(scaled)
        narrow = take(size)
        free(wide)
        output = take(queries)
        free(narrow)
    else:
        output = take(queries)
    free(rotated)
    free(output)
    normed = _norm(allocator, hidden)
    gate = take(inner)
    activated = take(inner)
    free(gate)
    up, product = take(inner), take(inner)
    free(activated)
    free(up)
    free(take(hidden))
    free(product)
    free(normed)


def _norm(allocator: Allocator, hidden: int) -> int:
    """In 32 bits, then in 16; the handle of the result."""
    wide, scaled = allocator.allocate(2 * hidden), allocator.allocate(2 * hidden)
    allocator.free(wide)
    result = allocator.allocate(hidden)
    allocator.free(scaled)
    return result
