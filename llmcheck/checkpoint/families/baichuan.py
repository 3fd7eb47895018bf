"""Baichuan (Baichuan Intelligence)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("baichuan",),
        gguf=(GgufArchitecture(names=("baichuan",)),),
        tied=False,
        example=Example(
            source="arXiv 2309.10305, Baichuan 2 7B",
            config={
                "model_type": "baichuan",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 125696,
            },
            layers=32,
        ),
    ),
)
