"""DeepSeek 4 (DeepSeek): keys and values are one vector, which is kept for a window and, compressed, for the rest."""

from __future__ import annotations

from collections import Counter

from llmcheck.checkpoint.family import Example, Family, OwnAttention, OwnWeights
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Attention

_RATIOS = {"sliding_attention": 0, "compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
"""Tokens for each compressed vector, by the words of ``layer_types`` (transformers 5.24.0)."""
_INDEXED = 4
"""Layers with this ratio have an indexer."""


def _ratios(text: Fields, layers: int) -> list[int]:
    listed = text.integers("compress_ratios")
    if listed is not None and len(listed) >= layers:  # the file's list goes on with the layers that predict
        return [max(each, 0) for each in listed[:layers]]
    words = text.strings("layer_types")
    if words is not None and len(words) == layers and _RATIOS.keys() >= set(words):
        return [_RATIOS[each] for each in words]
    raise DataError(f"{text.where}: 'compress_ratios' must have a number for each of {layers:,} layers")


def _attention(text: Fields, hidden: int, layers: int) -> OwnAttention:
    heads, dim = text.required("num_attention_heads", most=2**16), text.required("head_dim", most=2**16)
    rank, out = text.required("q_lora_rank", most=2**20), text.required("o_lora_rank", most=2**20)
    parts = text.required("o_groups", most=2**16)
    window = text.optional("sliding_window", most=2**40) or 128
    index = text.optional("index_head_dim", most=2**16) or 128
    indexes = text.optional("index_n_heads", most=2**16) or 64
    counts = Counter(_ratios(text, layers))
    groups = tuple(
        Attention(
            kind="mla", layers=count, heads=heads, kv_heads=1, head_dim=dim, value_dim=dim, latent=dim, window=window,
            compressed=ratio, indexer=count * index // ratio if ratio == _INDEXED else 0,
        )
        for ratio, count in sorted(counts.items())
    )  # fmt: skip
    each = hidden * (rank + dim) + rank * heads * dim + parts * out * (heads * dim // parts + hidden)
    matrices, vectors = layers * each, layers * (heads + rank + dim)
    for ratio, count in counts.items():
        series = 2 if ratio == _INDEXED else 1
        if not ratio:
            continue
        matrices += count * 2 * series * dim * hidden
        vectors += count * (ratio * series * dim + dim)
        if ratio == _INDEXED:
            matrices += count * (4 * index * hidden + indexes * index * rank + indexes * hidden)
            vectors += count * (ratio * 2 * index + index)
    return OwnAttention(groups=groups, matrices=matrices, vectors=vectors)


def _streams(text: Fields, hidden: int, layers: int) -> OwnWeights:
    """Mixers of residual streams (hyper-connections, arXiv 2409.19606): two in each layer, one after the last."""
    streams = text.optional("hc_mult", most=64) or 0
    mixed = streams * streams + 2 * streams
    matrices = (2 * layers * mixed + streams) * streams * hidden
    return OwnWeights(matrices=matrices, vectors=2 * layers * (mixed + 3) + streams + 1)


FAMILIES = (
    Family(
        model_types=("deepseek_v4",),
        tied=False,
        router_bias=True,
        own_attention=_attention,
        further=_streams,
        example=Example(
            source="config.json of deepseek-ai/DeepSeek-V4-Flash",
            config={
                "model_type": "deepseek_v4",
                "hc_mult": 4,
                "head_dim": 512,
                "hidden_size": 4096,
                "index_head_dim": 128,
                "index_n_heads": 64,
                "index_topk": 512,
                "max_position_embeddings": 1048576,
                "moe_intermediate_size": 2048,
                "n_routed_experts": 256,
                "n_shared_experts": 1,
                "num_attention_heads": 64,
                "num_experts_per_tok": 6,
                "num_hidden_layers": 43,
                "num_key_value_heads": 1,
                "num_nextn_predict_layers": 1,
                "o_groups": 8,
                "o_lora_rank": 1024,
                "q_lora_rank": 1024,
                "sliding_window": 128,
                "vocab_size": 129280,
                "compress_ratios": [0, 0, *[4, 128] * 20, 4, 0],
                "tie_word_embeddings": False,
            },
            layers=43,
        ),
    ),
)
