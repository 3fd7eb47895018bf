"""SmolLM3 (Hugging Face)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("smollm3",),
        gguf=(GgufArchitecture(names=("smollm3",)),),
        example=Example(
            source="config.json of HuggingFaceTB/SmolLM3-3B",
            config={
                "model_type": "smollm3",
                "hidden_size": 2048,
                "intermediate_size": 11008,
                "num_hidden_layers": 36,
                "num_attention_heads": 16,
                "num_key_value_heads": 4,
                "vocab_size": 128256,
                "max_position_embeddings": 65536,
                "tie_word_embeddings": True,
            },
            layers=36,
        ),
    ),
)
