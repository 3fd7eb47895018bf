"""Bamba (IBM): Mamba 2 with a few layers of attention."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("bamba",),
        tied=False,
        recurrent=recurrent.mamba2_expanded,
        example=Example(
            source="transformers 5.24.0, configuration_bamba.py",
            config={
                "model_type": "bamba",
                "attn_layer_indices": [9, 18, 27],
                "mamba_n_heads": 128,
                "mamba_d_state": 256,
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 14336,
                "vocab_size": 128000,
                "num_key_value_heads": 8,
            },
            layers=32,
        ),
    ),
)
