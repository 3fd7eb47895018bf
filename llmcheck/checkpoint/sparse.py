"""Which layers of a decoder have routed experts, how many and of what width."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.checkpoint.decoder import Decoder
from llmcheck.checkpoint.family import Family
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError

WIDEST = 2**26
SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert")
SHARED_WIDTH = (
    "shared_expert_intermediate_size", "shared_intermediate_size", "moe_shared_expert_intermediate_size",
    "share_expert_dim",
)  # fmt: skip
"""Keys for the width of all shared experts of a layer together."""
_COUNTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
_ACTIVE = (
    "num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_k", "moe_topk", "top_k_experts",
    "moe_router_topk", "moe_top_k",
)  # fmt: skip
_WIDTHS = ("moe_intermediate_size", "expert_ffn_hidden_size", "moe_ffn_hidden_size", "expert_intermediate_size")
_INPUTS = ("moe_latent_size", "routed_expert_hidden_size")
_DENSE_WORDS = frozenset({"dense", "mlp", "full"})


class Experts(Struct, frozen=True, kw_only=True):
    """Routed experts; all 0 in a dense model."""

    layers: int = 0
    """How many layers have them."""
    count: int = 0
    """In each of these layers."""
    active: int = 0
    """Used for one token."""
    width: int = 0
    """Of the inner vector of one expert."""
    input: int | None = None
    """Width of the vectors that experts read and write; None: the hidden size."""
    leading_dense: int = 0
    """Layers before the first with experts."""
    given: tuple[bool, ...] = ()
    """For each layer, whether it has experts; () for a dense model, and where a list of kinds says it."""


def read(decoder: Decoder) -> Experts:
    """Raises DataError where the counts cannot be right."""
    text = decoder.text
    inner = text.inner("ffn_config")
    count = text.optional(*_COUNTS, least=0, most=2**16) or text.widest("moe_num_experts")
    count = count or inner.optional("moe_num_experts", least=0, most=2**16)
    if not count or count == 1:
        return Experts()
    active = text.optional(*_ACTIVE, most=2**16) or inner.optional("moe_top_k", most=2**16)
    active = active or next(filter(None, map(text.widest, _ACTIVE)), None)
    if active is None:
        raise DataError(f"{text.where}: {count:,} experts, but no 'num_experts_per_tok'")
    if active > count:
        raise DataError(f"{text.where}: a token cannot use {active:,} of {count:,} experts")
    given = () if decoder.family.one_part_per_layer else with_experts(text, decoder.family, decoder.layers)
    return Experts(
        layers=sum(given) if given else decoder.count("experts"), count=count, active=active,
        width=_width(decoder), input=text.optional(*_INPUTS, most=2**20),
        leading_dense=given.index(True) if any(given) else 0, given=given,
    )  # fmt: skip


def _width(decoder: Decoder) -> int:
    text, keys = decoder.text, decoder.family.intermediate_keys
    found = text.optional(*_WIDTHS, most=WIDEST) or text.widest("moe_intermediate_size")
    found = found or text.optional("intermediate_size", *keys, most=WIDEST) or text.widest("intermediate_size")
    found = found or text.inner("ffn_config").optional("ffn_hidden_size", most=WIDEST)
    if found is None:
        raise DataError(f"{text.where}: no 'moe_intermediate_size'")
    return found


def with_experts(text: Fields, family: Family, layers: int) -> tuple[bool, ...]:
    """For each layer, whether it has experts. Raises DataError for a list of the wrong length."""
    listed = text.strings("mlp_layer_types")
    if listed is not None:
        if len(listed) != layers:
            raise DataError(f"{text.where}: 'mlp_layer_types' has {len(listed):,} entries for {layers:,} layers")
        return tuple(each not in _DENSE_WORDS for each in listed)
    if (numbered := text.integers("moe_layer_freq")) is not None and len(numbered) == layers:
        return tuple(map(bool, numbered))
    alone = set(text.integers("mlp_only_layers") or ())
    first = text.optional(
        "first_k_dense_replace", "num_dense_layers", "moe_layer_num_skipped", "moe_layer_start_index",
        least=0, most=10_000,
    )  # fmt: skip
    first = family.leading_dense if first is None else first
    chosen = text.integers("moe_layers", "moe_layers_enum")
    if chosen is not None:
        return tuple(index in chosen and index not in alone for index in range(layers))
    return tuple(index >= first and index not in alone and _in_turn(text, index) for index in range(layers))


def _in_turn(text: Fields, index: int) -> bool:
    if text.has("expert_layer_period"):
        period = text.required("expert_layer_period", most=10_000)
        return index % period == (text.optional("expert_layer_offset", least=0, most=10_000) or 0)
    if frequency := text.optional("moe_layer_freq", most=10_000):
        return index % frequency == 0
    last = text.optional("moe_layer_end_index", least=0, most=10_000)
    if last is not None and index > last:
        return False
    step = text.optional("decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_interval", most=10_000) or 1
    return (index + 1) % step == 0
