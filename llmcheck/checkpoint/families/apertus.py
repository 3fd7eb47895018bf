"""Apertus (Swiss AI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("apertus", "apertus1p5_text"),
        gguf=(GgufArchitecture(names=("apertus",)),),
        tied=False,
        gated=False,
        query_norm=True,
        example=Example(
            source="config.json of swiss-ai/Apertus-8B-Instruct-2509",
            config={
                "model_type": "apertus",
                "hidden_size": 4096,
                "intermediate_size": 21504,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "attention_bias": False,
                "mlp_bias": False,
                "vocab_size": 131072,
                "max_position_embeddings": 65536,
                "tie_word_embeddings": False,
            },
            layers=32,
        ),
    ),
)
