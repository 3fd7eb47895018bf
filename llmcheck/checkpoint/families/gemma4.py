"""Gemma 4 (Google): dense, with experts beside a dense layer, and with inputs of their own for each layer."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.checkpoint import projections
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, OwnWeights, Tower
from llmcheck.checkpoint.fields import Fields

_VISION = Tower(
    defaults={
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 16, "num_attention_heads": 12,
        "patch_size": 16, "position_embedding_size": 10240,
    },
    gated=True,
    projection=projections.one,
)  # fmt: skip


def _variant(text: Fields) -> Family:
    return replace(FAMILIES[0], dense_beside_experts=text.flag("enable_moe_block") or text.has("top_k_experts"))


def _further(text: Fields, hidden: int, layers: int) -> OwnWeights:
    """Of each layer the gate, projection and norm of its own input; the norms and scales beside experts."""
    width = text.optional("hidden_size_per_layer_input", least=0, most=2**20) or 0
    experts = text.optional("num_experts", least=0, most=2**16) or 0
    beside = (4 * hidden + experts) if experts else 0
    return OwnWeights(
        matrices=3 * layers * hidden * width, vectors=layers * ((hidden if width else 0) + beside + 1) + width
    )


def _audio(_: Fields, tower: Fields, hidden: int) -> int:
    """A conformer: two feed-forward layers, attention and a convolution in each layer (arXiv 2005.08100)."""
    width = tower.optional("hidden_size", most=2**20) or 1024
    layers = tower.optional("num_hidden_layers", "conf_num_hidden_layers", most=10_000) or 12
    return layers * (16 + 5 + 3) * width * width + width * hidden


FAMILIES = (
    Family(
        model_types=("gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text"),
        gguf=(GgufArchitecture(names=("gemma4",)),),
        norms=4,
        query_norm=True,
        shared_layers_lack_keys=True,
        further=_further,
        variant=_variant,
        towers={"gemma4_vision": _VISION, "gemma4_audio": Tower(count=_audio)},
        example=Example(
            source="config.json of google/gemma-4-31B-it",
            config={
                "model_type": "gemma4",
                "text_config": {
                    "attention_bias": False,
                    "attention_k_eq_v": True,
                    "global_head_dim": 512,
                    "head_dim": 256,
                    "hidden_size": 5376,
                    "hidden_size_per_layer_input": 0,
                    "intermediate_size": 21504,
                    "layer_types": [
                        "sliding_attention",
                        "sliding_attention",
                        "sliding_attention",
                        "sliding_attention",
                        "sliding_attention",
                        "full_attention",
                    ]
                    * 10,
                    "max_position_embeddings": 262144,
                    "model_type": "gemma4_text",
                    "num_attention_heads": 32,
                    "num_global_key_value_heads": 4,
                    "num_hidden_layers": 60,
                    "num_key_value_heads": 16,
                    "num_kv_shared_layers": 0,
                    "sliding_window": 1024,
                    "tie_word_embeddings": True,
                    "vocab_size": 262144,
                    "vocab_size_per_layer_input": 262144,
                },
                "tie_word_embeddings": True,
            },
            layers=60,
        ),
    ),
    Family(
        model_types=("embedding_gemma2", "embedding_gemma2_text"),
        norms=4,
        query_norm=True,
        encoder=True,
        head=False,
        layer_tables=False,
        further=_further,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of google/embeddinggemma-2",
            config={
                "model_type": "embedding_gemma2_text",
                "hidden_size": 512,
                "intermediate_size": 2048,
                "num_hidden_layers": 24,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 256,
                "global_head_dim": 512,
                "num_global_key_value_heads": 1,
                "sliding_window": 512,
                "layer_types": [*["sliding_attention"] * 5, "full_attention"] * 4,
                "hidden_size_per_layer_input": 512,
                "vocab_size": 262144,
                "max_position_embeddings": 262144,
            },
            layers=24,
        ),
    ),
)
