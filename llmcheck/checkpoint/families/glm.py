"""GLM (Z.ai), with the key names of transformers."""

from __future__ import annotations

from llmcheck.checkpoint import projections
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, Tower

_VISION = Tower(
    defaults={
        "depth": 24, "hidden_size": 1536, "intermediate_size": 13696, "out_hidden_size": 4096, "num_heads": 12,
        "spatial_merge_size": 2, "patch_size": 14, "temporal_patch_size": 2,
    },
    gated=True,
    inner="out_hidden_size",
    projection=projections.gated,
)  # fmt: skip

FAMILIES = (
    Family(
        model_types=("glm",),
        tied=False,
        example=Example(
            source="transformers 5.24.0, configuration_glm.py",
            config={
                "model_type": "glm",
                "head_dim": 128,
                "attention_bias": True,
                "hidden_size": 4096,
                "num_hidden_layers": 40,
                "num_attention_heads": 32,
                "intermediate_size": 13696,
                "vocab_size": 151552,
                "num_key_value_heads": 2,
            },
            layers=40,
        ),
    ),
    Family(
        model_types=("glm4",),
        gguf=(GgufArchitecture(names=("glm4",), gate_in_up=True),),
        tied=False,
        norms=4,
        example=Example(
            source="config.json of THUDM/GLM-4-32B-0414",
            config={
                "model_type": "glm4",
                "hidden_size": 6144,
                "num_hidden_layers": 61,
                "num_attention_heads": 48,
                "num_key_value_heads": 2,
                "intermediate_size": 23040,
                "vocab_size": 151552,
                "max_position_embeddings": 32768,
                "head_dim": 128,
            },
            layers=61,
            parameters=32566081536,
        ),
    ),
    Family(
        model_types=("glm4_moe", "glm4v_moe", "glm4v_moe_text"),
        gguf=(GgufArchitecture(names=("glm4moe",)),),
        tied=False,
        predictor_tables=True,
        towers={
            "glm4v_moe_vision": _VISION,
            "glm4v_vision": _VISION,
        },
        router_bias=True,
        example=Example(
            source="config.json of zai-org/GLM-4.5",
            config={
                "model_type": "glm4_moe",
                "hidden_size": 5120,
                "num_hidden_layers": 92,
                "num_attention_heads": 96,
                "num_key_value_heads": 8,
                "intermediate_size": 12288,
                "vocab_size": 151552,
                "max_position_embeddings": 131072,
                "moe_intermediate_size": 1536,
                "n_routed_experts": 160,
                "first_k_dense_replace": 3,
                "use_qk_norm": True,
                "attention_bias": True,
                "head_dim": 128,
                "n_shared_experts": 1,
                "num_experts_per_tok": 8,
            },
            layers=92,
        ),
    ),
    Family(
        model_types=("glm4_moe_lite",),
        tied=False,
        router_bias=True,
        example=Example(
            source="config.json of zai-org/GLM-4.7-Flash",
            config={
                "model_type": "glm4_moe_lite",
                "hidden_size": 2048,
                "intermediate_size": 10240,
                "moe_intermediate_size": 1536,
                "num_hidden_layers": 47,
                "num_attention_heads": 20,
                "num_key_value_heads": 20,
                "n_shared_experts": 1,
                "n_routed_experts": 64,
                "kv_lora_rank": 512,
                "q_lora_rank": 768,
                "qk_rope_head_dim": 64,
                "v_head_dim": 256,
                "qk_nope_head_dim": 192,
                "num_experts_per_tok": 4,
                "first_k_dense_replace": 1,
                "vocab_size": 154880,
                "max_position_embeddings": 202752,
                "tie_word_embeddings": False,
            },
            layers=47,
        ),
    ),
)
