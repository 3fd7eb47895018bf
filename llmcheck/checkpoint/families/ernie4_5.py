"""ERNIE 4.5 with experts (Baidu)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("ernie4_5_moe",),
        gguf=(
            GgufArchitecture(
                names=(
                    "ernie4_5",
                    "ernie4_5-moe",
                )
            ),
        ),
        tied=False,
        example=Example(
            source="config.json of baidu/ERNIE-4.5-21B-A3B-PT",
            config={
                "model_type": "ernie4_5_moe",
                "hidden_size": 2560,
                "intermediate_size": 12288,
                "moe_intermediate_size": 1536,
                "num_hidden_layers": 28,
                "num_attention_heads": 20,
                "num_key_value_heads": 4,
                "moe_num_experts": 64,
                "moe_k": 6,
                "moe_num_shared_experts": 2,
                "moe_layer_start_index": 1,
                "vocab_size": 103424,
                "max_position_embeddings": 131072,
                "tie_word_embeddings": True,
            },
            layers=28,
        ),
    ),
)
