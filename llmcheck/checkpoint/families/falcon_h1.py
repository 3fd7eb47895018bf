"""Falcon-H1 (TII): attention and Mamba 2 side by side in every layer."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind, Recurrent
from llmcheck.checkpoint.fields import Fields


def _kinds(_: Fields, layers: int) -> list[LayerKind]:
    return ["both"] * layers


def _recurrent(text: Fields, hidden: int) -> Recurrent:
    width = text.optional("mamba_d_head", "mamba_head_dim", "head_dim", most=2**16) or 64
    if channels := text.optional("mamba_d_ssm", most=2**26):
        width = channels // text.required("mamba_n_heads", "mamba_num_heads", "num_heads", most=2**16)
    return recurrent.mamba2_of_width(text, hidden, width, norm=text.flag("mamba_rms_norm"))


FAMILIES = (
    Family(
        model_types=("falcon_h1",),
        gguf=(GgufArchitecture(names=("falcon-h1",)),),
        tied=False,
        layer_kinds=_kinds,
        recurrent=_recurrent,
        example=Example(
            source="config.json of tiiuae/Falcon-H1-0.5B-Instruct",
            config={
                "model_type": "falcon_h1",
                "hidden_size": 1024,
                "intermediate_size": 2048,
                "num_hidden_layers": 36,
                "num_attention_heads": 8,
                "num_key_value_heads": 2,
                "head_dim": 64,
                "mamba_n_heads": 24,
                "mamba_d_head": 64,
                "mamba_d_ssm": 1536,
                "mamba_d_state": 128,
                "mamba_n_groups": 1,
                "mamba_d_conv": 4,
                "mamba_expand": 2,
                "mamba_rms_norm": False,
                "vocab_size": 32784,
                "max_position_embeddings": 16384,
                "tie_word_embeddings": False,
            },
            layers=36,
        ),
    ),
)
