"""ERNIE 4.5 (Baidu), dense and with experts."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("ernie4_5",),
        gguf=(GgufArchitecture(names=("ernie4_5",)),),
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of baidu/ERNIE-4.5-0.3B-PT",
            config={
                "model_type": "ernie4_5",
                "hidden_size": 1024,
                "intermediate_size": 3072,
                "num_hidden_layers": 18,
                "num_attention_heads": 16,
                "num_key_value_heads": 2,
                "head_dim": 128,
                "vocab_size": 103424,
                "max_position_embeddings": 131072,
                "tie_word_embeddings": True,
            },
            layers=18,
            parameters=360748032,
        ),
    ),
    Family(
        model_types=("ernie4_5_moe",),
        gguf=(GgufArchitecture(names=("ernie4_5-moe",)),),
        router_bias=True,
        example=Example(
            source="config.json of baidu/ERNIE-4.5-21B-A3B-PT",
            config={
                "model_type": "ernie4_5_moe",
                "hidden_size": 2560,
                "intermediate_size": 12288,
                "moe_intermediate_size": 1536,
                "num_hidden_layers": 28,
                "num_attention_heads": 20,
                "num_key_value_heads": 4,
                "moe_num_experts": 64,
                "moe_k": 6,
                "moe_num_shared_experts": 2,
                "moe_layer_start_index": 1,
                "moe_layer_interval": 1,
                "vocab_size": 103424,
                "max_position_embeddings": 131072,
                "tie_word_embeddings": True,
            },
            layers=28,
            parameters=21825437888,
        ),
    ),
)
