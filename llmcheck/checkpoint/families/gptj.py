"""GPT-J (EleutherAI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("gptj",),
        gguf=(GgufArchitecture(names=("gptj",)),),
        tied=False,
        gated=False,
        norm_bias=True,
        norms=1,
        head_bias=True,
        mlp_bias=True,
        example=Example(
            source="config.json of EleutherAI/gpt-j-6b",
            config={
                "model_type": "gptj",
                "n_embd": 4096,
                "n_layer": 28,
                "n_head": 16,
                "n_positions": 2048,
                "vocab_size": 50400,
                "tie_word_embeddings": False,
            },
            layers=28,
            parameters=6050882784,
        ),
    ),
)
