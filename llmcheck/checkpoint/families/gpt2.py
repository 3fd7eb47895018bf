"""GPT-2 (OpenAI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("gpt2",),
        gguf=(GgufArchitecture(names=("gpt2",)),),
        gated=False,
        norm_bias=True,
        fused=True,
        bias=True,
        position_keys=("n_positions", "max_position_embeddings"),
        example=Example(
            source="config.json of openai-community/gpt2",
            config={
                "model_type": "gpt2",
                "n_embd": 768,
                "n_layer": 12,
                "n_head": 12,
                "n_positions": 1024,
                "vocab_size": 50257,
            },
            layers=12,
            parameters=124439808,
        ),
    ),
)
