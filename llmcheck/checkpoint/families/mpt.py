"""MPT (MosaicML)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("mpt",),
        gguf=(GgufArchitecture(names=("mpt",)),),
        gated=False,
        fused=True,
        example=Example(
            source="transformers 5.24.0, configuration_mpt.py",
            config={
                "model_type": "mpt",
                "d_model": 2048,
                "n_heads": 16,
                "n_layers": 24,
                "expansion_ratio": 4,
                "vocab_size": 50368,
            },
            layers=24,
        ),
    ),
)
