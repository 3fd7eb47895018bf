"""GPT-NeoX and Pythia (EleutherAI)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("gpt_neox",),
        gguf=(GgufArchitecture(names=("gptneox",)),),
        tied=False,
        gated=False,
        norm_bias=True,
        fused=True,
        bias=True,
        example=Example(
            source="config.json of EleutherAI/gpt-neox-20b",
            config={
                "model_type": "gpt_neox",
                "hidden_size": 6144,
                "num_hidden_layers": 44,
                "num_attention_heads": 64,
                "intermediate_size": 24576,
                "vocab_size": 50432,
                "max_position_embeddings": 2048,
            },
            layers=44,
            parameters=20554567680,
        ),
    ),
)
