"""Solar Open (Upstage)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("solar_open",),
        tied=False,
        router_bias=True,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of upstage/Solar-Open-100B",
            config={
                "model_type": "solar_open",
                "hidden_size": 4096,
                "intermediate_size": 10240,
                "moe_intermediate_size": 1280,
                "num_hidden_layers": 48,
                "num_attention_heads": 64,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "n_routed_experts": 128,
                "n_shared_experts": 1,
                "num_experts_per_tok": 8,
                "first_k_dense_replace": 0,
                "vocab_size": 196608,
                "max_position_embeddings": 131072,
            },
            layers=48,
            parameters=102651799552,
        ),
    ),
)
