"""The kind of each layer: full attention, attention within a window, a recurrent state, or feed-forward alone.

A list in the file decides; without one the rule of the family, then the keys that many families share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from llmcheck.checkpoint.family import Family, LayerKind
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError

_NAMES: dict[str, LayerKind] = {
    "full_attention": "full", "attention": "full", "global_attention": "full", "global": "full",
    "sliding_attention": "window", "chunked_attention": "window", "local_attention": "window", "local": "window",
    "linear_attention": "state", "mamba": "state", "mamba2": "state", "conv": "state", "recurrent": "state",
    "linear": "state", "hybrid": "both", "indexed_attention": "full", "deepseek_sparse_attention": "full",
    "sparse_attention": "full", "moe": "experts", "mlp": "none",
}  # fmt: skip
"""The words that files use in such a list."""


def window(text: Fields, family: Family) -> int | None:
    """Tokens in the sliding or chunked window of the layers that have one; None where no layer has one."""
    if family.window_switch is not None and not text.flag("use_sliding_window", default=family.window_switch):
        return None
    return text.optional(*family.window_keys, most=2**40) or family.window


def kinds(text: Fields, family: Family, layers: int, window: int | None) -> list[LayerKind]:
    """One for each layer. Raises DataError for a list with an unknown word or the wrong length."""
    if family.own_attention is not None:
        return ["full"] * layers
    listed = text.strings(*family.layer_list_keys)
    if listed is not None:
        if len(listed) != layers:
            raise DataError(f"{text.where}: 'layer_types' has {len(listed):,} entries for {layers:,} layers")
        return [_named(text, each, window) for each in listed]
    if family.layer_kinds is not None:
        return family.layer_kinds(text, layers)
    alternating = _alternating(text, family, layers)
    if alternating is not None:
        return alternating
    crossing = text.integers("cross_attention_layers") or ()
    if window is None:
        return ["cross" if index in crossing else "full" for index in range(layers)]
    return [_windowed(text, family, index) for index in range(layers)]


def counted(kinds: Iterable[LayerKind]) -> Counter[LayerKind]:
    """How many layers there are of each kind; ``both`` counts as one with attention and one with a state."""
    parts: dict[LayerKind, tuple[LayerKind, ...]] = {"both": ("full", "state")}
    return Counter(part for kind in kinds for part in parts.get(kind, (kind,)))


def _alternating(text: Fields, family: Family, layers: int) -> list[LayerKind] | None:
    """The layers of a model with attention in some and a recurrent state in the others; None for another model."""
    if text.has("attn_layer_period"):
        period = text.required("attn_layer_period", most=10_000)
        offset = text.optional("attn_layer_offset", least=0, most=10_000) or 0
        return ["full" if index % period == offset else "state" for index in range(layers)]
    attending = text.integers("attn_layer_indices", "full_attn_idxs")
    if attending is not None:
        return ["full" if index in attending else "state" for index in range(layers)]
    if text.has("full_attention_interval") or family.full_attention_interval:
        interval = text.optional("full_attention_interval", most=10_000) or family.full_attention_interval or 4
        return ["full" if index % interval == interval - 1 else "state" for index in range(layers)]
    return None


def _windowed(text: Fields, family: Family, index: int) -> LayerKind:
    """The kind of a layer of a model with a window, where the file has no list."""
    period = text.optional("sliding_window_pattern", "_sliding_window_pattern", most=10_000)
    period = period or family.full_attention_period
    if period:
        return "full" if index % period == period - 1 else "window"
    if family.first_window_layer:
        first = text.optional(family.first_window_layer, least=0, most=10_000) or 0
        return "window" if index >= first else "full"
    return "window"


def _named(text: Fields, word: str, window: int | None) -> LayerKind:
    kind = _NAMES.get(word)
    if kind is None:
        raise DataError(f"{text.where}: layer type '{word}' is not known")
    return "full" if kind == "window" and not window else kind
