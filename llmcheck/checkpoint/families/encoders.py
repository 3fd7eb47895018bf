"""Encoders that embed, rank or classify a text: BERT, RoBERTa and ModernBERT. They have no KV cache."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind, OwnWeights
from llmcheck.checkpoint.fields import Fields

_GGUF = ("bert", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "llama-embed", "modern-bert",
         "neo-bert", "nomic-bert", "nomic-bert-moe")  # fmt: skip


def _types_and_pooler(text: Fields, hidden: int, _: int) -> OwnWeights:
    kinds = text.optional("type_vocab_size", least=0, most=2**16)
    return OwnWeights(matrices=hidden * hidden, vectors=hidden * (1 + (2 if kinds is None else kinds)))


def _alternating(text: Fields, layers: int) -> list[LayerKind]:
    """ModernBERT: the first of so many layers sees the whole text."""
    period = text.optional("global_attn_every_n_layers", most=10_000) or 3
    return ["window" if index % period else "full" for index in range(layers)]


FAMILIES = (
    Family(
        model_types=(
            "bert",
            "camembert",
            "data2vec-text",
            "ernie",
            "megatron-bert",
            "roberta",
            "roberta-prelayernorm",
            "xlm-roberta",
            "xlm-roberta-xl",
        ),
        gguf=(GgufArchitecture(names=_GGUF, encoder=True),),
        encoder=True,
        head=False,
        gated=False,
        bias=True,
        norm_bias=True,
        position_keys=("max_position_embeddings",),
        further=_types_and_pooler,
        example=Example(
            source="config.json of sentence-transformers/all-MiniLM-L6-v2",
            config={
                "model_type": "bert",
                "hidden_size": 384,
                "intermediate_size": 1536,
                "num_hidden_layers": 6,
                "num_attention_heads": 12,
                "vocab_size": 30522,
                "max_position_embeddings": 512,
                "type_vocab_size": 2,
            },
            layers=6,
            parameters=22713216,
        ),
    ),
    Family(
        model_types=("modernbert",),
        encoder=True,
        head=False,
        fused=True,
        window_keys=("local_attention", "sliding_window"),
        layer_kinds=_alternating,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of answerdotai/ModernBERT-base",
            config={
                "model_type": "modernbert",
                "hidden_size": 768,
                "intermediate_size": 1152,
                "num_hidden_layers": 22,
                "num_attention_heads": 12,
                "vocab_size": 50368,
                "max_position_embeddings": 8192,
                "local_attention": 128,
                "global_attn_every_n_layers": 3,
            },
            layers=22,
            parameters=149014272,
        ),
    ),
)
