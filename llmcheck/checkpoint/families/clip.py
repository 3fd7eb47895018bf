"""CLIP's image encoder (OpenAI), which LLaVA and other models use."""

from __future__ import annotations

from llmcheck.checkpoint.family import Family, Tower

FAMILIES = (
    Family(
        model_types=("clip",),
        refusal="has an encoder",
        towers={
            "clip_vision_model": Tower(
                defaults={"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
            )
        },
    ),
)
