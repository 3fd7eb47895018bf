"""Llama and the models with its layers (Meta)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("llama",),
        gguf=(GgufArchitecture(names=("llama",), window_in_all_layers=True),),
        tied=False,
        output_bias="with attention_bias",
        defaults={
            "vocab_size": 32000,
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "max_position_embeddings": 2048,
        },
        example=Example(
            source="config.json of meta-llama/Llama-3.1-8B",
            config={
                "model_type": "llama",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "vocab_size": 128256,
                "max_position_embeddings": 131072,
            },
            layers=32,
            parameters=8030261248,
        ),
    ),
)
