"""StarCoder 2 (BigCode)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("starcoder2",),
        gguf=(GgufArchitecture(names=("starcoder2",), window_in_all_layers=True),),
        gated=False,
        norm_bias=True,
        bias=True,
        example=Example(
            source="config.json of bigcode/starcoder2-7b",
            config={
                "model_type": "starcoder2",
                "hidden_size": 4608,
                "num_hidden_layers": 32,
                "num_attention_heads": 36,
                "num_key_value_heads": 4,
                "intermediate_size": 18432,
                "vocab_size": 49152,
                "max_position_embeddings": 16384,
                "sliding_window": 4096,
            },
            layers=32,
            parameters=7173923840,
        ),
    ),
)
