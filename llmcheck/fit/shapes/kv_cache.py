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


def of_groups(groups: tuple[Attention, ...], tokens: int, sequences: int, kind: str | None = None) -> int:
    """Bytes of the KV cache of some layers. Recurrent states have at least 16 bits: no runtime quantises them."""
    bits = formats.cache_bits(kind)
    cached = sum(elements(group, tokens) for group in groups)
    indexed = sum(group.indexer for group in groups) * tokens * INDEXER_BITS
    states = sum(group.layers * group.state for group in groups)
    return round(sequences * (cached * bits + indexed + states * max(bits, 16)) / 8)
