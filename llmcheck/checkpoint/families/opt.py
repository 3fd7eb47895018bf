"""OPT (Meta): its table of positions has two unused rows at the beginning."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family

FAMILIES = (
    Family(
        model_types=("opt",),
        gated=False,
        norm_bias=True,
        bias=True,
        position_keys=("max_position_embeddings",),
        position_padding=2,
        example=Example(
            source="config.json of facebook/opt-6.7b",
            config={
                "model_type": "opt",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "ffn_dim": 16384,
                "vocab_size": 50272,
                "max_position_embeddings": 2048,
            },
            layers=32,
            parameters=6658473984,
        ),
    ),
)
