"""LFM2 (Liquid AI): short convolutions between layers of attention."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture
from llmcheck.checkpoint.fields import Fields


def _rounded(text: Fields, declared: int) -> int:
    """Two thirds of the width in the file, rounded up to a multiple, unless the file says that the width is exact."""
    if not text.flag("block_auto_adjust_ff_dim", default=True):
        return declared
    multiple = text.optional("block_multiple_of", most=2**20) or 256
    return -(-(2 * declared // 3) // multiple) * multiple


FAMILIES = (
    Family(
        model_types=("lfm2", "lfm2_vl"),
        gguf=(GgufArchitecture(names=("lfm2",)),),
        recurrent=recurrent.short_convolution,
        query_norm=True,
        feed_forward_width=_rounded,
        example=Example(
            source="config.json of LiquidAI/LFM2-1.2B",
            config={
                "model_type": "lfm2",
                "hidden_size": 2048,
                "block_ff_dim": 12288,
                "intermediate_size": 12288,
                "block_auto_adjust_ff_dim": True,
                "block_multiple_of": 256,
                "conv_L_cache": 3,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "num_hidden_layers": 16,
                "layer_types": [
                    *["conv"] * 2,
                    "full_attention",
                    *["conv"] * 2,
                    "full_attention",
                    *["conv"] * 2,
                    "full_attention",
                    "conv",
                    "full_attention",
                    "conv",
                    "full_attention",
                    "conv",
                    "full_attention",
                    "conv",
                ],
                "vocab_size": 65536,
                "max_position_embeddings": 128000,
                "tie_word_embeddings": True,
            },
            layers=16,
        ),
    ),
    Family(
        model_types=("lfm2_moe",),
        gguf=(GgufArchitecture(names=("lfm2moe",)),),
        recurrent=recurrent.short_convolution,
        query_norm=True,
        router_bias=True,
        example=Example(
            source="lfm2_8B_A1B.yaml of AMD-AGI/Primus, and transformers 5.24.0's class, whose defaults are those of "
            "LiquidAI/LFM2-8B-A1B",
            config={
                "model_type": "lfm2_moe",
                "hidden_size": 2048,
                "intermediate_size": 7168,
                "moe_intermediate_size": 1792,
                "num_hidden_layers": 24,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "layer_types": [
                    *["conv"] * 2,
                    *["full_attention", *["conv"] * 3] * 4,
                    "full_attention",
                    *["conv"] * 2,
                    "full_attention",
                    *["conv"] * 2,
                ],
                "num_dense_layers": 2,
                "num_experts": 32,
                "num_experts_per_tok": 4,
                "conv_L_cache": 3,
                "vocab_size": 65536,
                "max_position_embeddings": 128000,
                "tie_word_embeddings": True,
            },
            layers=24,
            parameters=8339930560,
        ),
    ),
    Family(
        model_types=("lfm3",),
        recurrent=recurrent.short_convolution,
        query_norm=True,
        gated_heads=True,
        norms=4,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of LiquidAI/LFM3-1.7B",
            config={
                "model_type": "lfm3",
                "hidden_size": 2048,
                "intermediate_size": 7680,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "num_key_value_heads": 4,
                "head_dim": 128,
                "layer_types": [
                    "conv",
                    *["conv", "full_attention", "conv", "sliding_attention"] * 5,
                    "conv",
                    "full_attention",
                    "conv",
                ],
                "sliding_window": 256,
                "conv_L_cache": 7,
                "vocab_size": 128000,
                "max_position_embeddings": 128000,
                "tie_word_embeddings": True,
            },
            layers=24,
            parameters=1728801536,
        ),
    ),
)
