"""Grok 1 (xAI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("grok",),
        gguf=(GgufArchitecture(names=("grok",)),),
        tied=False,
        example=Example(
            source="README of xai-org/grok-1: 64 layers, 48 heads, 8 experts of which 2 are used",
            config={
                "model_type": "grok",
                "num_local_experts": 8,
                "num_experts_per_tok": 2,
                "hidden_size": 6144,
                "num_hidden_layers": 64,
                "num_attention_heads": 48,
                "intermediate_size": 32768,
                "vocab_size": 131072,
                "num_key_value_heads": 8,
            },
            layers=64,
        ),
    ),
)
