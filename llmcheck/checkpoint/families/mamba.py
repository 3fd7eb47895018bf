"""Mamba and Mamba 2 (Gu and Dao), and Falcon Mamba (TII): no attention at all."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind
from llmcheck.checkpoint.fields import Fields


def _kinds(_: Fields, layers: int) -> list[LayerKind]:
    return ["state"] * layers


FAMILIES = (
    Family(
        model_types=(
            "mamba",
            "falcon_mamba",
        ),
        gguf=(GgufArchitecture(names=("mamba",), attention_free=True),),
        attention_free=True,
        norms=1,
        layer_kinds=_kinds,
        recurrent=recurrent.mamba,
        example=Example(
            source="config.json of state-spaces/mamba-2.8b-hf",
            config={
                "model_type": "mamba",
                "hidden_size": 2560,
                "num_hidden_layers": 64,
                "intermediate_size": 5120,
                "state_size": 16,
                "conv_kernel": 4,
                "time_step_rank": 160,
                "vocab_size": 50280,
                "tie_word_embeddings": True,
            },
            layers=64,
            parameters=2768345600,
        ),
    ),
    Family(
        model_types=("mamba2",),
        gguf=(GgufArchitecture(names=("mamba2",), attention_free=True),),
        attention_free=True,
        norms=1,
        layer_kinds=_kinds,
        recurrent=recurrent.mamba2,
        example=Example(
            source="transformers 5.24.0, configuration_mamba2.py",
            config={
                "model_type": "mamba2",
                "hidden_size": 4096,
                "num_hidden_layers": 64,
                "num_heads": 128,
                "head_dim": 64,
                "state_size": 128,
                "n_groups": 8,
                "vocab_size": 32768,
            },
            layers=64,
        ),
    ),
)
