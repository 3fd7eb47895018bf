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
        model_types=("lfm2",),
        gguf=(GgufArchitecture(names=("lfm2",)),),
        recurrent=recurrent.short_convolution,
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
)
