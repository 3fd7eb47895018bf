"""The shapes of a language model, which determine its memory and its FLOP."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from msgspec import Struct


class Attention(Struct, frozen=True, kw_only=True):
    """A group of layers that keep the same kind of cache, whatever their order in the model."""

    kind: Literal["attention", "mla", "state"]
    """``mla``: one compressed vector per token (DeepSeek); ``state``: recurrent, its size is the same at any length."""
    layers: int
    """How many layers are in the group."""
    heads: int = 0
    """Query heads."""
    kv_heads: int = 0
    """Cached heads: equal to ``heads`` without grouping, 1 for multi-query."""
    head_dim: int = 0
    """Elements of one query or key head."""
    value_dim: int = 0
    """Elements of one value head; equal to ``head_dim`` in most models."""
    window: int | None = None
    """Tokens that a sliding or chunked window keeps; None keeps all."""
    latent: int = 0
    """MLA: cached elements per token and layer (``kv_lora_rank + qk_rope_head_dim``)."""
    state: int = 0
    """Recurrent layers: elements per sequence and layer, of convolution and state together."""
    convolution: int = 0
    """Of ``state``: elements of the convolution."""
    wide: bool = False
    """The model's own configuration keeps what is not of the convolution in 32 bits (``mamba_ssm_dtype``)."""
    indexer: int = 0
    """Elements per token that an indexer keeps of its keys (DeepSeek-V3.2), in all layers of the group together."""
    compressed: int = 0
    """Beside the window one more vector is kept for each so many tokens (DeepSeek-V4); 0: none."""
    shares_cache: int = 0
    """How many of ``layers`` reuse the cache of another layer and have none of their own."""


class ImageEncoder(Struct, frozen=True, kw_only=True):
    """What a model computes of one image before its decoder."""

    hidden: int
    """Elements of one patch between layers."""
    intermediate: int
    """Width of one branch of its feed-forward layers."""
    patches: int
    """Patches that become one token of the decoder."""
    pixels: int
    """Numbers that a patch is made of."""
    tokens: int
    """Tokens of the decoder that the largest image (or video, where it is larger) becomes."""


class Parameters(Struct, frozen=True, kw_only=True):
    """Counts of weights; ``total`` is the sum of the parts, tied embeddings counted once."""

    embedding: int
    """The token embedding."""
    head: int
    """The output projection; 0 where it is tied to the embedding."""
    attention: int
    """All projections of attention."""
    mlp: int
    """Dense feed-forward layers, shared experts and routers."""
    experts: int = 0
    """All routed experts, active or not."""
    other: int = 0
    """Norms and biases, and weights whose part is not known."""
    vision: int = 0
    """Encoders of images or sound, and their projectors."""
    active: int
    """Weights that one token passes through."""

    @property
    def total(self) -> int:
        return self.embedding + self.head + self.attention + self.mlp + self.experts + self.other + self.vision


class Kept(Struct, frozen=True, kw_only=True):
    """What a quantised file keeps in 16 bits of the matrices in its layers, as fractions from 0 to 1."""

    attention: float = 0.0
    """Attention and recurrent layers."""
    feed_forward: float = 0.0
    """Dense layers and shared experts."""
    experts: float = 0.0
    """Routed experts."""


class KnownModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table of well-known models."""

    id: str
    """Its name in ``--model``, kebab-case."""
    names: tuple[str, ...]
    """Repositories that have these shapes, the first the one whose file was read; with a colon, a tag of Ollama's
    library."""
    parameters: int | None = None
    """Published count of weights; None where it is only published rounded."""
    rounded: float | None = None
    """Published count in billions, as its maker writes it; None where an exact one is known, or none is."""
    source: str
    """Where the configuration was read."""
    as_of: datetime.date
    """Day on which it was read."""
    config: dict[str, Any]
    """Keys of its ``config.json``."""


class TensorGroup(Struct, frozen=True, kw_only=True):
    """Tensors of one storage type in a file: exact bytes."""

    part: Literal["embedding", "head", "layer", "experts", "vision", "predictor", "other"]
    """Which part of the model they belong to; ``predictor``: layers that predict further tokens (MTP), which runtimes
    load only for speculative decoding."""
    layer: int | None
    """The block it belongs to; None for what is outside the blocks."""
    type: str
    """As the file names it: ``Q4_K``, ``BF16``, ``F8_E4M3``, ..."""
    elements: int
    """Number of weights."""
    bytes: int
    """Bytes in the file."""


class Architecture(Struct, frozen=True, kw_only=True):
    """The shapes of one model."""

    name: str
    """What people call the model, or the file's own name for it."""
    model_type: str
    """transformers' ``model_type`` or GGUF's ``general.architecture``; ``typical`` for a size alone."""
    source: str
    """Where the shapes were read, with what a reader needs to find it again."""
    estimated: bool = False
    """The shapes are typical of a size, or derived from the tensors alone."""
    assumed: tuple[str, ...] = ()
    """Why the layers may differ from what is computed, in sentences: the family is not known; () where it is known."""
    hidden: int
    """Hidden size: elements of one token between layers."""
    layers: int
    """Number of layers (decoder blocks)."""
    intermediate: int
    """Width of one branch of the dense feed-forward layer (of one routed expert where all layers are sparse)."""
    gated: bool = True
    """The feed-forward layer has three matrices (SwiGLU, GeGLU), not two."""
    vocab: int
    """Tokens in the vocabulary."""
    attention: tuple[Attention, ...]
    """The layers in groups with the same kind of attention."""
    experts: int = 0
    """Routed experts per sparse layer; 0 for a dense model."""
    experts_active: int = 0
    """Routed experts that one token passes in a layer; 0 for a dense model."""
    expert_intermediate: int = 0
    """Width of one branch of a routed expert; 0 for a dense model."""
    sparse_layers: int = 0
    """Layers with routed experts; 0 for a dense model."""
    leading_dense: int = 0
    """Layers before the first with routed experts; 0 for a dense model, and where that is not known."""
    fused: bool = False
    """Queries, keys and values are one matrix in its files, which quantisers treat as one."""
    image_encoder: ImageEncoder | None = None
    """None for a model that reads no images, and where the shapes are not known."""
    tied: bool = False
    """The output projection is the embedding."""
    context: int | None = None
    """Longest context that the model declares, in tokens; None where it declares none."""
    dtype: str | None = None
    """Format of the published weights: ``bf16``, ``fp8``, ``mxfp4``, ...; None where it is not known."""
    kept: Kept | None = None
    """What the file's quantisation leaves in 16 bits; None where it does not say so, or nothing is quantised."""
    parameters: Parameters
    """Counts of weights by part."""
    tensors: tuple[TensorGroup, ...] | None = None
    """Exact bytes from a file's header; None where only shapes are known."""
    file_size: int | None = None
    """Bytes on disk, of all parts of the file; None without a file."""
    predictor: int = 0
    """Weights of further layers that predict several tokens at once (MTP), which its files also have; not part of
    ``parameters``, for runtimes load them only for speculative decoding. 0 without."""
    encoder: bool = False
    """It reads a text at once and writes none: an embedder, a reranker or a classifier, without a KV cache."""
    notes: tuple[str, ...] = ()
    """What was assumed or left out, in sentences."""
