"""A family of models: facts that its ``config.json`` or GGUF file omits, and keys that mean something else in it.

The defaults of the fields describe Llama's layers and transformers' defaults, so a family states only what differs.
Each file in ``families/`` has a tuple ``FAMILIES`` of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from llmcheck.checkpoint.fields import Fields
from llmcheck.schema.architecture import Attention

LayerKind = Literal["full", "window", "cross", "state", "both", "none", "experts"]
"""What one layer does. ``full``, ``window``: attention to all tokens, or to the last ones; ``cross``: attention to
images only; ``state``: a recurrent state; ``both``: attention and a recurrent state side by side; ``none``: a dense
feed-forward layer and nothing else; ``experts``: a feed-forward layer of experts and nothing else."""


ENCODER_NOTE = "an encoder: it reads a text at once and writes none, so there is no KV cache"


class Recurrent(Struct, frozen=True, kw_only=True):
    """One layer with a state of fixed size instead of a growing cache."""

    elements: int
    """Elements of the state of one sequence: the last inputs of the convolution, and the recurrent state itself."""
    convolution: int = 0
    """Of ``elements``: those of the convolution."""
    wide: bool = False
    """The rest of ``elements`` is kept in 32 bits, by every runtime."""
    matrices: int
    """Weights of its projections."""
    vectors: int
    """Weights of its convolution, norms and biases."""


class OwnWeights(Struct, frozen=True, kw_only=True):
    """Weights that only some families have, in all layers together."""

    matrices: int
    vectors: int = 0


class OwnAttention(Struct, frozen=True, kw_only=True):
    """The attention of all layers of a family that has a kind of its own."""

    groups: tuple[Attention, ...]
    matrices: int
    """Weights of the matrices, in all layers together."""
    vectors: int
    """Weights of norms, biases and convolutions, in all layers together."""


class Example(Struct, frozen=True, kw_only=True):
    """A real model of the family, which the tests read and compare with published figures."""

    source: str
    """Where the figures are published."""
    config: dict[str, Any]
    """The keys of its ``config.json`` that decide the shapes."""
    layers: int
    parameters: int | None = None
    """Published count of weights; None where no exact count is published."""
    refusal: str | None = None
    """Text in the error message where such a file is refused; None where it is read."""


class Tower(Struct, frozen=True, kw_only=True):
    """An encoder of images or sound beside the decoder."""

    defaults: Mapping[str, Any] = {}
    """Defaults of transformers' class, which files leave out."""
    gated: bool = False
    """Its feed-forward layers have three matrices; False: only where the file names a gated function."""
    inner: str | None = None
    """The key for the width of their inner vector; None: the usual ones."""
    projection: Callable[[Fields, Fields, int, int], int] | None = None
    """Weights between it and the decoder (see ``projections``); None: by the keys that many families share."""
    count: Callable[[Fields, Fields, int], int] | None = None
    """Gives all its weights, from the whole file, its own part and the decoder's width, where its layers are of a kind
    of their own; None: layers of attention and feed-forward."""


class GgufArchitecture(Struct, frozen=True, kw_only=True):
    """What a GGUF file of the family leaves out. llama.cpp has these rules in its code, not in the file."""

    names: tuple[str, ...]
    """Values of ``general.architecture``."""
    refusal: str | None = None
    """Why such a file is not computed; None for a decoder."""
    full_attention_period: int | None = None
    """One layer of so many has full attention, the others a sliding window; None: only the file says it."""
    window_in_all_layers: bool = False
    """A sliding window in the file applies to every layer."""
    chunk_size: int | None = None
    """Tokens of chunked attention where the file has no ``attention.chunk_size``; None: attention has no chunks."""
    layers_with_cache: int | None = None
    """How many layers have a KV cache of their own where the file does not say it. None: all."""
    gate_in_up: bool = False
    """The gate of the feed-forward layer and the up projection are stored as one tensor."""
    attention_free: bool = False
    """No layer has attention, so the file has no number of heads."""
    encoder: bool = False
    """It reads a text at once and writes none, so it has no KV cache."""


