"""Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434), and the indexer that chooses the tokens to attend to
(DeepSeek-V3.2)."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.checkpoint.decoder import Decoder
from llmcheck.schema.architecture import Attention


class Latent(Struct, frozen=True, kw_only=True):
    """How many elements the vectors of latent attention have."""

    rank: int
    """The compressed keys and values of a token."""
    rope: int
    """The part of a head's key with the position (RoPE)."""
    nope: int
    """The part of a head's key without it."""
    value: int
    """A head's value."""
    query_rank: int | None
    """The compressed queries of a token; None where they are not compressed."""


class LatentWeights(Struct, frozen=True, kw_only=True):
    """Weights of latent attention, in all layers together."""

    matrices: int
    vectors: int


def read(decoder: Decoder) -> Latent | None:
    """None for a model without latent attention."""
    text, dim = decoder.text, decoder.heads.head_dim
    rank = text.optional("kv_lora_rank", most=2**20)
    if rank is None:
        return None
    return Latent(
        rank=rank,
        rope=text.optional("qk_rope_head_dim", least=0, most=2**16) or 0,
        nope=text.optional("qk_nope_head_dim", least=0, most=2**16) or dim,
        value=text.optional("v_head_dim", most=2**16) or dim,
        query_rank=text.optional("q_lora_rank", most=2**20),
    )


def group(decoder: Decoder, latent: Latent, layers: int) -> Attention:
    """The cache of ``layers`` layers."""
    width = decoder.text.optional("index_head_dim", most=2**16) or 128
    return Attention(
        kind="mla", layers=layers, heads=decoder.heads.heads, kv_heads=decoder.heads.kv_heads,
        head_dim=latent.nope + latent.rope, value_dim=latent.value, latent=latent.rank + latent.rope,
        indexer=width * indexers(decoder),
    )  # fmt: skip


def indexers(decoder: Decoder) -> int:
    """How many layers have an indexer of their own; the others use the choice of an earlier one (GLM 5.2)."""
    if not decoder.text.has("index_n_heads"):
        return 0
    listed = decoder.text.strings("indexer_types")
    attending = decoder.count("full", "window")
    return attending if listed is None else min(listed.count("full"), attending)


def weights(decoder: Decoder, latent: Latent, layers: int) -> LatentWeights:
    """The weights of ``layers`` layers, of which ``indexers`` have an indexer."""
    hidden, heads, rank = decoder.hidden, decoder.heads.heads, latent.query_rank
    width = heads * (latent.nope + latent.rope)
    queries = hidden * rank + rank * width if rank else hidden * width
    keys = hidden * (latent.rank + latent.rope) + latent.rank * heads * (latent.nope + latent.value)
    each = queries + keys + heads * latent.value * hidden
    if decoder.text.flag("mla_use_output_gate"):
        each += hidden * heads * latent.value
    if decoder.family.gated_heads:
        each += hidden * heads
    found = min(indexers(decoder), layers)
    size = decoder.text.optional("index_head_dim", most=2**16) or 128
    count = decoder.text.optional("index_n_heads", most=2**16) or 64
    one = (rank or hidden) * count * size + hidden * size + hidden * count
    return LatentWeights(
        matrices=layers * each + found * one, vectors=layers * (latent.rank + (rank or 0)) + found * 2 * size
    )
