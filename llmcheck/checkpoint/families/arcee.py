"""AFM (Arcee)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("arcee",),
        gguf=(GgufArchitecture(names=("arcee",)),),
        tied=False,
        gated=False,
        example=Example(
            source="transformers 5.24.0, configuration_arcee.py",
            config={
                "model_type": "arcee",
                "hidden_size": 2560,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 18432,
                "vocab_size": 32000,
            },
            layers=32,
        ),
    ),
)
