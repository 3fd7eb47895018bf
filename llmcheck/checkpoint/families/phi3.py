"""Phi 3 and 4 (Microsoft)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("phi3",),
        gguf=(GgufArchitecture(names=("phi3",), window_in_all_layers=True, gate_in_up=True),),
        tied=False,
        fused=True,
        defaults={
            "vocab_size": 32064,
            "hidden_size": 3072,
            "intermediate_size": 8192,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "max_position_embeddings": 4096,
        },
        example=Example(
            source="config.json of microsoft/phi-4",
            config={
                "model_type": "phi3",
                "hidden_size": 5120,
                "num_hidden_layers": 40,
                "num_attention_heads": 40,
                "num_key_value_heads": 10,
                "intermediate_size": 17920,
                "vocab_size": 100352,
                "max_position_embeddings": 16384,
            },
            layers=40,
            parameters=14659507200,
        ),
    ),
)
