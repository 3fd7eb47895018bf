"""Laguna (poolside): a gate for each head."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("laguna",),
        tied=False,
        query_norm=True,
        gated_heads=True,
        router_bias=True,
        leading_dense=1,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of poolside/Laguna-XS.2",
            config={
                "model_type": "laguna",
                "hidden_size": 2048,
                "intermediate_size": 8192,
                "moe_intermediate_size": 512,
                "shared_expert_intermediate_size": 512,
                "num_hidden_layers": 40,
                "num_attention_heads": 48,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "num_experts": 256,
                "num_experts_per_tok": 8,
                "sliding_window": 512,
                "layer_types": ["full_attention"] * 40,
                "gating": True,
                "vocab_size": 100352,
                "max_position_embeddings": 131072,
            },
            layers=40,
            parameters=33189975808,
        ),
    ),
)
