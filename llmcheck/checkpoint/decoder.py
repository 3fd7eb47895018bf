"""The decoder that a ``config.json`` describes: its family, and the numbers that all its parts need."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.checkpoint import layers
from llmcheck.checkpoint.family import Family, LayerKind
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError


class Heads(Struct, frozen=True, kw_only=True):
    """Heads of one attention layer; all 0 where no layer attends."""

    heads: int
    kv_heads: int
    """Key-value heads, which are the ones that are cached."""
    head_dim: int
    """Elements of one head's vector."""


class Decoder(Struct, frozen=True, kw_only=True):
    """The numbers from which everything else about a decoder is computed."""

    family: Family
    model_type: str
    """``model_type`` of the file."""
    text: Fields
    """The part of the file that describes the decoder, completed with the family's defaults."""
    hidden: int
    layers: int
    vocab: int
    heads: Heads
    window: int | None
    """Tokens in the sliding or chunked window; None where no layer has one."""
    kinds: tuple[LayerKind, ...]
    """One for each layer."""

    def count(self, *kinds: LayerKind) -> int:
        """How many layers are of these kinds. A layer of kind ``both`` counts as ``full`` and as ``state``."""
        counts = layers.counted(self.kinds)
        return sum(counts[kind] for kind in kinds)


def read(text: Fields, family: Family, model_type: str) -> Decoder:
    """Raises DataError for a number that is missing or that no model can have."""
    hidden = text.required("hidden_size", "n_embd", "d_model", "dim", most=2**20)
    count = _count(text, family)
    vocab = text.required(*family.vocab_keys, most=2**26)
    heads = _heads(text, family, hidden)
    window = layers.window(text, family)
    return Decoder(
        family=family, model_type=model_type, text=text, hidden=hidden, layers=count, vocab=vocab, heads=heads,
        window=window, kinds=tuple(layers.kinds(text, family, count, window)),
    )  # fmt: skip


def _count(text: Fields, family: Family) -> int:
    """The number of layers; where the file does not say it, the length of its list of their kinds."""
    keys = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
    listed = text.strings(*family.layer_list_keys, "layer_types", "layers_block_type") or ()
    return text.optional(*keys, most=10_000) or len(listed) or text.required(*keys, most=10_000)


def _heads(text: Fields, family: Family, hidden: int) -> Heads:
    if family.attention_free:
        return Heads(heads=0, kv_heads=0, head_dim=0)
    heads = text.required("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads", most=2**16)
    kv_heads = _kv_heads(text, family, heads)
    head_dim = text.optional("head_dim", "kv_channels", "attention_head_dim", most=2**16) or hidden // heads
    if not head_dim:
        raise DataError(f"{text.where}: {heads:,} heads in a hidden size of {hidden:,} leave no element for a head")
    if kv_heads > heads:
        raise DataError(f"{text.where}: {kv_heads:,} key-value heads for {heads:,} attention heads")
    return Heads(heads=heads, kv_heads=kv_heads, head_dim=head_dim)


def _kv_heads(text: Fields, family: Family, heads: int) -> int:
    by_keys = text.optional("num_key_value_heads", "n_head_kv", "num_kv_heads", "n_kv_heads", most=2**16)
    by_keys = by_keys or text.inner("attn_config").optional("kv_n_heads", most=2**16)
    if family.kv_heads == "file":
        if text.flag("multi_query_attention"):
            return text.optional("multi_query_group_num", most=2**16) or 1
        if text.flag("multi_query"):
            return 1
    return {"one": 1, "all": heads}.get(family.kv_heads, by_keys or heads)
