"""Gemma (Google)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, OwnWeights, Tower
from llmcheck.checkpoint.fields import Fields

_MOBILENET = 296_621_408
"""Weights of the encoder of images of Gemma 3n: what text, sound and projections leave of the published 7,850,135,376
weights of google/gemma-3n-E4B-it (presets of keras-hub 0.32.0)."""


def _further(text: Fields, hidden: int, layers: int) -> OwnWeights:
    """The inputs of each layer, the low-rank branch (LAuReL, arXiv 2411.07501) and the parallel copies of the vector
    between layers (AltUp, arXiv 2301.13310)."""
    width = text.optional("hidden_size_per_layer_input", most=2**20) or 256
    copies = text.optional("altup_num_inputs", most=64) or 4
    rank = text.optional("laurel_rank", most=2**20) or 64
    layer = 2 * hidden * width + 2 * hidden * rank + copies * (hidden + copies * copies + copies)
    return OwnWeights(
        matrices=layers * layer + hidden * layers * width + 2 * (copies - 1) * hidden * hidden,
        vectors=layers * 4 * hidden + width,
    )


def _vision(_: Fields, tower: Fields, hidden: int) -> int:
    return _MOBILENET + (tower.optional("hidden_size", most=2**20) or 2048) * hidden


def _audio(_: Fields, tower: Fields, hidden: int) -> int:
    """A conformer: two feed-forward layers, attention and a convolution in each layer (arXiv 2005.08100)."""
    width = tower.optional("hidden_size", most=2**20) or 1536
    layers = tower.optional("conf_num_hidden_layers", most=10_000) or 12
    return layers * (16 + 5 + 3) * width * width + width * hidden


FAMILIES = (
    Family(
        model_types=("gemma",),
        gguf=(GgufArchitecture(names=("gemma",)),),
        defaults={
            "vocab_size": 256000,
            "hidden_size": 3072,
            "intermediate_size": 24576,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "head_dim": 256,
            "max_position_embeddings": 8192,
        },
        example=Example(
            source="config.json of google/gemma-2b",
            config={
                "model_type": "gemma",
                "hidden_size": 2048,
                "num_hidden_layers": 18,
                "num_attention_heads": 8,
                "num_key_value_heads": 1,
                "intermediate_size": 16384,
                "vocab_size": 256000,
                "max_position_embeddings": 8192,
                "head_dim": 256,
            },
            layers=18,
            parameters=2506172416,
        ),
    ),
    Family(
        model_types=("gemma2",),
        gguf=(GgufArchitecture(names=("gemma2",), full_attention_period=2),),
        norms=4,
        full_attention_period=2,
        window=4096,
        defaults={
            "vocab_size": 256000,
            "hidden_size": 2304,
            "intermediate_size": 9216,
            "num_hidden_layers": 26,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "head_dim": 256,
            "max_position_embeddings": 8192,
            "sliding_window": 4096,
        },
        example=Example(
            source="config.json of google/gemma-2-2b",
            config={
                "model_type": "gemma2",
                "hidden_size": 2304,
                "num_hidden_layers": 26,
                "num_attention_heads": 8,
                "num_key_value_heads": 4,
                "intermediate_size": 9216,
                "vocab_size": 256000,
                "max_position_embeddings": 8192,
                "head_dim": 256,
                "sliding_window": 4096,
            },
            layers=26,
            parameters=2614341888,
        ),
    ),
    Family(
        model_types=(
            "gemma3",
            "gemma3_text",
        ),
        gguf=(GgufArchitecture(names=("gemma3",), full_attention_period=6),),
        norms=4,
        query_norm=True,
        full_attention_period=6,
        window=4096,
        defaults={
            "vocab_size": 262208,
            "hidden_size": 2304,
            "intermediate_size": 9216,
            "num_hidden_layers": 26,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "head_dim": 256,
            "max_position_embeddings": 131072,
            "sliding_window": 4096,
        },
        example=Example(
            source="config.json of google/gemma-3-1b-it",
            config={
                "model_type": "gemma3_text",
                "hidden_size": 1152,
                "num_hidden_layers": 26,
                "num_attention_heads": 4,
                "num_key_value_heads": 1,
                "intermediate_size": 6912,
                "vocab_size": 262144,
                "max_position_embeddings": 32768,
                "head_dim": 256,
                "sliding_window": 512,
                "sliding_window_pattern": 6,
            },
            layers=26,
            parameters=999885952,
        ),
    ),
    Family(
        model_types=(
            "gemma3n",
            "gemma3n_text",
        ),
        gguf=(GgufArchitecture(names=("gemma3n",), full_attention_period=5, layers_with_cache=20),),
        norms=4,
        query_norm=True,
        further=_further,
        towers={
            "gemma3n_vision": Tower(count=_vision),
            "gemma3n_audio": Tower(count=_audio),
        },
        example=Example(
            source="config.json of google/gemma-3n-E2B-it",
            config={
                "model_type": "gemma3n",
                "text_config": {
                    "model_type": "gemma3n_text",
                    "hidden_size": 2048,
                    "intermediate_size": 8192,
                    "num_hidden_layers": 30,
                    "num_attention_heads": 8,
                    "num_key_value_heads": 2,
                    "head_dim": 256,
                    "vocab_size": 262400,
                    "vocab_size_per_layer_input": 262144,
                    "hidden_size_per_layer_input": 256,
                    "num_kv_shared_layers": 10,
                    "sliding_window": 512,
                    "layer_types": [
                        "sliding_attention",
                        "sliding_attention",
                        "sliding_attention",
                        "sliding_attention",
                        "full_attention",
                    ]
                    * 6,
                    "max_position_embeddings": 32768,
                    "tie_word_embeddings": True,
                },
                "vision_config": {"model_type": "gemma3n_vision", "hidden_size": 2048},
                "tie_word_embeddings": True,
            },
            layers=30,
        ),
    ),
)
