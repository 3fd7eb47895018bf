"""Falcon (TII): 7B and 40B have the same keys but different layers."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture
from llmcheck.checkpoint.fields import Fields


def _variant(text: Fields) -> Family:
    """Models with ``new_decoder_architecture`` have grouped heads and two norms, the older ones one norm."""
    family = replace(FAMILY, bias=text.flag("bias"))
    if text.flag("new_decoder_architecture"):
        return replace(family, kv_heads="keys", norms=2)
    return replace(family, kv_heads="one" if text.flag("multi_query") else "all", norms=1)


FAMILY = Family(
    model_types=("falcon",),
    gguf=(GgufArchitecture(names=("falcon",)),),
    variant=_variant,
    gated=False,
    norm_bias=True,
    fused=True,
    example=Example(
        source="config.json of tiiuae/falcon-7b",
        config={
            "model_type": "falcon",
            "hidden_size": 4544,
            "num_hidden_layers": 32,
            "num_attention_heads": 71,
            "multi_query": True,
            "new_decoder_architecture": False,
            "bias": False,
            "vocab_size": 65024,
            "max_position_embeddings": 2048,
        },
        layers=32,
        parameters=6921720704,
    ),
)
FAMILIES = (FAMILY,)
