"""MiniMax (MiniMax). The lightning attention of the first generation is not modelled."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind
from llmcheck.checkpoint.fields import Fields


def _kinds(_: Fields, layers: int) -> list[LayerKind]:
    """The layers alternate as in transformers' class."""
    return ["state" if index % 2 else "full" for index in range(layers)]


FAMILIES = (
    Family(
        model_types=("minimax",),
        tied=False,
        layer_kinds=_kinds,
        example=Example(
            source="transformers 5.24.0, configuration_minimax.py",
            config={
                "model_type": "minimax",
                "num_local_experts": 8,
                "num_experts_per_tok": 2,
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 14336,
                "vocab_size": 32000,
                "num_key_value_heads": 8,
            },
            layers=32,
            refusal="the recurrent layers of 'minimax' are not modelled",
        ),
    ),
    Family(
        model_types=("minimax_m2",),
        gguf=(GgufArchitecture(names=("minimax-m2",)),),
        tied=False,
        router_bias=True,
        query_norm_over_all_heads=True,
        example=Example(
            source="config.json of MiniMaxAI/MiniMax-M2",
            config={
                "model_type": "minimax_m2",
                "hidden_size": 3072,
                "num_hidden_layers": 62,
                "num_attention_heads": 48,
                "num_key_value_heads": 8,
                "intermediate_size": 1536,
                "vocab_size": 200064,
                "max_position_embeddings": 196608,
                "head_dim": 128,
                "num_local_experts": 256,
                "num_experts_per_tok": 8,
                "use_qk_norm": True,
            },
            layers=62,
        ),
    ),
)
