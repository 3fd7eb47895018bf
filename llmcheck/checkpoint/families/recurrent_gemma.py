"""RecurrentGemma (Google): two recurrent layers, then one with windowed attention."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, LayerKind
from llmcheck.checkpoint.fields import Fields


def _kinds(text: Fields, layers: int) -> list[LayerKind]:
    repeated = text.strings("block_types", "_block_types") or ["recurrent", "recurrent", "attention"]
    return ["window" if repeated[index % len(repeated)] == "attention" else "state" for index in range(layers)]


def _one_branch(_: Fields, both: int) -> int:
    return both // 2


FAMILIES = (
    Family(
        model_types=("recurrent_gemma",),
        window=2048,
        layer_kinds=_kinds,
        recurrent=recurrent.griffin,
        feed_forward_width=_one_branch,
        output_bias="always",
        mlp_bias=True,
        example=Example(
            source="config.json of google/recurrentgemma-2b; arXiv 2404.07839",
            config={
                "model_type": "recurrent_gemma",
                "head_dim": 256,
                "lru_width": 2560,
                "conv1d_width": 4,
                "attention_window_size": 2048,
                "hidden_size": 2560,
                "num_hidden_layers": 26,
                "num_attention_heads": 10,
                "intermediate_size": 15360,
                "vocab_size": 256000,
                "num_key_value_heads": 1,
            },
            layers=26,
        ),
    ),
)