class Family(Struct, frozen=True, kw_only=True):
    """Models whose decoder layers are alike. Of a tuple of keys the first that the file has is used."""

    model_types: tuple[str, ...]
    """Values of transformers' ``model_type``."""
    gguf: tuple[GgufArchitecture, ...] = ()
    """The family's names in llama.cpp."""
    example: Example | None = None
    """None only for a family that is refused."""
    refusal: str | None = None
    """Why a model of this type is not computed, as the end of a sentence; None for a decoder."""
    variant: Callable[[Fields], Family] | None = None
    """For a family whose layers depend on keys of the file: gives the family for this file."""

    # --- keys that the file leaves out ---
    defaults: Mapping[str, Any] = {}
    """Defaults of transformers' class, for a decoder that is part of a larger model: of such a part transformers writes
    only the keys that differ from them."""
    towers: Mapping[str, Tower] = {}
    """Encoders of images and sound, by their ``model_type``."""
    vocab_keys: tuple[str, ...] = ("vocab_size", "padded_vocab_size")
    tied: bool = True
    """Output projection and embedding are one matrix where the file does not say it."""
    fused: bool = False
    """Queries, keys and values are one matrix in the family's files."""
    embedding_norm: bool = False
    """A norm directly after the embedding."""
    position_keys: tuple[str, ...] = ()
    """Keys for the number of learned positions; empty: the family has no table of learned positions."""
    position_padding: int = 0
    """Rows of that table beyond the number in the file."""
    head_bias: bool = False
    """The output projection has a bias."""
    head: bool = True
    """There is an output projection; False for a model that writes no text."""
    encoder: bool = False
    """It reads a text at once and writes none, so it has no KV cache."""
    further: Callable[[Fields, int, int], OwnWeights] | None = None
    """Gives weights that no other field describes, from the file, the hidden size and the number of layers."""
    layer_tables: bool = True
    """Where layers have inputs of their own, each has a table of embeddings for them."""
    predictor_tables: bool = False
    """The layers that predict further tokens have an embedding and an output projection of their own in the files."""

    # --- layers ---
    layer_kinds: Callable[[Fields, int], list[LayerKind]] | None = None
    """The kind of each layer, from the file and the number of layers, where the file has no list of them;
    None: by the keys that many families share."""
    layer_list_keys: tuple[str, ...] = ("layer_types", "layers_block_type")
    """Keys for a list with the kind of each layer."""
    one_part_per_layer: bool = False
    """A layer is either a mixer (attention, recurrence) or a feed-forward layer, never both."""
    norms: int = 2
    """How many norms a layer has."""
    norm_bias: bool = False
    """Norms have a weight and a bias, not a weight only."""
    full_attention_interval: int | None = None
    """One layer of so many has attention, the others a recurrent state, where the file does not say it."""
    full_attention_period: int | None = None
    """One layer of so many has full attention, the others a sliding window, where the file does not say it."""
    window_keys: tuple[str, ...] = ("sliding_window", "sliding_window_size", "attention_window_size")
    window: int | None = None
    """Tokens of the sliding window where the file does not say it; None: no window."""
    window_switch: bool | None = None
    """The default of ``use_sliding_window``; None: the family does not have that key."""
    first_window_layer: str | None = None
    """Key for how many of the first layers have full attention; the others have a window. None: all have it."""
    recurrent: Callable[[Fields, int], Recurrent] | None = None
    """Gives a recurrent layer from the file and the hidden size; None: by the keys that many families share."""
    attention_free: bool = False
    """A layer is one recurrent mixer, without attention heads and without a feed-forward part."""

    # --- attention ---
    kv_heads: Literal["file", "keys", "one", "all"] = "file"
    """The number of key-value heads. ``file``: from the keys and the ``multi_query`` flags; ``keys``: from the keys
    alone; ``one``: 1; ``all``: as many as query heads."""
    own_attention: Callable[[Fields, int, int], OwnAttention] | None = None
    """Gives the attention of all layers, from the file, the hidden size and the number of layers, where no other family
    has its kind; None: by the keys that many families share."""
    gated_heads: bool = False
    """One gate for each head, computed from the layer's input."""
    gated_queries: bool = False
    """The query projection also computes a gate of the same width."""
    shared_layers_lack_keys: bool = False
    """A layer that uses the KV cache of another one has no matrices for keys and values."""
    bias: bool = False
    """Every matrix of the layers has a bias."""
    query_bias: bool = False
    """Queries, keys and values have a bias where the file does not say it."""
    output_bias: Literal["never", "with attention_bias", "always"] = "never"
    """When attention's output matrix has a bias."""
    attention_sinks: bool = False
    """One learned number (a sink) for each head."""
    query_norm: bool = False
    """Norms over queries and keys, with or without ``use_qk_norm`` in the file."""
    query_norm_over_all_heads: bool = False
    """Such a norm has a weight for each element of all heads, not only of one."""

    # --- feed-forward ---
    gated: bool = True
    """Three matrices (SwiGLU, GeGLU), not two."""
    intermediate_keys: tuple[str, ...] = (
        "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_ff", "block_ff_dim",
    )  # fmt: skip
    feed_forward_width: Callable[[Fields, int], int] | None = None
    """Gives the width of the inner vector from the file and its ``intermediate_size``; None: they are the same."""
    feed_forward_widths: Callable[[Fields, int, int], list[int]] | None = None
    """Gives the width of each layer, from the file, the hidden size and the number of layers, where they differ."""
    mlp_bias: bool = False
    """Every feed-forward matrix has a bias, with or without ``mlp_bias`` in the file."""
    expert_bias: bool = False
    """The router and every matrix of an expert have a bias."""
    router_bias: bool = False
    """The router has a bias: one number for each expert."""
    dense_beside_experts: bool = False
    """A layer with experts also has a dense feed-forward layer."""
    leading_dense: int = 0
    """Layers before the first with experts, where the file does not say it."""
    shared_experts: int = 0
    """Experts that are used for every token, where the file does not say it."""
    shared_expert_gate: bool = False
    """The shared expert has a gate: one row of the hidden size."""


UNKNOWN = Family(model_types=(), window_switch=True, first_window_layer="max_window_layers")
"""How an unknown ``model_type`` is read: as Llama's layers, with the keys that many families share."""
