"""Mistral and Ministral (Mistral AI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("mistral",),
        tied=False,
        defaults={
            "vocab_size": 32000,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "max_position_embeddings": 131072,
            "sliding_window": 4096,
        },
        example=Example(
            source="config.json of mistralai/Mistral-7B-v0.1",
            config={
                "model_type": "mistral",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "vocab_size": 32000,
                "max_position_embeddings": 32768,
                "sliding_window": 4096,
            },
            layers=32,
            parameters=7241732096,
        ),
    ),
    Family(
        model_types=("mistral3",),
        tied=False,
        towers={"pixtral": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24}},
        example=Example(
            source="a text part of config.json of mistralai/Mistral-Small-3.1-24B-Instruct-2503",
            config={
                "model_type": "mistral3",
                "head_dim": 128,
                "hidden_size": 5120,
                "num_hidden_layers": 40,
                "num_attention_heads": 32,
                "intermediate_size": 32768,
                "vocab_size": 131072,
                "num_key_value_heads": 8,
            },
            layers=40,
        ),
    ),
    Family(
        model_types=("ministral3",),
        gguf=(GgufArchitecture(names=("mistral3",), window_in_all_layers=True),),
        tied=False,
        defaults={
            "vocab_size": 131072,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 34,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 262144,
        },
        example=Example(
            source="config.json of mistralai/Devstral-2-123B-Instruct-2512",
            config={
                "model_type": "ministral3",
                "hidden_size": 12288,
                "intermediate_size": 28672,
                "num_hidden_layers": 88,
                "num_attention_heads": 96,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "vocab_size": 131072,
                "max_position_embeddings": 262144,
                "tie_word_embeddings": False,
            },
            layers=88,
        ),
    ),
)
