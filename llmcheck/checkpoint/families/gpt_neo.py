"""GPT-Neo (EleutherAI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("gpt_neo",),
        gated=False,
        norm_bias=True,
        position_keys=("n_positions", "max_position_embeddings"),
        example=Example(
            source="transformers 5.24.0, configuration_gpt_neo.py",
            config={
                "model_type": "gpt_neo",
                "hidden_size": 2048,
                "num_layers": 24,
                "num_heads": 16,
                "vocab_size": 50257,
                "max_position_embeddings": 2048,
            },
            layers=24,
        ),
    ),
)
