"""Llama 3.2 Vision (Meta): Llama's layers, and between them layers that attend only to images."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, Tower

FAMILIES = (
    Family(
        model_types=("mllama_text_model",),
        tied=False,
        output_bias="with attention_bias",
        defaults={
            "vocab_size": 128256,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 40,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "max_position_embeddings": 131072,
            "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38],
        },
        towers={
            "mllama_vision_model": Tower(
                defaults={
                    "hidden_size": 1280,
                    "intermediate_size": 5120,
                    "num_hidden_layers": 32,
                    "num_global_layers": 8,
                    "vision_output_dim": 7680,
                }
            )
        },
        example=Example(
            source="config.json of meta-llama/Llama-3.2-11B-Vision-Instruct",
            config={
                "model_type": "mllama",
                "text_config": {
                    "model_type": "mllama_text_model",
                    "hidden_size": 4096,
                    "intermediate_size": 14336,
                    "num_hidden_layers": 40,
                    "num_attention_heads": 32,
                    "num_key_value_heads": 8,
                    "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38],
                    "vocab_size": 128256,
                    "max_position_embeddings": 131072,
                    "tie_word_embeddings": False,
                },
                "vision_config": {
                    "model_type": "mllama_vision_model",
                    "hidden_size": 1280,
                    "intermediate_size": 5120,
                    "num_hidden_layers": 32,
                },
            },
            layers=40,
        ),
    ),
)
