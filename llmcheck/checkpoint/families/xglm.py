"""XGLM (Meta)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("xglm",),
        gated=False,
        example=Example(
            source="transformers 5.24.0, configuration_xglm.py",
            config={
                "model_type": "xglm",
                "d_model": 1024,
                "ffn_dim": 4096,
                "num_layers": 24,
                "num_attention_heads": 16,
                "vocab_size": 256008,
            },
            layers=24,
        ),
    ),
)
