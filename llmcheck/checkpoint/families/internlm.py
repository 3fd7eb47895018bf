"""InternLM (Shanghai AI Laboratory)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("internlm2",),
        gguf=(GgufArchitecture(names=("internlm2",)),),
        tied=False,
        example=Example(
            source="arXiv 2403.17297",
            config={
                "model_type": "internlm2",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 14336,
                "vocab_size": 92544,
                "num_key_value_heads": 8,
            },
            layers=32,
        ),
    ),
    Family(
        model_types=("internlm3",),
        tied=False,
        example=Example(
            source="config.json of internlm/internlm3-8b-instruct",
            config={
                "model_type": "internlm3",
                "hidden_size": 4096,
                "intermediate_size": 10240,
                "num_hidden_layers": 48,
                "num_attention_heads": 32,
                "num_key_value_heads": 2,
                "head_dim": 128,
                "vocab_size": 128512,
                "max_position_embeddings": 32768,
                "tie_word_embeddings": False,
            },
            layers=48,
        ),
    ),
)
