"""Attention and recurrent layers of a decoder: what they keep in the KV cache, and how many weights they have."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.checkpoint import layers, recurrent
from llmcheck.checkpoint.decoder import Decoder
from llmcheck.checkpoint.family import LayerKind
from llmcheck.schema.architecture import Attention

_CROSS_NOTE = "layers that attend only to images have a cache for each image, which is not counted"
_INDEXER_NOTE = "the cache of the indexer's keys is not counted"


class Weights(Struct, frozen=True, kw_only=True):
    """Weights of all layers together."""

    matrices: int
    vectors: int
    """Norms, biases and convolutions."""


class _Latent(Struct, frozen=True, kw_only=True):
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): how many elements its vectors have."""

    rank: int
    """The compressed keys and values of a token."""
    rope: int
    """The part of a head's key with the position (RoPE)."""
    nope: int
    """The part of a head's key without it."""
    value: int
    """A head's value."""
    query_rank: int | None
    """The compressed queries of a token; None where they are not compressed."""


def groups(decoder: Decoder) -> tuple[tuple[Attention, ...], tuple[str, ...]]:
    """One entry for each kind of cache, with the number of its layers; and notes on what is not counted."""
    found = [_group(decoder, kind) for kind in ("full", "window", "cross") if decoder.count(kind)]
    latent = _latent(decoder) is not None
    notes = (_CROSS_NOTE,) if decoder.count("cross") and not latent else ()
    if count := decoder.count("state"):
        state = recurrent.layer(decoder.text, decoder.family, decoder.hidden, decoder.model_type)
        found.append(Attention(kind="state", layers=count, state=state.elements))
    return tuple(found), notes


def weights(decoder: Decoder, found: tuple[Attention, ...]) -> tuple[Weights, tuple[str, ...]]:
    """Weights of attention and of recurrent layers, in all layers together; and notes on what is not counted."""
    matrices = vectors = 0
    notes: tuple[str, ...] = ()
    if latent := _latent(decoder):
        each = _latent_weights(decoder, latent)
        attending = decoder.count("full", "window")
        matrices, vectors = attending * each.matrices, attending * each.vectors
        if _has_indexer(decoder):
            notes = (_INDEXER_NOTE,)
    else:
        matrices = sum(_group_matrices(decoder, group) for group in found if group.kind == "attention")
        vectors = decoder.count("full", "window") * _vectors(decoder)
        # Llama 3.2 Vision: norms of queries and keys, and two gates
        vectors += decoder.count("cross") * (2 * decoder.heads.head_dim + 2)
    if count := decoder.count("state"):
        state = recurrent.layer(decoder.text, decoder.family, decoder.hidden, decoder.model_type)
        matrices += count * state.matrices
        vectors += count * state.vectors
    return Weights(matrices=matrices, vectors=vectors), notes


def _group(decoder: Decoder, kind: LayerKind) -> Attention:
    text, heads, count = decoder.text, decoder.heads, decoder.count(kind)
    if latent := _latent(decoder):
        return Attention(
            kind="mla", layers=count, heads=heads.heads, kv_heads=heads.kv_heads, head_dim=latent.nope + latent.rope,
            value_dim=latent.value, latent=latent.rank + latent.rope,
        )  # fmt: skip
    kv_heads, dim = heads.kv_heads, heads.head_dim
    if kind == "full":
        kv_heads = text.optional("num_global_key_value_heads", most=2**16) or kv_heads
        dim = text.optional("global_head_dim", most=2**16) or dim
    return Attention(
        kind="attention", layers=count, heads=heads.heads, kv_heads=kv_heads, head_dim=dim,
        value_dim=text.optional("v_head_dim", most=2**16) or dim,
        window=decoder.window if kind == "window" else None, shares_cache=_sharing(decoder, kind),
    )  # fmt: skip


