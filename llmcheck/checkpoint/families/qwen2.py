"""Qwen 1.5 to 2.5, with images (VL) and with experts (Alibaba)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, Tower

_TOWER_2 = Tower(
    defaults={"depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "spatial_merge_size": 2, "hidden_act": "quick_gelu"}
)
_TOWER_2_5 = Tower(defaults={
    "depth": 32, "hidden_size": 3584, "intermediate_size": 3420, "spatial_merge_size": 2, "hidden_act": "silu",
})  # fmt: skip

FAMILIES = (
    Family(
        model_types=("qwen2",),
        gguf=(GgufArchitecture(names=("qwen2",)),),
        tied=False,
        query_bias=True,
        window_switch=False,
        first_window_layer="max_window_layers",
        defaults={
            "vocab_size": 151936,
            "hidden_size": 4096,
            "intermediate_size": 22016,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "max_position_embeddings": 32768,
        },
        example=Example(
            source="config.json of Qwen/Qwen2.5-7B-Instruct",
            config={
                "model_type": "qwen2",
                "hidden_size": 3584,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "intermediate_size": 18944,
                "vocab_size": 152064,
                "max_position_embeddings": 32768,
            },
            layers=28,
            parameters=7615616512,
        ),
    ),
    Family(
        model_types=(
            "qwen2_vl",
            "qwen2_vl_text",
            "qwen2_5_vl",
            "qwen2_5_vl_text",
        ),
        gguf=(GgufArchitecture(names=("qwen2vl",)),),
        tied=False,
        query_bias=True,
        window_switch=False,
        first_window_layer="max_window_layers",
        defaults={
            "vocab_size": 152064,
            "hidden_size": 8192,
            "intermediate_size": 29568,
            "num_hidden_layers": 80,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "max_position_embeddings": 32768,
        },
        towers={
            "qwen2_vl": _TOWER_2,
            "qwen2_vl_vision": _TOWER_2,
            "qwen2_5_vl": _TOWER_2_5,
            "qwen2_5_vl_vision": _TOWER_2_5,
        },
        example=Example(
            source="config.json of Qwen/Qwen2.5-VL-7B-Instruct",
            config={
                "model_type": "qwen2_5_vl",
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "vocab_size": 152064,
                "max_position_embeddings": 128000,
                "use_sliding_window": False,
                "tie_word_embeddings": False,
                "vision_config": {
                    "model_type": "qwen2_5_vl",
                    "depth": 32,
                    "hidden_size": 1280,
                    "intermediate_size": 3420,
                    "num_heads": 16,
                    "spatial_merge_size": 2,
                },
            },
            layers=28,
        ),
    ),
    Family(
        model_types=("qwen2_moe",),
        gguf=(GgufArchitecture(names=("qwen2moe",)),),
        tied=False,
        query_bias=True,
        window_switch=False,
        first_window_layer="max_window_layers",
        shared_expert_gate=True,
        example=Example(
            source="config.json of Qwen/Qwen2-57B-A14B-Instruct",
            config={
                "model_type": "qwen2_moe",
                "hidden_size": 3584,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "intermediate_size": 18944,
                "vocab_size": 151936,
                "max_position_embeddings": 32768,
                "moe_intermediate_size": 2560,
                "num_experts": 64,
                "num_experts_per_tok": 8,
                "shared_expert_intermediate_size": 20480,
            },
            layers=28,
        ),
    ),
)
