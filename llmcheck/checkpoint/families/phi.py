"""Phi (Microsoft)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("phi",),
        gguf=(GgufArchitecture(names=("phi2",)),),
        tied=False,
        gated=False,
        norm_bias=True,
        bias=True,
        norms=1,
        head_bias=True,
        example=Example(
            source="config.json of microsoft/phi-2",
            config={
                "model_type": "phi",
                "hidden_size": 2560,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "intermediate_size": 10240,
                "vocab_size": 51200,
                "max_position_embeddings": 2048,
            },
            layers=32,
            parameters=2779683840,
        ),
    ),
)
