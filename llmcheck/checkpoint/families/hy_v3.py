"""Hy 3 (Tencent)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("hy_v3",),
        tied=False,
        query_norm=True,
        router_bias=True,
        leading_dense=1,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of tencent/Hy3-preview",
            config={
                "model_type": "hy_v3",
                "hidden_size": 4096,
                "intermediate_size": 13312,
                "moe_intermediate_size": 1536,
                "num_hidden_layers": 80,
                "num_attention_heads": 64,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "num_experts": 192,
                "num_experts_per_tok": 8,
                "num_shared_experts": 1,
                "first_k_dense_replace": 1,
                "vocab_size": 120832,
                "max_position_embeddings": 262144,
            },
            layers=80,
            parameters=295033543488,
        ),
    ),
)
