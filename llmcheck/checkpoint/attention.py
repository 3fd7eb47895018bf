"""Attention and recurrent layers of a decoder: what they keep in the KV cache, and how many weights they have."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.checkpoint import latent, layers, recurrent
from llmcheck.checkpoint.decoder import Decoder
from llmcheck.checkpoint.family import LayerKind
from llmcheck.schema.architecture import Attention

_CROSS_NOTE = "layers that attend only to images have a cache for each image, which is not counted"


class Weights(Struct, frozen=True, kw_only=True):
    """Weights of all layers together."""

    matrices: int
    vectors: int
    """Norms, biases and convolutions."""


def groups(decoder: Decoder) -> tuple[tuple[Attention, ...], tuple[str, ...]]:
    """One entry for each kind of cache, with the number of its layers; and notes on what is not counted."""
    if decoder.family.own_attention:
        return decoder.family.own_attention(decoder.text, decoder.hidden, decoder.layers).groups, ()
    found = [_group(decoder, kind) for kind in ("full", "window", "cross") if decoder.count(kind)]
    compressed = latent.read(decoder) is not None
    notes = (_CROSS_NOTE,) if decoder.count("cross") and not compressed else ()
    if count := decoder.count("state"):
        state = recurrent.layer(decoder.text, decoder.family, decoder.hidden, decoder.model_type)
        wide = state.wide or decoder.text.string("mamba_ssm_dtype") == "float32"
        found.append(
            Attention(kind="state", layers=count, state=state.elements, convolution=state.convolution, wide=wide)
        )
    return tuple(found), notes


def weights(decoder: Decoder, found: tuple[Attention, ...]) -> Weights:
    """Weights of attention and of recurrent layers, in all layers together, and those of the family alone."""
    family, text, hidden = decoder.family, decoder.text, decoder.hidden
    matrices = vectors = 0
    if family.own_attention:
        own = family.own_attention(text, hidden, decoder.layers)
        matrices, vectors = own.matrices, own.vectors
    elif compressed := latent.read(decoder):
        each = latent.weights(decoder, compressed, decoder.count("full", "window"))
        matrices, vectors = each.matrices, each.vectors
    else:
        matrices = sum(_group_matrices(decoder, group) for group in found if group.kind == "attention")
        vectors = decoder.count("full", "window") * _vectors(decoder)
        # Llama 3.2 Vision: norms of queries and keys, and two gates
        vectors += decoder.count("cross") * (2 * decoder.heads.head_dim + 2)
    if not family.own_attention and (count := decoder.count("state")):
        state = recurrent.layer(text, family, hidden, decoder.model_type)
        matrices += count * state.matrices
        vectors += count * state.vectors
    if family.further:
        further = family.further(text, hidden, decoder.layers)
        matrices += further.matrices
        vectors += further.vectors
    return Weights(matrices=matrices, vectors=vectors)


def of_one_layer(decoder: Decoder) -> int:
    """Weights of the matrices of one layer with full attention."""
    alone = replace(decoder, layers=1, kinds=("full",), family=replace(decoder.family, further=None))
    if decoder.family.own_attention:
        found = weights(replace(decoder, family=alone.family), ()).matrices
        return found // max(decoder.layers, 1)
    return weights(alone, groups(alone)[0]).matrices


def _group(decoder: Decoder, kind: LayerKind) -> Attention:
    text, heads, count = decoder.text, decoder.heads, decoder.count(kind)
    if compressed := latent.read(decoder):
        return latent.group(decoder, compressed, count)
    queries, kv_heads, dim = _query_heads(decoder, kind), heads.kv_heads, heads.head_dim
    value = text.optional("v_head_dim", most=2**16)
    if kind == "full":
        kv_heads = text.optional("num_global_key_value_heads", most=2**16) or kv_heads
        dim = text.optional("global_head_dim", most=2**16) or dim
    if kind == "window":
        queries = text.optional("swa_num_attention_heads", most=2**16) or queries
        kv_heads = text.optional("swa_num_key_value_heads", most=2**16) or kv_heads
        dim = text.optional("swa_head_dim", most=2**16) or dim
        value = text.optional("swa_v_head_dim", most=2**16) or value
    return Attention(
        kind="attention", layers=count, heads=queries, kv_heads=kv_heads, head_dim=dim, value_dim=value or dim,
        window=decoder.window if kind == "window" else None, shares_cache=_sharing(decoder, kind),
    )  # fmt: skip


def _query_heads(decoder: Decoder, kind: LayerKind) -> int:
    """Query heads of the layers of this kind: those of the first where a list has a number for each layer."""
    listed = decoder.text.integers("num_attention_heads_per_layer")
    if listed is None or len(listed) != decoder.layers or kind not in decoder.kinds:
        return decoder.heads.heads
    return max(min(listed[decoder.kinds.index(kind)], 2**16), decoder.heads.kv_heads)


def _sharing(decoder: Decoder, kind: LayerKind) -> int:
    """How many layers of this kind have no text cache of their own: all of an encoder, layers that attend only to
    images, and in some models the last layers, which use the cache of an earlier one."""
    if kind == "cross" or decoder.family.encoder:
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
    gates = group.layers * group.heads if family.gated_heads else 0
    return hidden * (group.layers * group.heads * (queries + values) + own * group.kv_heads * cached + gates)


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
