"""Feed-forward layers of a decoder, dense or with experts: their widths and weights."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.checkpoint import sparse
from llmcheck.checkpoint.decoder import Decoder
from llmcheck.checkpoint.sparse import WIDEST, Experts
from llmcheck.errors import DataError


class FeedForward(Struct, frozen=True, kw_only=True):
    """All feed-forward layers of a decoder together."""

    intermediate: int
    """Width of the inner vector of a dense layer (the widest); 0 for a model without dense feed-forward layers."""
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
    last: int
    """Weights of one layer like the last: with experts where any layer has them."""


def read(decoder: Decoder) -> FeedForward:
    """Raises DataError where the width is missing, or the counts of experts cannot be right."""
    experts = sparse.read(decoder)
    widths = _widths(decoder)
    width = max(widths) if widths else _intermediate(decoder, experts)
    hidden, matrices = decoder.hidden, _matrices(decoder)
    dense, wide = _dense_layers(decoder, experts)
    plain = matrices * hidden * width
    around = _router(decoder, experts) + _shared(decoder, experts)
    routed = matrices * (experts.input or hidden) * experts.width * experts.count
    beside = plain if decoder.family.dense_beside_experts else 0
    return FeedForward(
        intermediate=width * 2 if wide else width,
        experts=experts.count,
        experts_active=experts.active,
        expert_intermediate=experts.width,
        sparse_layers=experts.layers,
        leading_dense=experts.leading_dense,
        dense_weights=(matrices * hidden * sum(widths) if widths else (dense + wide) * plain) + experts.layers * around,
        expert_weights=experts.layers * routed,
        vectors=_vectors(decoder, dense, width, experts),
        last=around + routed + beside if experts.layers else plain,
    )


def _widths(decoder: Decoder) -> list[int]:
    """The width of each layer's dense part, where they differ; [] where they do not."""
    text, family = decoder.text, decoder.family
    if family.feed_forward_widths:
        return family.feed_forward_widths(text, decoder.hidden, decoder.layers)
    listed = text.integers("intermediate_size") or []
    differ = len(set(listed)) > 1 and len(listed) == decoder.layers and all(0 < each <= WIDEST for each in listed)
    return listed if differ and not family.feed_forward_width else []


def _dense_layers(decoder: Decoder, experts: Experts) -> tuple[int, int]:
    """How many layers have a dense feed-forward part; and how many of them have twice the width (Gemma 4: those that
    use the KV cache of another layer)."""
    text, family = decoder.text, decoder.family
    one_part = family.one_part_per_layer
    count = decoder.count("none", "experts") if one_part else decoder.layers
    if not family.dense_beside_experts:
        count -= experts.layers
    wide = (text.optional("num_kv_shared_layers", least=0, most=10_000) or 0) if text.flag("use_double_wide_mlp") else 0
    return count, min(wide, count)


def _matrices(decoder: Decoder) -> int:
    """Matrices of one feed-forward layer or expert."""
    return 3 if decoder.family.gated else 2


def _intermediate(decoder: Decoder, experts: Experts) -> int:
    """The width of a dense layer: the widest where a list has one for each layer."""
    text, family, hidden = decoder.text, decoder.family, decoder.hidden
    if family.attention_free:
        return 0
    if sum(experts.given) == decoder.layers and not family.dense_beside_experts:
        found = text.optional("dense_intermediate_size", *family.intermediate_keys, most=WIDEST)
        return found or text.widest("intermediate_size") or 0
    found = text.optional("dense_intermediate_size", *family.intermediate_keys, most=WIDEST)
    found = found or text.widest("intermediate_size")
    found = found or text.inner("ffn_config").optional("ffn_hidden_size", most=WIDEST)
    if found is not None:
        return family.feed_forward_width(text, found) if family.feed_forward_width else found
    if text.has("expansion_ratio"):
        return hidden * text.required("expansion_ratio", most=1024)
    if family.one_part_per_layer and not decoder.count("none"):
        return 0
    if family.gated:
        raise DataError(f"{text.where}: no 'intermediate_size'")
    return 4 * hidden


def _router(decoder: Decoder, experts: Experts) -> int:
    """Weights of the router of one layer, and of the matrices to the width in which its experts work and back."""
    return decoder.hidden * (experts.count + 2 * (experts.input or 0))


def _shared(decoder: Decoder, experts: Experts) -> int:
    """Weights of the shared experts of one layer, which are used for every token."""
    text, family, hidden = decoder.text, decoder.family, decoder.hidden
    size = text.optional(*sparse.SHARED_WIDTH, least=0, most=WIDEST)
    if size:
        return _matrices(decoder) * hidden * size + (hidden if family.shared_expert_gate else 0)
    count = text.optional(*sparse.SHARED, least=0, most=2**16) or text.widest("num_shared_expert")
    return _matrices(decoder) * hidden * experts.width * (count or family.shared_experts)


def _vectors(decoder: Decoder, dense: int, width: int, experts: Experts) -> int:
    text, family, hidden = decoder.text, decoder.family, decoder.hidden
    size = 0
    if family.bias or family.mlp_bias or text.flag("mlp_bias"):
        size += dense * ((2 if family.gated else 1) * width + hidden)
    if family.expert_bias:
        size += experts.layers * experts.count * (1 + 2 * experts.width + hidden)
    if family.router_bias:
        size += experts.layers * experts.count
    return size
