"""StarCoder, the first generation (BigCode): one key-value head unless the file says otherwise."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture
from llmcheck.checkpoint.fields import Fields


def _variant(text: Fields) -> Family:
    return replace(FAMILY, kv_heads="one") if text.flag("multi_query", default=True) else FAMILY


FAMILY = Family(
    model_types=("gpt_bigcode",),
    gguf=(GgufArchitecture(names=("starcoder",)),),
    variant=_variant,
    gated=False,
    norm_bias=True,
    fused=True,
    bias=True,
    position_keys=("n_positions", "max_position_embeddings"),
    example=Example(
        source="config.json of bigcode/starcoder",
        config={
            "model_type": "gpt_bigcode",
            "n_embd": 6144,
            "n_layer": 40,
            "n_head": 48,
            "n_inner": 24576,
            "n_positions": 8192,
            "multi_query": True,
            "vocab_size": 49152,
        },
        layers=40,
        parameters=15517456384,
    ),
)
FAMILIES = (FAMILY,)
