"""Feed-forward layers of a decoder, dense or with experts: their widths and weights."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.checkpoint.decoder import Decoder
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError

_WIDEST = 2**26
_COUNTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
_ACTIVE = ("num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_k", "moe_topk")
_SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")


class FeedForward(Struct, frozen=True, kw_only=True):
    """All feed-forward layers of a decoder together."""

    intermediate: int
    """Width of the inner vector of a dense layer; 0 for a model without dense feed-forward layers."""
    experts: int = 0
    """Routed experts in each layer that has experts; 0 in a dense model."""
    experts_active: int = 0
    """Routed experts that are used for one token."""
    expert_intermediate: int = 0
    """Width of the inner vector of one expert."""
    sparse_layers: int = 0
    """How many layers have experts."""
    leading_dense: int = 0
    """How many layers come before the first layer with experts."""
    dense_weights: int
    """Weights in the matrices of dense layers, routers and shared experts."""
    expert_weights: int
    """Weights in the matrices of all routed experts."""
    vectors: int
    """Weights in biases."""


class _Experts(Struct, frozen=True, kw_only=True):
    layers: int = 0
    count: int = 0
    active: int = 0
    width: int = 0


def read(decoder: Decoder) -> FeedForward:
    """Raises DataError where the width is missing, or the counts of experts cannot be right."""
    width = _intermediate(decoder)
    experts = _experts(decoder, width)
    hidden, matrices = decoder.hidden, _matrices(decoder)
    one_part = decoder.family.one_part_per_layer
    dense = (decoder.count("none", "experts") if one_part else decoder.layers) - experts.layers
    router = hidden * experts.count
    return FeedForward(
        intermediate=width,
        experts=experts.count,
        experts_active=experts.active,
        expert_intermediate=experts.width,
        sparse_layers=experts.layers,
        leading_dense=_leading_dense(decoder) if experts.layers else 0,
        dense_weights=dense * matrices * hidden * width + experts.layers * (router + _shared(decoder, experts.width)),
        expert_weights=experts.layers * experts.count * matrices * hidden * experts.width,
        vectors=_vectors(decoder, dense, width, experts),
    )


def _matrices(decoder: Decoder) -> int:
    """Matrices of one feed-forward layer or expert."""
    return 3 if decoder.family.gated else 2


def _intermediate(decoder: Decoder) -> int:
    text, family, hidden = decoder.text, decoder.family, decoder.hidden
    if family.attention_free:
        return 0
    found = text.optional(*family.intermediate_keys, most=_WIDEST) or text.widest("intermediate_size")
    found = found or text.inner("ffn_config").optional("ffn_hidden_size", most=_WIDEST)
    if found is not None:
        return family.feed_forward_width(text, found) if family.feed_forward_width else found
    if text.has("expansion_ratio"):
        return hidden * text.required("expansion_ratio", most=1024)
    if family.gated:
        raise DataError(f"{text.where}: no 'intermediate_size'")
    return 4 * hidden


def _experts(decoder: Decoder, intermediate: int) -> _Experts:
    text = decoder.text
    count = text.optional(*_COUNTS, least=0, most=2**16)
    count = count or text.inner("ffn_config").optional("moe_num_experts", least=0, most=2**16)
    if not count or count == 1:
        return _Experts()
    active = text.optional(*_ACTIVE, most=2**16) or text.inner("ffn_config").optional("moe_top_k", most=2**16)
    if active is None:
        raise DataError(f"{text.where}: {count:,} experts, but no 'num_experts_per_tok'")
    if active > count:
        raise DataError(f"{text.where}: a token cannot use {active:,} of {count:,} experts")
    width = text.optional("moe_intermediate_size", "expert_ffn_hidden_size", most=_WIDEST)
    width = width or text.widest("moe_intermediate_size") or text.optional("intermediate_size", most=_WIDEST)
    return _Experts(layers=_sparse_layers(decoder), count=count, active=active, width=width or intermediate)


def _sparse_layers(decoder: Decoder) -> int:
    if decoder.family.one_part_per_layer:
        return decoder.count("experts")
    return sum(_has_experts(decoder.text, index) for index in range(decoder.layers))


def _leading_dense(decoder: Decoder) -> int:
    """How many layers come before the first with experts; 0 for a family with a list of kinds, where it is not read."""
    if decoder.family.one_part_per_layer:
        return 0
    return next(index for index in range(decoder.layers) if _has_experts(decoder.text, index))


def _has_experts(text: Fields, index: int) -> bool:
    if index < (text.optional("first_k_dense_replace", least=0, most=10_000) or 0):
        return False
    if index in (text.integers("mlp_only_layers") or ()):
        return False
    listed = text.integers("moe_layers")
    if listed is not None:
        return index in listed
    if text.has("expert_layer_period"):
        period = text.required("expert_layer_period", most=10_000)
        return index % period == (text.optional("expert_layer_offset", least=0, most=10_000) or 0)
    step = text.optional("decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq", most=10_000) or 1
    return (index + 1) % step == 0 if not text.has("moe_layer_freq") else index % step == 0


def _shared(decoder: Decoder, width: int) -> int:
    """Weights of the shared experts of one layer, which are used for every token; ``width``: of a routed expert."""
    text, family, hidden = decoder.text, decoder.family, decoder.hidden
    size = text.optional("shared_expert_intermediate_size", "shared_intermediate_size", least=0, most=_WIDEST)
    if size:
        return _matrices(decoder) * hidden * size + (hidden if family.shared_expert_gate else 0)
    count = text.optional(*_SHARED, least=0, most=2**16) or family.shared_experts
    return _matrices(decoder) * hidden * width * count


def _vectors(decoder: Decoder, dense: int, width: int, experts: _Experts) -> int:
    text, family, hidden = decoder.text, decoder.family, decoder.hidden
    size = 0
    if family.bias or family.mlp_bias or text.flag("mlp_bias"):
        size += dense * ((2 if family.gated else 1) * width + hidden)
    if family.expert_bias:
        size += experts.layers * experts.count * (1 + 2 * experts.width + hidden)
    if family.router_bias:
        size += experts.layers * experts.count
    return size
