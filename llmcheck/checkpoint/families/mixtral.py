"""Mixtral (Mistral AI): experts in every layer."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("mixtral",),
        tied=False,
        example=Example(
            source="config.json of mistralai/Mixtral-8x7B-v0.1",
            config={
                "model_type": "mixtral",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "vocab_size": 32000,
                "max_position_embeddings": 32768,
                "num_local_experts": 8,
                "num_experts_per_tok": 2,
            },
            layers=32,
            parameters=46702792704,
        ),
    ),
)
