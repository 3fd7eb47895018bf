"""Jamba (AI21): layers of Mamba, attention and experts that alternate by fixed periods."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("jamba",),
        gguf=(GgufArchitecture(names=("jamba",)),),
        tied=False,
        recurrent=recurrent.jamba,
        example=Example(
            source="config.json of ai21labs/Jamba-v0.1",
            config={
                "model_type": "jamba",
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 14336,
                "vocab_size": 65536,
                "max_position_embeddings": 262144,
                "attn_layer_period": 8,
                "attn_layer_offset": 4,
                "expert_layer_period": 2,
                "expert_layer_offset": 1,
                "num_experts": 16,
                "num_experts_per_tok": 2,
                "mamba_d_state": 16,
                "mamba_d_conv": 4,
                "mamba_expand": 2,
                "mamba_dt_rank": 256,
                "tie_word_embeddings": False,
            },
            layers=32,
            parameters=51570323328,
        ),
    ),
)
