"""Command (Cohere): one norm for attention and feed-forward together."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("cohere",),
        gguf=(GgufArchitecture(names=("command-r",)),),
        norms=1,
        example=Example(
            source="config.json of CohereForAI/c4ai-command-r-v01",
            config={
                "model_type": "cohere",
                "hidden_size": 8192,
                "num_hidden_layers": 40,
                "num_attention_heads": 64,
                "num_key_value_heads": 64,
                "intermediate_size": 22528,
                "vocab_size": 256000,
                "max_position_embeddings": 131072,
            },
            layers=40,
            parameters=34980831232,
        ),
    ),
    Family(
        model_types=("cohere2",),
        gguf=(GgufArchitecture(names=("cohere2",), full_attention_period=4),),
        norms=1,
        full_attention_period=4,
        example=Example(
            source="config.json of CohereForAI/c4ai-command-r7b-12-2024",
            config={
                "model_type": "cohere2",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "vocab_size": 256000,
                "max_position_embeddings": 132096,
                "sliding_window": 4096,
                "sliding_window_pattern": 4,
            },
            layers=32,
            parameters=8028033024,
        ),
    ),
)
