"""An architecture from ``config.json``, as transformers writes it: shapes, kinds of layers and counts of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmcheck import codec
from llmcheck.checkpoint import attention, decoder, families, feed_forward, published, towers
from llmcheck.checkpoint.decoder import Decoder
from llmcheck.checkpoint.family import UNKNOWN, Family
from llmcheck.checkpoint.feed_forward import FeedForward
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture, Parameters

_TEXT = ("text_config", "language_config", "llm_config")
"""Keys of the decoder's part in the file of a larger model."""
_CONTEXT = (
    "max_position_embeddings", "n_positions", "seq_length", "max_sequence_length", "max_seq_len", "n_ctx",
)  # fmt: skip
_IMAGE_TOKENS = 8
"""Rows that the embedding has for images in addition to the vocabulary, with cross attention (Llama 3.2 Vision)."""


def decoded(data: bytes, where: str) -> dict[str, Any]:
    """``config.json`` as a mapping. Raises DataError for anything else."""
    return codec.decode_json(data, dict[str, Any], where)


def architecture(
    config: Mapping[str, Any], where: str, name: str | None = None, source: str | None = None
) -> Architecture:
    """The shapes that a decoder's ``config.json`` describes. ``where`` names the file in errors; ``name`` and
    ``source`` are those of the result, None takes them from the file and from ``where``.

    Raises DataError for a model that is no decoder, lacks a shape, or has one that no model can have. A ``model_type``
    that is not known is read as Llama's layers; the result is then ``estimated``, and ``assumed`` and a note say so.
    """
    whole = Fields(config, where)
    nested = next((key for key in _TEXT if isinstance(config.get(key), Mapping)), None)
    text = Fields(config[nested], f"{where}, {nested}") if nested else whole
    model_type = text.text("model_type") or whole.text("model_type") or "unknown"
    family = families.of_config(model_type)
    refusal = family.refusal if family else None
    if refusal or whole.flag("is_encoder_decoder"):
        reason = refusal or "has an encoder"
        raise DataError(f"{where}: '{model_type}' {reason}; only decoder language models are computed")
    notes: list[str] = []
    if nested and family:
        text, left_out = text.completed(family.defaults)
        if left_out:
            notes.append(f"what the file leaves out is as transformers' class has it: {', '.join(left_out)}")
    read = decoder.read(text, _as_in(text, family or UNKNOWN), model_type)
    assumed = () if family else (f"model_type '{model_type}' is not known here; read as layers like Llama's",)
    return _computed(whole, read, name or whole.text("_name_or_path") or model_type, source or where, notes, assumed)


def _as_in(text: Fields, family: Family) -> Family:
    """The family as this file has it."""
    return family.variant(text) if family.variant else family


def _computed(
    whole: Fields, read: Decoder, name: str, source: str, notes: list[str], assumed: tuple[str, ...]
) -> Architecture:
    """``notes``: those of the keys that were left out; ``assumed``: why the layers may be others."""
    family, text = read.family, read.text
    groups, group_notes = attention.groups(read)
    layers = feed_forward.read(read)
    weights, weight_notes = attention.weights(read, groups)
    vision, tower_notes = towers.weights(whole, read.hidden)
    dtype, dtype_notes = published.dtype(whole, text)
    tied = _tied(read, whole)
    counts = _parameters(read, layers, weights, tied=tied, vision=vision)
    notes += (*group_notes, *weight_notes, *_embedding_notes(read), *tower_notes, *assumed, *_extra_layers_notes(read))
    return Architecture(
        name=name, model_type=read.model_type, source=source, estimated=bool(assumed), assumed=assumed,
        hidden=read.hidden, layers=read.layers, intermediate=layers.intermediate or layers.expert_intermediate,
        gated=family.gated, vocab=read.vocab, attention=groups, experts=layers.experts,
        experts_active=layers.experts_active, expert_intermediate=layers.expert_intermediate,
        sparse_layers=layers.sparse_layers, leading_dense=layers.leading_dense, tied=tied, fused=family.fused,
        context=text.optional(*_CONTEXT, most=2**40), dtype=dtype, parameters=counts, notes=(*notes, *dtype_notes),
    )  # fmt: skip


def _parameters(
    read: Decoder, layers: FeedForward, weights: attention.Weights, *, tied: bool, vision: int
) -> Parameters:
    family, hidden = read.family, read.hidden
    table = read.vocab * hidden
    embedding = table + _per_layer_embedding(read) + (_IMAGE_TOKENS * hidden if read.count("cross") else 0)
    head = 0 if tied else table
    other = weights.vectors + _norms(read) + layers.vectors + _positions(read)
    other += read.vocab if family.head_bias else 0
    routed = layers.expert_weights
    answering = routed * layers.experts_active // layers.experts if layers.experts else 0
    return Parameters(
        embedding=embedding, head=head, attention=weights.matrices, mlp=layers.dense_weights, experts=routed,
        other=other, vision=vision,
        active=embedding + head + weights.matrices + layers.dense_weights + answering + other,
    )  # fmt: skip


def _norms(read: Decoder) -> int:
    """Weights of the norms in all layers, after the last, and after the embedding where there is one."""
    size = read.hidden * (2 if read.family.norm_bias else 1)
    return (read.layers * read.family.norms + 1 + read.family.embedding_norm) * size


def _positions(read: Decoder) -> int:
    """Weights of the table of learned positions; 0 where there is none."""
    keys = read.family.position_keys
    return read.hidden * (read.text.whole(*keys, most=2**30) + read.family.position_padding) if keys else 0


def _per_layer_embedding(read: Decoder) -> int:
    """Weights of the embeddings that each layer has of its own (Gemma 3n); 0 where there are none."""
    width = read.text.optional("hidden_size_per_layer_input", least=0, most=2**20)
    if not width:
        return 0
    return read.layers * width * (read.text.optional("vocab_size_per_layer_input", most=2**26) or read.vocab)


def _embedding_notes(read: Decoder) -> tuple[str, ...]:
    if not _per_layer_embedding(read):
        return ()
    return ("embeddings of each layer are counted with the embedding; some runtimes keep them in RAM",)


def _extra_layers_notes(read: Decoder) -> tuple[str, ...]:
    if not read.text.optional("num_nextn_predict_layers", least=0, most=1000):
        return ()
    return ("the extra layers that predict further tokens are not counted; most runtimes leave them out",)


def _tied(read: Decoder, whole: Fields) -> bool:
    """Whether the output projection is the embedding."""
    declared = next((fields for fields in (read.text, whole) if fields.has("tie_word_embeddings")), None)
    return declared.flag("tie_word_embeddings") if declared else read.family.tied
