"""gpt-oss (OpenAI): experts with biases, attention sinks, and windows in every other layer."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("gpt_oss",),
        gguf=(GgufArchitecture(names=("gpt-oss",), full_attention_period=2),),
        tied=False,
        full_attention_period=2,
        output_bias="always",
        attention_sinks=True,
        expert_bias=True,
        example=Example(
            source="config.json of openai/gpt-oss-20b",
            config={
                "model_type": "gpt_oss",
                "hidden_size": 2880,
                "num_hidden_layers": 24,
                "num_attention_heads": 64,
                "num_key_value_heads": 8,
                "intermediate_size": 2880,
                "vocab_size": 201088,
                "max_position_embeddings": 131072,
                "head_dim": 64,
                "num_local_experts": 32,
                "num_experts_per_tok": 4,
                "sliding_window": 128,
                "attention_bias": True,
            },
            layers=24,
            parameters=20914757184,
        ),
    ),
)
