"""Qwen 3.5 and 3.6 (Alibaba): Qwen3-Next's layers."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=(
            "qwen3_5",
            "qwen3_5_text",
            "qwen3_5_moe",
            "qwen3_5_moe_text",
        ),
        gguf=(
            GgufArchitecture(
                names=(
                    "qwen35",
                    "qwen35moe",
                )
            ),
        ),
        window_switch=False,
        first_window_layer="max_window_layers",
        gated_queries=True,
        full_attention_interval=4,
        shared_expert_gate=True,
        recurrent=recurrent.delta,
        example=Example(
            source="scripts/models/qwen3.5-27B.sh of THUDM/slime; the linear layers as in Qwen3-Next",
            config={
                "model_type": "qwen3_5_text",
                "hidden_size": 5120,
                "num_hidden_layers": 64,
                "num_attention_heads": 24,
                "num_key_value_heads": 4,
                "intermediate_size": 17408,
                "vocab_size": 248320,
                "max_position_embeddings": 262144,
                "head_dim": 256,
                "full_attention_interval": 4,
                "linear_num_key_heads": 16,
                "linear_num_value_heads": 48,
                "linear_key_head_dim": 128,
                "linear_value_head_dim": 128,
                "linear_conv_kernel_dim": 4,
                "tie_word_embeddings": False,
            },
            layers=64,
        ),
    ),
)
