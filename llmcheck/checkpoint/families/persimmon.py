"""Persimmon (Adept)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("persimmon",),
        tied=False,
        gated=False,
        norm_bias=True,
        example=Example(
            source="transformers 5.24.0, configuration_persimmon.py",
            config={
                "model_type": "persimmon",
                "hidden_size": 4096,
                "num_hidden_layers": 36,
                "num_attention_heads": 64,
                "intermediate_size": 16384,
                "vocab_size": 262144,
            },
            layers=36,
        ),
    ),
)
