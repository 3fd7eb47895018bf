"""Which layers attend to everything, which within a window, and which keep a state: by the file's words or the family's
rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError

LayerKind = Literal["full", "window", "cross", "state", "both", "none"]
"""``cross``: attends to images alone; ``both``: attention and a state side by side; ``none``: feed-forward alone."""

MAMBA = frozenset({"mamba", "mamba2", "falcon_mamba"})
"""Families without any attention."""
_PERIODS = {"gemma2": 2, "gemma3_text": 6, "gpt_oss": 2, "cohere2": 4, "llama4_text": 4}
"""Every so many layers one attends to everything, where the file does not say it (transformers' classes)."""
_WINDOWS = {"gemma2": 4096, "gemma3_text": 4096, "recurrent_gemma": 2048}
"""Tokens, where the file leaves it out (transformers' classes)."""


def window(text: Fields, model_type: str) -> int | None:
    """Tokens that the windowed layers see; None where no layer has a window."""
    if model_type.startswith("qwen") and not text.flag("use_sliding_window"):
        return None
    if model_type == "llama4_text":
        return text.optional("attention_chunk_size", most=2**40)
    found = text.optional("sliding_window", "sliding_window_size", "attention_window_size", most=2**40)
    return found or _WINDOWS.get(model_type)


def kinds(text: Fields, model_type: str, layers: int, window: int | None) -> list[LayerKind]:
    """One per layer. Raises DataError for words that are not known, or are too few or many."""
    if model_type == "nemotron_h":
        return _signed(text, layers)
    listed = text.names("layer_types", "layers_block_type")
    if listed is not None:
        if len(listed) != layers:
            raise DataError(f"{text.where}: 'layer_types' has {len(listed):,} entries for {layers:,} layers")
        return [_kind(text, each, window) for each in listed]
    if model_type in MAMBA:
        return ["state"] * layers
    if model_type == "falcon_h1":
        return ["both"] * layers
    if model_type == "recurrent_gemma":
        repeated = text.names("block_types", "_block_types") or ["recurrent", "recurrent", "attention"]
        return ["window" if repeated[index % len(repeated)] == "attention" else "state" for index in range(layers)]
    found = _periodic(text, model_type, layers)
    if found is not None:
        return found
    crossing = text.numbers("cross_attention_layers") or ()
    if window is None:
        return ["cross" if index in crossing else "full" for index in range(layers)]
    return [_windowed(text, model_type, index) for index in range(layers)]


def counted(kinds: Iterable[LayerKind]) -> Counter[LayerKind]:
    """How many there are of each; ``both`` is one with attention and one with a state."""
    parts: dict[LayerKind, tuple[LayerKind, ...]] = {"both": ("full", "state")}
    return Counter(part for kind in kinds for part in parts.get(kind, (kind,)))


def _signed(text: Fields, layers: int) -> list[LayerKind]:
    pattern = text.text("hybrid_override_pattern") or ""
    by_sign: dict[str, LayerKind] = {"M": "state", "*": "full", "-": "none", "E": "none"}
    if len(pattern) != layers or set(pattern) - set(by_sign):
        raise DataError(f"{text.where}: 'hybrid_override_pattern' does not name {layers:,} layers by M, * and -")
    return [by_sign[sign] for sign in pattern]


def _periodic(text: Fields, model_type: str, layers: int) -> list[LayerKind] | None:
    """Layers of which some attend and the others keep a state; None where the file speaks of no such thing."""
    if model_type == "minimax":  # its class alternates where the file has no list
        return ["state" if index % 2 else "full" for index in range(layers)]
    if text.has("attn_layer_period"):
        period = text.whole("attn_layer_period", most=10_000)
        offset = text.optional("attn_layer_offset", least=0, most=10_000) or 0
        return ["full" if index % period == offset else "state" for index in range(layers)]
    attending = text.numbers("attn_layer_indices", "full_attn_idxs")
    if attending is not None:
        return ["full" if index in attending else "state" for index in range(layers)]
    if text.has("full_attention_interval") or model_type.startswith(("qwen3_next", "qwen3_5")):
        period = text.optional("full_attention_interval", most=10_000) or 4
        return ["full" if index % period == period - 1 else "state" for index in range(layers)]
    return None


def _windowed(text: Fields, model_type: str, index: int) -> LayerKind:
    """Which layers a window bounds, where the file has no list."""
    period = text.optional("sliding_window_pattern", "_sliding_window_pattern", most=10_000)
    period = period or _PERIODS.get(model_type)
    if period:
        return "full" if index % period == period - 1 else "window"
    if model_type.startswith("qwen"):
        first = text.optional("max_window_layers", least=0, most=10_000) or 0
        return "window" if index >= first else "full"
    return "window"


def _kind(text: Fields, said: str, window: int | None = None) -> LayerKind:
    if said in {"full_attention", "attention", "global_attention", "global"}:
        return "full"
    if said in {"sliding_attention", "chunked_attention", "local_attention", "local"}:
        return "window" if window else "full"
    if said in {"linear_attention", "mamba", "mamba2", "conv", "recurrent", "linear"}:
        return "state"
    if said == "hybrid":
        return "both"
    raise DataError(f"{text.where}: layer type '{said}' is not known")
