"""Yi (01.AI) under its first ``model_type``; later files say ``llama``."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("yi",),
        tied=False,
        example=Example(
            source="arXiv 2403.04652, table 1",
            config={
                "model_type": "yi",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 64000,
                "num_key_value_heads": 4,
            },
            layers=32,
        ),
    ),
)
