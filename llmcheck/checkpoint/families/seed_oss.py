"""Seed-OSS (ByteDance)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("seed_oss",),
        gguf=(GgufArchitecture(names=("seed_oss",)),),
        output_bias="with attention_bias",
        example=Example(
            source="config.json of ByteDance-Seed/Seed-OSS-36B-Instruct",
            config={
                "model_type": "seed_oss",
                "hidden_size": 5120,
                "intermediate_size": 27648,
                "num_hidden_layers": 64,
                "num_attention_heads": 80,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "attention_bias": True,
                "vocab_size": 155136,
                "max_position_embeddings": 524288,
                "tie_word_embeddings": False,
            },
            layers=64,
        ),
    ),
)
