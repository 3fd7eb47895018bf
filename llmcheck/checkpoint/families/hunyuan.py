"""Hunyuan (Tencent)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("hunyuan_v1_dense",),
        gguf=(GgufArchitecture(names=("hunyuan-dense",)),),
        query_norm=True,
        example=Example(
            source="transformers 5.24.0, configuration_hunyuan_v1_dense.py",
            config={
                "model_type": "hunyuan_v1_dense",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 290943,
            },
            layers=32,
        ),
    ),
    Family(
        model_types=("hunyuan_v1_moe", "hunyuan"),
        gguf=(GgufArchitecture(names=("hunyuan-moe",)),),
        tied=False,
        query_norm=True,
        example=Example(
            source="transformers 5.24.0, configuration_hunyuan_v1_moe.py",
            config={
                "model_type": "hunyuan_v1_moe",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 290943,
            },
            layers=32,
        ),
    ),
)
