"""OLMo (Ai2), dense and with experts."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("olmo",),
        gguf=(GgufArchitecture(names=("olmo",)),),
        tied=False,
        example=Example(
            source="transformers 5.24.0, configuration_olmo.py",
            config={
                "model_type": "olmo",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 50304,
            },
            layers=32,
        ),
    ),
    Family(
        model_types=(
            "olmo2",
            "olmo3",
        ),
        gguf=(GgufArchitecture(names=("olmo2",), full_attention_period=4),),
        tied=False,
        query_norm=True,
        query_norm_over_all_heads=True,
        example=Example(
            source="config.json of allenai/OLMo-2-1124-7B",
            config={
                "model_type": "olmo2",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 100352,
                "max_position_embeddings": 4096,
            },
            layers=32,
            parameters=7298617344,
        ),
    ),
    Family(
        model_types=("olmoe",),
        gguf=(GgufArchitecture(names=("olmoe",)),),
        tied=False,
        query_norm=True,
        query_norm_over_all_heads=True,
        example=Example(
            source="transformers 5.24.0, configuration_olmoe.py",
            config={
                "model_type": "olmoe",
                "num_experts": 64,
                "num_experts_per_tok": 8,
                "hidden_size": 2048,
                "num_hidden_layers": 16,
                "num_attention_heads": 16,
                "intermediate_size": 2048,
                "vocab_size": 50304,
            },
            layers=16,
        ),
    ),
)
