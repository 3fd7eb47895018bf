"""Qwen, the first generation (Alibaba)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture
from llmcheck.checkpoint.fields import Fields


def _one_branch(_: Fields, both: int) -> int:
    return both // 2


FAMILIES = (
    Family(
        model_types=("qwen",),
        gguf=(GgufArchitecture(names=("qwen",)),),
        tied=False,
        fused=True,
        query_bias=True,
        window_switch=False,
        first_window_layer="max_window_layers",
        feed_forward_width=_one_branch,
        example=Example(
            source="arXiv 2309.16609, table 1; the width in the file is the sum of two matrices' widths",
            config={
                "model_type": "qwen",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 22016,
                "vocab_size": 151936,
            },
            layers=32,
        ),
    ),
)
