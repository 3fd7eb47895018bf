"""SigLIP's image encoder (Google), which Gemma 3 and other models use."""

from __future__ import annotations

from llmcheck.checkpoint.family import Family, Tower

FAMILIES = (
    Family(
        model_types=("siglip",),
        refusal="has an encoder",
        towers={
            "siglip_vision_model": Tower(
                defaults={"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
            )
        },
    ),
)