def _sharing(decoder: Decoder, kind: LayerKind) -> int:
    """How many layers of this kind have no text cache of their own: layers that attend only to images, and in some
    models the last layers, which use the cache of an earlier one."""
    if kind == "cross":
        return decoder.count(kind)
    shared = decoder.text.optional("num_kv_shared_layers", least=0, most=10_000) or 0
    own = layers.counted(decoder.kinds[: max(decoder.layers - shared, 0)])
    return decoder.count(kind) - own[kind]


def _group_matrices(decoder: Decoder, group: Attention) -> int:
    family, hidden = decoder.family, decoder.hidden
    keys, values = group.head_dim, group.value_dim
    queries = keys * (2 if family.gated_queries else 1)
    own = group.layers - (group.shares_cache if family.shared_layers_lack_keys else 0)
    values_are_keys = decoder.text.flag("attention_k_eq_v") and group.window is None
    cached = keys if values_are_keys else keys + values
    return hidden * (group.layers * decoder.heads.heads * (queries + values) + own * group.kv_heads * cached)


def _vectors(decoder: Decoder) -> int:
    """Weights in the biases and norms of attention in one layer."""
    text, family = decoder.text, decoder.family
    heads, kv_heads, dim = decoder.heads.heads, decoder.heads.kv_heads, decoder.heads.head_dim
    declared = text.flag("attention_bias")
    qkv_bias = declared or any(map(text.flag, ("add_qkv_bias", "qkv_bias", "use_qkv_bias")))
    qkv_bias = qkv_bias or (family.query_bias and not text.has("attention_bias"))
    output_bias = family.output_bias == "always" or (declared and family.output_bias == "with attention_bias")
    size = 0
    if family.bias or qkv_bias:
        size += (heads + 2 * kv_heads) * dim
    if family.bias or output_bias:
        size += decoder.hidden
    if family.attention_sinks:
        size += heads
    if family.query_norm or text.flag("use_qk_norm"):
        size += (heads + kv_heads) * dim if family.query_norm_over_all_heads else 2 * dim
    return size


def _latent(decoder: Decoder) -> _Latent | None:
    """None for a model without latent attention."""
    text, dim = decoder.text, decoder.heads.head_dim
    rank = text.optional("kv_lora_rank", most=2**20)
    if rank is None:
        return None
    return _Latent(
        rank=rank,
        rope=text.optional("qk_rope_head_dim", least=0, most=2**16) or 0,
        nope=text.optional("qk_nope_head_dim", least=0, most=2**16) or dim,
        value=text.optional("v_head_dim", most=2**16) or dim,
        query_rank=text.optional("q_lora_rank", most=2**20),
    )


def _latent_weights(decoder: Decoder, latent: _Latent) -> Weights:
    """The weights of latent attention in one layer."""
    hidden, heads, rank = decoder.hidden, decoder.heads.heads, latent.query_rank
    width = heads * (latent.nope + latent.rope)
    queries = hidden * rank + rank * width if rank else hidden * width
    keys = hidden * (latent.rank + latent.rope) + latent.rank * heads * (latent.nope + latent.value)
    matrices = queries + keys + heads * latent.value * hidden
    vectors = latent.rank + (rank or 0)
    if _has_indexer(decoder):
        indexer = _indexer(decoder, rank or hidden)
        matrices += indexer.matrices
        vectors += indexer.vectors
    return Weights(matrices=matrices, vectors=vectors)


def _has_indexer(decoder: Decoder) -> bool:
    """Whether each layer has an indexer, which chooses the tokens to attend to (DeepSeek's sparse attention)."""
    return decoder.text.has("index_n_heads") and decoder.count("full", "window") > 0


def _indexer(decoder: Decoder, query_width: int) -> Weights:
    text, hidden = decoder.text, decoder.hidden
    width = text.optional("index_head_dim", most=2**16) or 128
    count = text.optional("index_n_heads", most=2**16) or 64
    matrices = query_width * count * width + hidden * width + hidden * count
    return Weights(matrices=matrices, vectors=2 * width)
