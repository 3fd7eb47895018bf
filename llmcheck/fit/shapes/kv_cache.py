"""Bytes of keys and values, as the shapes give them: the same in every runtime."""

from __future__ import annotations

from llmcheck.fit.shapes import formats
from llmcheck.schema.architecture import Architecture, Attention

SOURCE = (
    "2 x layers x KV heads x head size x tokens; MLA: one latent vector per layer; sliding windows: up to the "
    "window; an indexer's keys: 8.25 bits each"
)

INDEXER_BITS = 8.25
"""An indexer's keys are kept in 8 bits with a 32-bit scale for 128 of them, whatever the format of the cache (vLLM,
SGLang)."""


def elements(group: Attention, tokens: int) -> int:
    """Cached elements of one sequence in this group of layers, without recurrent state and an indexer's keys."""
    if group.kind == "state":
        return 0
    layers = max(group.layers - group.shares_cache, 0)
    kept = tokens if group.window is None else min(tokens, group.window)
    if group.compressed:
        kept += tokens // group.compressed
    if group.kind == "mla":
        return layers * kept * group.latent
    return layers * kept * group.kv_heads * (group.head_dim + (group.value_dim or group.head_dim))


def size(architecture: Architecture, tokens: int, sequences: int, kind: str | None = None) -> int:
    """Bytes of the KV cache of a model. ``kind``: its format; None: 16 bits."""
    return of_groups(architecture.attention, tokens, sequences, kind)


def of_groups(
    groups: tuple[Attention, ...],
    tokens: int,
    sequences: int,
    kind: str | None = None,
    values: str | None = None,
    state_bits: int = 16,
) -> int:
    """Bytes of the KV cache of some layers.

    ``values``: the format of the values, where it is not ``kind``. ``state_bits``: of an element of a recurrent state,
    which no runtime quantises.
    """
    bits, of_values = formats.cache_bits(kind), formats.cache_bits(values or kind)
    total = sum(group.indexer for group in groups) * tokens * INDEXER_BITS
    for group in groups:
        if group.kind == "state":
            total += group.layers * _state_bits(group, max(bits, state_bits))
        elif of_values == bits or group.kind == "mla":
            total += elements(group, tokens) * bits
        else:
            value = group.value_dim or group.head_dim
            total += elements(group, tokens) * (group.head_dim * bits + value * of_values) / (group.head_dim + value)
    return round(sequences * total / 8)


def _state_bits(group: Attention, bits: float) -> float:
    """Bits of the state of one layer and sequence."""
    recurrent = max(bits, 32) if group.wide else bits
    return group.convolution * bits + (group.state - group.convolution) * recurrent
