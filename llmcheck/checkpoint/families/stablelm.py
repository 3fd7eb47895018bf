"""StableLM (Stability AI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("stablelm",),
        gguf=(GgufArchitecture(names=("stablelm",)),),
        tied=False,
        norm_bias=True,
        example=Example(
            source="transformers 5.24.0, configuration_stablelm.py",
            config={
                "model_type": "stablelm",
                "hidden_size": 2560,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 6912,
                "vocab_size": 50304,
                "num_key_value_heads": 32,
            },
            layers=32,
        ),
    ),
)
