"""Phi 3.5 with experts (Microsoft)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("phimoe",),
        gguf=(GgufArchitecture(names=("phimoe",)),),
        tied=False,
        example=Example(
            source="transformers 5.24.0, configuration_phimoe.py",
            config={
                "model_type": "phimoe",
                "num_local_experts": 16,
                "num_experts_per_tok": 2,
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 6400,
                "vocab_size": 32064,
                "num_key_value_heads": 8,
            },
            layers=32,
        ),
    ),
)
