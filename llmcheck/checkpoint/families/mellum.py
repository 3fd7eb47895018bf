"""Mellum 2 (JetBrains)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("mellum",),
        tied=False,
        query_norm=True,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of JetBrains/Mellum2-12B-A2.5B-Base",
            config={
                "model_type": "mellum",
                "hidden_size": 2304,
                "intermediate_size": 7168,
                "moe_intermediate_size": 896,
                "num_hidden_layers": 28,
                "num_attention_heads": 32,
                "num_key_value_heads": 4,
                "head_dim": 128,
                "num_experts": 64,
                "num_experts_per_tok": 8,
                "sliding_window": 1024,
                "layer_types": ["full_attention"] * 28,
                "vocab_size": 98304,
                "max_position_embeddings": 131072,
            },
            layers=28,
            parameters=12149923072,
        ),
    ),
)
