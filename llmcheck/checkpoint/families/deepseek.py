"""DeepSeek 2 and 3 (DeepSeek): a compressed KV cache, and experts."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("deepseek_v2",),
        gguf=(
            GgufArchitecture(
                names=(
                    "deepseek",
                    "deepseek2-ocr",
                )
            ),
        ),
        tied=False,
        example=Example(
            source="config.json of deepseek-ai/DeepSeek-V2-Lite",
            config={
                "model_type": "deepseek_v2",
                "hidden_size": 2048,
                "num_hidden_layers": 27,
                "num_attention_heads": 16,
                "num_key_value_heads": 16,
                "intermediate_size": 10944,
                "vocab_size": 102400,
                "max_position_embeddings": 163840,
                "kv_lora_rank": 512,
                "qk_rope_head_dim": 64,
                "qk_nope_head_dim": 128,
                "v_head_dim": 128,
                "moe_intermediate_size": 1408,
                "n_routed_experts": 64,
                "n_shared_experts": 2,
                "num_experts_per_tok": 6,
                "first_k_dense_replace": 1,
            },
            layers=27,
            parameters=15706484224,
        ),
    ),
    Family(
        model_types=(
            "deepseek_v3",
            "deepseek_v32",
        ),
        gguf=(GgufArchitecture(names=("deepseek2",)),),
        tied=False,
        router_bias=True,
        predictor_tables=True,
        example=Example(
            source="config.json of deepseek-ai/DeepSeek-V3",
            config={
                "model_type": "deepseek_v3",
                "hidden_size": 7168,
                "num_hidden_layers": 61,
                "num_attention_heads": 128,
                "num_key_value_heads": 128,
                "intermediate_size": 18432,
                "vocab_size": 129280,
                "max_position_embeddings": 163840,
                "kv_lora_rank": 512,
                "q_lora_rank": 1536,
                "qk_rope_head_dim": 64,
                "qk_nope_head_dim": 128,
                "v_head_dim": 128,
                "moe_intermediate_size": 2048,
                "n_routed_experts": 256,
                "n_shared_experts": 1,
                "num_experts_per_tok": 8,
                "first_k_dense_replace": 3,
                "num_nextn_predict_layers": 1,
            },
            layers=61,
            parameters=671026419200,
        ),
    ),
)
