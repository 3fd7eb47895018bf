"""Phi 3 and 4 (Microsoft)."""

from __future__ import annotations

from llmcheck.checkpoint import projections
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, OwnWeights, Tower
from llmcheck.checkpoint.fields import Fields

_RANKS = {"vision_lora": 256, "speech_lora": 320}
"""Ranks of the two adapters of Phi-4-multimodal, which its files contain (arXiv 2503.01743)."""


def _adapters(text: Fields, hidden: int, layers: int) -> OwnWeights:
    """Both adapters, on all matrices of the layers."""
    inner = text.required("intermediate_size", most=2**26)
    heads = text.required("num_attention_heads", most=2**16)
    cached = text.optional("num_key_value_heads", most=2**16) or heads
    fused = hidden + hidden // heads * (heads + 2 * cached)
    rank = sum(text.inner(name).optional("r", most=2**16) or usual for name, usual in _RANKS.items())
    return OwnWeights(matrices=layers * rank * (fused + 2 * hidden + hidden + 2 * inner + inner + hidden))


def _conformer(_: Fields, tower: Fields, hidden: int) -> int:
    """Two feed-forward layers, attention and a convolution in each layer; two projections of two matrices each."""
    width = tower.optional("hidden_size", "attention_dim", most=2**20) or 1024
    inner = tower.optional("intermediate_size", "linear_units", most=2**26) or 1536
    layers = tower.optional("num_blocks", "num_hidden_layers", most=10_000) or 24
    return layers * (6 * width * inner + 8 * width * width) + 12 * width * width + 2 * (width + hidden) * hidden


FAMILIES = (
    Family(
        model_types=("phi3",),
        gguf=(GgufArchitecture(names=("phi3",), window_in_all_layers=True, gate_in_up=True),),
        tied=False,
        fused=True,
        defaults={
            "vocab_size": 32064,
            "hidden_size": 3072,
            "intermediate_size": 8192,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "max_position_embeddings": 4096,
        },
        example=Example(
            source="config.json of microsoft/phi-4",
            config={
                "model_type": "phi3",
                "hidden_size": 5120,
                "num_hidden_layers": 40,
                "num_attention_heads": 40,
                "num_key_value_heads": 10,
                "intermediate_size": 17920,
                "vocab_size": 100352,
                "max_position_embeddings": 16384,
            },
            layers=40,
            parameters=14659507200,
        ),
    ),
    Family(
        model_types=("phi4_multimodal", "phi4mm"),
        fused=True,
        further=_adapters,
        towers={
            "phi4_multimodal_vision": Tower(
                defaults={"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27},
                projection=projections.two,
            ),
            "phi4_multimodal_audio": Tower(count=_conformer),
        },
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of microsoft/Phi-4-multimodal-instruct",
            config={
                "model_type": "phi4_multimodal",
                "hidden_size": 3072,
                "intermediate_size": 8192,
                "num_hidden_layers": 32,
                "num_attention_heads": 24,
                "num_key_value_heads": 8,
                "vocab_size": 200064,
                "max_position_embeddings": 131072,
            },
            layers=32,
        ),
    ),
)
