"""Kimi K2 (Moonshot AI): DeepSeek 3's layers."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("kimi_k2",),
        tied=False,
        predictor_tables=True,
        router_bias=True,
        example=Example(
            source="config.json of moonshotai/Kimi-K2-Instruct",
            config={
                "model_type": "kimi_k2",
                "hidden_size": 7168,
                "num_hidden_layers": 61,
                "num_attention_heads": 64,
                "num_key_value_heads": 64,
                "intermediate_size": 18432,
                "vocab_size": 163840,
                "max_position_embeddings": 131072,
                "kv_lora_rank": 512,
                "q_lora_rank": 1536,
                "qk_rope_head_dim": 64,
                "qk_nope_head_dim": 128,
                "v_head_dim": 128,
                "moe_intermediate_size": 2048,
                "n_routed_experts": 384,
                "n_shared_experts": 1,
                "num_experts_per_tok": 8,
                "first_k_dense_replace": 1,
            },
            layers=61,
        ),
    ),
)
