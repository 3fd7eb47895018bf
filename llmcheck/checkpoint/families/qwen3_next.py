"""Qwen3-Next (Alibaba): gated attention in every fourth layer, gated delta rules in the others."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("qwen3_next",),
        gguf=(GgufArchitecture(names=("qwen3next",)),),
        tied=False,
        query_norm=True,
        window_switch=False,
        first_window_layer="max_window_layers",
        gated_queries=True,
        full_attention_interval=4,
        shared_expert_gate=True,
        recurrent=recurrent.delta,
        example=Example(
            source="config.json of Qwen/Qwen3-Next-80B-A3B-Instruct",
            config={
                "model_type": "qwen3_next",
                "hidden_size": 2048,
                "num_hidden_layers": 48,
                "num_attention_heads": 16,
                "num_key_value_heads": 2,
                "intermediate_size": 5120,
                "vocab_size": 151936,
                "max_position_embeddings": 262144,
                "head_dim": 256,
                "full_attention_interval": 4,
                "linear_num_key_heads": 16,
                "linear_num_value_heads": 32,
                "linear_key_head_dim": 128,
                "linear_value_head_dim": 128,
                "linear_conv_kernel_dim": 4,
                "moe_intermediate_size": 512,
                "num_experts": 512,
                "num_experts_per_tok": 10,
                "shared_expert_intermediate_size": 512,
            },
            layers=48,
        ),
    ),
)
