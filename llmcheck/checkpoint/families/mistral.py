"""Mistral and Ministral (Mistral AI)."""

from __future__ import annotations

from llmcheck.checkpoint import projections
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, Tower

_PIXTRAL = Tower(
    defaults={"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "patch_size": 16},
    gated=True,
    projection=projections.merged,
)

_VOXTRAL = Tower(
    defaults={"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32}, projection=projections.stacked
)

FAMILIES = (
    Family(
        model_types=("mistral",),
        tied=False,
        defaults={
            "vocab_size": 32000,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "max_position_embeddings": 131072,
            "sliding_window": 4096,
        },
        example=Example(
            source="config.json of mistralai/Mistral-7B-v0.1",
            config={
                "model_type": "mistral",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "vocab_size": 32000,
                "max_position_embeddings": 32768,
                "sliding_window": 4096,
            },
            layers=32,
            parameters=7241732096,
        ),
    ),
    Family(
        model_types=("mistral3",),
        tied=False,
        towers={"pixtral": _PIXTRAL, "voxtral_encoder": _VOXTRAL},
        example=Example(
            source="a text part of config.json of mistralai/Mistral-Small-3.1-24B-Instruct-2503",
            config={
                "model_type": "mistral3",
                "head_dim": 128,
                "hidden_size": 5120,
                "num_hidden_layers": 40,
                "num_attention_heads": 32,
                "intermediate_size": 32768,
                "vocab_size": 131072,
                "num_key_value_heads": 8,
            },
            layers=40,
        ),
    ),
    Family(
        model_types=("ministral3", "ministral"),
        gguf=(GgufArchitecture(names=("mistral3",), window_in_all_layers=True),),
        tied=False,
        defaults={
            "vocab_size": 131072,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 34,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 262144,
        },
        example=Example(
            source="config.json of mistralai/Devstral-2-123B-Instruct-2512",
            config={
                "model_type": "ministral3",
                "hidden_size": 12288,
                "intermediate_size": 28672,
                "num_hidden_layers": 88,
                "num_attention_heads": 96,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "vocab_size": 131072,
                "max_position_embeddings": 262144,
                "tie_word_embeddings": False,
            },
            layers=88,
        ),
    ),
    Family(
        model_types=("mistral4", "mistral_large3"),
        gguf=(GgufArchitecture(names=("mistral4",)),),
        tied=False,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of mistralai/Mistral-Small-4-119B-2603",
            config={
                "model_type": "mistral4",
                "hidden_size": 4096,
                "intermediate_size": 12288,
                "moe_intermediate_size": 2048,
                "num_hidden_layers": 36,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "n_shared_experts": 1,
                "n_routed_experts": 128,
                "kv_lora_rank": 256,
                "q_lora_rank": 1024,
                "qk_rope_head_dim": 64,
                "v_head_dim": 128,
                "qk_nope_head_dim": 64,
                "num_experts_per_tok": 4,
                "first_k_dense_replace": 0,
                "vocab_size": 131072,
                "max_position_embeddings": 1048576,
            },
            layers=36,
            parameters=118972826624,
        ),
    ),
    Family(
        model_types=("mistral_large4", "mistral_large4_text"),
        tied=False,
        leading_dense=1,
        towers={"mistral_large4_vision": _PIXTRAL},
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of mistralai/Mistral-Large-4-1T-A52B",
            config={
                "model_type": "mistral_large4_text",
                "hidden_size": 6144,
                "intermediate_size": 24576,
                "moe_intermediate_size": 6144,
                "num_hidden_layers": 72,
                "num_attention_heads": 64,
                "num_key_value_heads": 64,
                "n_shared_experts": 1,
                "n_routed_experts": 128,
                "num_experts_per_tok": 4,
                "kv_lora_rank": 512,
                "q_lora_rank": None,
                "qk_rope_head_dim": 64,
                "v_head_dim": 128,
                "qk_nope_head_dim": 64,
                "first_k_dense_replace": 1,
                "index_topk": 2048,
                "index_head_dim": 128,
                "index_n_heads": 32,
                "vocab_size": 204800,
                "max_position_embeddings": 1048576,
            },
            layers=72,
        ),
    ),
)
