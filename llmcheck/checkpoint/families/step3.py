"""Step 3.5 and 3.7 (StepFun): a gate for each head."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("step3p5", "step3p7", "step3p7_text"),
        gguf=(GgufArchitecture(names=("step35",)),),
        tied=False,
        query_norm=True,
        gated_heads=True,
        router_bias=True,
        example=Example(
            source="config.json of stepfun-ai/Step-3.7-Flash",
            config={
                "model_type": "step3p7",
                "num_hidden_layers": 45,
                "hidden_size": 4096,
                "num_attention_heads": 64,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "vocab_size": 128896,
                "max_position_embeddings": 65536,
                "intermediate_size": 11264,
                "sliding_window": 512,
                "layer_types": [*["full_attention", *["sliding_attention"] * 3] * 11, "full_attention"],
                "first_k_dense_replace": 3,
                "num_experts": 288,
                "num_experts_per_tok": 8,
                "moe_intermediate_size": 1280,
                "share_expert_dim": 1280,
                "n_shared_experts": 1,
            },
            layers=45,
        ),
    ),
)
