"""BLOOM (BigScience): a norm directly after the embedding."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("bloom",),
        gguf=(GgufArchitecture(names=("bloom",)),),
        gated=False,
        norm_bias=True,
        fused=True,
        bias=True,
        embedding_norm=True,
        example=Example(
            source="config.json of bigscience/bloom-7b1",
            config={
                "model_type": "bloom",
                "n_embd": 4096,
                "n_layer": 30,
                "num_attention_heads": 32,
                "vocab_size": 250880,
                "seq_length": 2048,
            },
            layers=30,
            parameters=7069016064,
        ),
    ),
)
