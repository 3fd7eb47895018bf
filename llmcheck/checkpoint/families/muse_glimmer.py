"""Muse Glimmer (Meta): gated attention, with a window in three of four layers."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("muse_glimmer", "muse_glimmer_text"),
        tied=False,
        norms=4,
        gated_queries=True,
        full_attention_period=4,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of meta-models/Muse-Glimmer-30B",
            config={
                "model_type": "muse_glimmer_text",
                "hidden_size": 6656,
                "intermediate_size": 19968,
                "num_hidden_layers": 52,
                "num_attention_heads": 32,
                "num_key_value_heads": 2,
                "head_dim": 128,
                "sliding_window": 2048,
                "vocab_size": 202048,
                "max_position_embeddings": 131072,
            },
            layers=52,
            parameters=27854780928,
        ),
    ),
)
