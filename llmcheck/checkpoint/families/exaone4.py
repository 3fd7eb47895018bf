"""EXAONE 4 (LG AI Research)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, Tower

FAMILIES = (
    Family(
        model_types=("exaone4", "exaone4_5", "exaone4_5_text"),
        gguf=(GgufArchitecture(names=("exaone4",), full_attention_period=4),),
        tied=False,
        query_norm=True,
        towers={
            "exaone4_5_vision": Tower(
                defaults={
                    "depth": 28,
                    "hidden_size": 2048,
                    "intermediate_size": 5120,
                    "num_heads": 32,
                    "num_key_value_heads": 8,
                    "spatial_merge_size": 2,
                },
                gated=True,
            )
        },
        example=Example(
            source="config.json of LGAI-EXAONE/EXAONE-4.0-1.2B",
            config={
                "model_type": "exaone4",
                "hidden_size": 2048,
                "intermediate_size": 4096,
                "num_hidden_layers": 30,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "head_dim": 64,
                "vocab_size": 102400,
                "max_position_embeddings": 65536,
                "tie_word_embeddings": True,
            },
            layers=30,
        ),
    ),
)
