"""CodeGen (Salesforce)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("codegen",),
        gated=False,
        norm_bias=True,
        bias=True,
        norms=1,
        example=Example(
            source="transformers 5.24.0, configuration_codegen.py",
            config={
                "model_type": "codegen",
                "n_embd": 4096,
                "n_layer": 28,
                "n_head": 16,
                "n_positions": 2048,
                "vocab_size": 50400,
            },
            layers=28,
        ),
    ),
)
