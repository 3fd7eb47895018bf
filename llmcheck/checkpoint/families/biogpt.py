"""BioGPT (Microsoft)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("biogpt",),
        gated=False,
        example=Example(
            source="transformers 5.24.0, configuration_biogpt.py",
            config={
                "model_type": "biogpt",
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
                "vocab_size": 42384,
            },
            layers=24,
        ),
    ),
)
