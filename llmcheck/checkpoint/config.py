"""The architecture from a ``config.json`` of transformers: shapes, kinds of layers and numbers of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmcheck import codec
from llmcheck.checkpoint import attention, decoder, families, feed_forward, ignored, images, published, sparse, towers
from llmcheck.checkpoint.decoder import Decoder
from llmcheck.checkpoint.family import ENCODER_NOTE, UNKNOWN, Family
from llmcheck.checkpoint.feed_forward import FeedForward
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture, Kept, Parameters

_TEXT = ("text_config", "language_config", "llm_config")
"""Keys under which the file of a larger model (with images or sound) describes its decoder."""
_CONTEXT = (
    "max_position_embeddings", "n_positions", "seq_length", "max_sequence_length", "max_seq_len", "n_ctx",
)  # fmt: skip
_PREDICTORS = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules")
_PREDICTOR = (
    "its files also have {:.1f} B weights of layers that predict further tokens (MTP): counted on disk, not in memory, "
    "for runtimes load them only for speculative decoding"
)
_IMAGE_TOKENS = 8
"""Rows that the embedding of Llama 3.2 Vision has beyond the vocabulary, for images."""


def decoded(data: bytes, where: str) -> dict[str, Any]:
    """``config.json`` as a mapping. Raises DataError for anything else."""
    return codec.decode_json(data, dict[str, Any], where)


def architecture(
    config: Mapping[str, Any], where: str, name: str | None = None, source: str | None = None
) -> Architecture:
    """The architecture that a decoder's ``config.json`` describes. ``where`` names the file in error messages; ``name``
    and ``source`` are set in the result, None takes them from the file and from ``where``.

    Raises DataError for a model that is not a decoder, for a missing shape and for one that no model can have. An
    unknown ``model_type`` is read like Llama; the result is then ``estimated``, and ``assumed`` and a note say so.
    """
    whole = Fields(config, where)
    nested = next((key for key in _TEXT if isinstance(config.get(key), Mapping)), None)
    text = Fields(config[nested], f"{where}, {nested}") if nested else whole
    model_type = text.string("model_type") or whole.string("model_type") or "unknown"
    family = families.of_config(model_type)
    refusal = family.refusal if family else None
    if refusal or whole.flag("is_encoder_decoder"):
        reason = refusal or "has an encoder"
        raise DataError(f"{where}: '{model_type}' {reason}; only decoder language models are computed")
    notes: list[str] = []
    if nested and family:
        text, left_out = text.completed(family.defaults)
        if left_out:
            notes.append(f"not in the file, so transformers' defaults are used: {', '.join(left_out)}")
    model = decoder.read(text, _for_file(text, family or UNKNOWN), model_type)
    assumed = () if family else (f"model_type '{model_type}' is not known to llmcheck: read like Llama's layers",)
    return _computed(whole, model, name or whole.string("_name_or_path") or model_type, source or where, notes, assumed)


def _for_file(text: Fields, family: Family) -> Family:
    """The family, adapted to the keys of this file."""
    return family.variant(text) if family.variant else family


def _computed(
    whole: Fields, model: Decoder, name: str, source: str, notes: list[str], assumed: tuple[str, ...]
) -> Architecture:
    """``notes``: on defaults that were used; ``assumed``: why the layers may differ from what is computed."""
    family, text = model.family, model.text
    groups, group_notes = attention.groups(model)
    layers = feed_forward.read(model)
    weights = attention.weights(model, groups)
    vision, tower_notes = towers.weights(whole, model.hidden)
    stored = published.read(whole, text)
    tied = not family.head or _tied(model, whole)
    predictor = _predictor(model, layers)
    counts = _parameters(model, layers, weights, tied=tied, vision=vision)
    notes += (*group_notes, *_embedding_notes(model), *tower_notes, *assumed)
    notes += (_PREDICTOR.format(predictor / 1e9),) if predictor else ()
    notes += (ENCODER_NOTE,) if family.encoder else ()
    return Architecture(
        name=name, model_type=model.model_type, source=source, estimated=bool(assumed), assumed=assumed,
        hidden=model.hidden, layers=model.layers, intermediate=layers.intermediate or layers.expert_intermediate,
        gated=family.gated, vocab=model.vocab, attention=groups, experts=layers.experts,
        experts_active=layers.experts_active, expert_intermediate=layers.expert_intermediate,
        sparse_layers=layers.sparse_layers, leading_dense=layers.leading_dense, tied=tied, fused=family.fused,
        context=text.optional(*_CONTEXT, most=2**40), dtype=stored.dtype, kept=_kept(model, stored),
        parameters=counts, predictor=predictor, image_encoder=images.encoder(whole),
        encoder=family.encoder, notes=(*notes, *stored.notes),
    )  # fmt: skip


def _kept(model: Decoder, stored: published.Published) -> Kept | None:
    """What stays in 16 bits of a quantised file."""
    if not stored.ignored:
        return None
    attends = [kind in ("full", "window", "cross", "both") for kind in model.kinds]
    given = sparse.read(model).given or tuple(kind == "experts" for kind in model.kinds)
    return ignored.kept(stored.ignored, attends, given, beside=model.family.dense_beside_experts)


def _parameters(
    model: Decoder, layers: FeedForward, weights: attention.Weights, *, tied: bool, vision: int
) -> Parameters:
    family, hidden = model.family, model.hidden
    table = model.vocab * hidden
    embedding = table + _per_layer_embedding(model) + (_IMAGE_TOKENS * hidden if model.count("cross") else 0)
    head = 0 if tied else table
    other = weights.vectors + _norms(model) + layers.vectors + _positions(model)
    other += model.vocab if family.head_bias else 0
    routed = layers.expert_weights
    answering = routed * layers.experts_active // layers.experts if layers.experts else 0
    return Parameters(
        embedding=embedding, head=head, attention=weights.matrices, mlp=layers.dense_weights, experts=routed,
        other=other, vision=vision,
        active=embedding + head + weights.matrices + layers.dense_weights + answering + other,
    )  # fmt: skip


def _norms(model: Decoder) -> int:
    """Weights of the norms in all layers, after the last layer and, in some families, after the embedding."""
    size = model.hidden * (2 if model.family.norm_bias else 1)
    return (model.layers * model.family.norms + 1 + model.family.embedding_norm) * size


def _positions(model: Decoder) -> int:
    """Weights of the table of learned positions; 0 where there is none."""
    keys = model.family.position_keys
    return model.hidden * (model.text.required(*keys, most=2**30) + model.family.position_padding) if keys else 0


def _per_layer_embedding(model: Decoder) -> int:
    """Weights of the embeddings that Gemma 3n has for each layer; 0 for other models."""
    width = model.text.optional("hidden_size_per_layer_input", least=0, most=2**20)
    if not (width and model.family.layer_tables):
        return 0
    return model.layers * width * (model.text.optional("vocab_size_per_layer_input", most=2**26) or model.vocab)


def _embedding_notes(model: Decoder) -> tuple[str, ...]:
    if not _per_layer_embedding(model):
        return ()
    return ("the embeddings of the single layers are counted with the embedding; some runtimes keep them in RAM",)


def _predictor(model: Decoder, layers: FeedForward) -> int:
    """Weights of the layers that predict further tokens: one like the last, and a matrix that joins two vectors."""
    count = model.text.optional(*_PREDICTORS, least=0, most=1000) or 0
    one = attention.of_one_layer(model) + layers.last + 2 * model.hidden * model.hidden
    tables = 2 * model.vocab * model.hidden if model.family.predictor_tables else 0
    return count * (one + tables)


def _tied(model: Decoder, whole: Fields) -> bool:
    """Whether the output projection and the embedding are one matrix."""
    declared = next((fields for fields in (model.text, whole) if fields.has("tie_word_embeddings")), None)
    return declared.flag("tie_word_embeddings") if declared else model.family.tied
