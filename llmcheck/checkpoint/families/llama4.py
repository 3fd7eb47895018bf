"""Llama 4 (Meta): attention in chunks, and experts with one shared expert."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=(
            "llama4",
            "llama4_text",
        ),
        gguf=(GgufArchitecture(names=("llama4",), full_attention_period=4, chunk_size=8192),),
        tied=False,
        full_attention_period=4,
        window_keys=("attention_chunk_size",),
        intermediate_keys=("intermediate_size_mlp", "intermediate_size"),
        shared_experts=1,
        defaults={
            "vocab_size": 202048,
            "hidden_size": 5120,
            "intermediate_size": 8192,
            "intermediate_size_mlp": 16384,
            "num_hidden_layers": 48,
            "num_attention_heads": 40,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "num_local_experts": 16,
            "num_experts_per_tok": 1,
            "attention_chunk_size": 8192,
            "max_position_embeddings": 131072,
        },
        example=Example(
            source="config.json of meta-llama/Llama-4-Scout-17B-16E",
            config={
                "model_type": "llama4",
                "text_config": {
                    "model_type": "llama4_text",
                    "hidden_size": 5120,
                    "num_hidden_layers": 48,
                    "num_attention_heads": 40,
                    "num_key_value_heads": 8,
                    "head_dim": 128,
                    "intermediate_size": 8192,
                    "intermediate_size_mlp": 16384,
                    "vocab_size": 202048,
                    "num_experts_per_tok": 1,
                    "attention_chunk_size": 8192,
                    "num_local_experts": 16,
                    "interleave_moe_layer_step": 1,
                    "max_position_embeddings": 10485760,
                },
                "vision_config": {"hidden_size": 1408, "num_hidden_layers": 34, "intermediate_size": 5632},
            },
            layers=48,
        ),
    ),
)
