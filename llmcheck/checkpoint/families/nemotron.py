"""Nemotron (NVIDIA)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("nemotron",),
        gguf=(GgufArchitecture(names=("nemotron",)),),
        tied=False,
        gated=False,
        example=Example(
            source="transformers 5.24.0, configuration_nemotron.py",
            config={
                "model_type": "nemotron",
                "hidden_size": 6144,
                "num_hidden_layers": 32,
                "num_attention_heads": 48,
                "intermediate_size": 24576,
                "vocab_size": 256000,
            },
            layers=32,
        ),
    ),
)
