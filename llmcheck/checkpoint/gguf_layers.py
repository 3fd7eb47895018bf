"""The layers of a GGUF model: what each keeps in the KV cache."""

from __future__ import annotations

from collections import defaultdict

from llmcheck.checkpoint.family import GgufArchitecture
from llmcheck.checkpoint.gguf_metadata import BLOCK, Metadata
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Attention

_RECURRENT = ("ssm_", "shortconv", "time_mix", "wkv")
_CONVOLUTIONS = ("ssm_conv1d.weight", "shortconv.conv.weight")


class _Heads:
    """How many heads each layer has, and the elements of one head's vector."""

    def __init__(self, file: Metadata, known: GgufArchitecture, hidden: int, layers: int) -> None:
        heads = file.per_layer("attention.head_count", layers, 2**16)
        if heads is None and not known.attention_free:
            raise DataError(f"{file.path}: no '{file.architecture}.attention.head_count'")
        self.heads = heads or [0] * layers
        self.cached = file.per_layer("attention.head_count_kv", layers, 2**16) or self.heads
        most = max(self.heads, default=0)
        if most and max(self.cached) > most:
            raise DataError(f"{file.path}: {max(self.cached):,} key-value heads for {most:,} attention heads")
        self.width = file.optional("attention.key_length", 2**16) or (hidden // most if most else 0)
        self.value = file.optional("attention.value_length", 2**16) or self.width


def attention(
    file: Metadata, known: GgufArchitecture, hidden: int, layers: int
) -> tuple[tuple[Attention, ...], tuple[str, ...]]:
    """One entry for each kind of cache, with the number of its layers; and notes on what was assumed or left out."""
    heads = _Heads(file, known, hidden, layers)
    blocks = (match for name in file.by_name if (match := BLOCK.match(name)))
    recurrent = {int(match[1]) for match in blocks if match[2].startswith(_RECURRENT)}
    own = 0 if known.encoder else layers - _sharing(file, known, layers)
    found: dict[Attention, list[int]] = defaultdict(lambda: [0, 0])
    notes: dict[str, None] = {}
    for index in range(layers):
        layer, note = _layer(file, known, index, heads, recurrent)
        notes |= dict.fromkeys(note)
        count = found[layer]
        count[0] += 1
        count[1] += index >= own
    return tuple(_counted(layer, *count) for layer, count in found.items()), tuple(notes)


def _counted(layer: Attention, count: int, shared: int) -> Attention:
    return Attention(
        kind=layer.kind, layers=count, heads=layer.heads, kv_heads=layer.kv_heads, head_dim=layer.head_dim,
        value_dim=layer.value_dim, window=layer.window, latent=layer.latent, state=layer.state,
        shares_cache=0 if layer.kind == "state" else shared,
    )  # fmt: skip


def _sharing(file: Metadata, known: GgufArchitecture, layers: int) -> int:
    """How many layers, counted from the last, have no cache of their own."""
    declared = file.optional("attention.shared_kv_layers", 10_000)
    if declared is None and known.layers_with_cache is not None:
        return max(layers - known.layers_with_cache, 0)
    return min(declared or 0, layers)


def _layer(
    file: Metadata, known: GgufArchitecture, index: int, heads: _Heads, recurrent: set[int]
) -> tuple[Attention, tuple[str, ...]]:
    """One layer (its count ``layers`` is left at 0), and notes."""
    prefix = f"blk.{index}."
    convolves = any(f"{prefix}{name}" in file.by_name for name in _CONVOLUTIONS)
    attends = heads.cached[index] > 0 and not (convolves and f"{prefix}attn_q.weight" not in file.by_name)
    notes: tuple[str, ...] = ()
    if convolves and attends and f"{prefix}attn_k.weight" in file.by_name:
        notes = ("layers with attention and a recurrent part side by side: the state is not counted",)
    if not attends:
        feed_forward_alone = recurrent and index not in recurrent
        return Attention(kind="state", layers=0, state=0 if feed_forward_alone else _state(file, prefix)), notes
    if latent := file.optional("attention.kv_lora_rank", 2**20):
        return _latent(file, heads, index, latent), notes
    window, assumed = _window(file, known, index)
    width, value = heads.width, heads.value
    if window is not None:
        width = file.optional("attention.key_length_swa", 2**16) or width
        value = file.optional("attention.value_length_swa", 2**16) or value
    layer = Attention(
        kind="attention", layers=0, heads=heads.heads[index], kv_heads=heads.cached[index], head_dim=width,
        value_dim=value, window=window,
    )  # fmt: skip
    return layer, (*notes, *assumed)


def _latent(file: Metadata, heads: _Heads, index: int, latent: int) -> Attention:
    count = heads.heads[index]
    return Attention(
        kind="mla", layers=0, heads=count, kv_heads=count,
        head_dim=file.optional("attention.key_length_mla", 2**16) or heads.width,
        value_dim=file.optional("attention.value_length_mla", 2**16) or heads.value,
        latent=latent + (file.optional("rope.dimension_count", 2**16) or 0),
    )  # fmt: skip


def _window(file: Metadata, known: GgufArchitecture, layer: int) -> tuple[int | None, tuple[str, ...]]:
    """Tokens in the sliding or chunked window of a layer, None for full attention; and notes."""
    window = file.optional("attention.sliding_window", 2**40)
    if not window and known.chunk_size:
        window = file.optional("attention.chunk_size", 2**40) or known.chunk_size
    if not window:
        return None, ()
    pattern = file.value("attention.sliding_window_pattern")
    if isinstance(pattern, list) and layer < len(pattern):
        return window if pattern[layer] else None, ()
    period = pattern if isinstance(pattern, int) and pattern > 0 else known.full_attention_period
    if period:
        return None if layer % period == period - 1 else window, ()
    if known.window_in_all_layers:
        return window, ()
    return window, (f"a window of {window:,} tokens is assumed in all layers: the file does not say which have it",)


def _state(file: Metadata, prefix: str) -> int:
    """Elements of a recurrent layer's state: the last inputs of its convolution, and the recurrent state itself."""
    kernel = file.optional("ssm.conv_kernel", 1024) or 0
    inner = file.optional("ssm.inner_size", 2**26) or 0
    state = file.optional("ssm.state_size", 2**16) or 0
    groups = file.optional("ssm.group_count", 2**16) or 0
    mixed = file.shape(*(f"{prefix}{name}" for name in _CONVOLUTIONS))
    channels = mixed[1] if len(mixed) > 1 and mixed[1] else inner + 2 * groups * state
    kernel = kernel or mixed[0]
    if size := file.optional(
        "wkv.head_size", 2**16
    ):  # RWKV: a square matrix for each head, and the last token of two parts of the layer
        width = file.optional("embedding_length", 2**20) or 0
        return width * size + 2 * width
    return channels * max(kernel - 1, 0) + inner * state
