"""Granite (IBM): dense, with experts, and with Mamba 2."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("granite",),
        gguf=(GgufArchitecture(names=("granite",)),),
        output_bias="with attention_bias",
        example=Example(
            source="config.json of ibm-granite/granite-3.3-8b-instruct",
            config={
                "model_type": "granite",
                "hidden_size": 4096,
                "num_hidden_layers": 40,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "intermediate_size": 12800,
                "vocab_size": 49159,
                "max_position_embeddings": 131072,
                "tie_word_embeddings": True,
            },
            layers=40,
        ),
    ),
    Family(
        model_types=("granitemoe",),
        gguf=(GgufArchitecture(names=("granitemoe",)),),
        example=Example(
            source="transformers 5.24.0, configuration_granitemoe.py",
            config={
                "model_type": "granitemoe",
                "num_local_experts": 8,
                "num_experts_per_tok": 2,
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 32000,
            },
            layers=32,
        ),
    ),
    Family(
        model_types=("granitemoehybrid",),
        gguf=(GgufArchitecture(names=("granitehybrid",)),),
        recurrent=recurrent.mamba2_expanded,
        example=Example(
            source="config.json of ibm-granite/granite-4.0-h-350m",
            config={
                "model_type": "granitemoehybrid",
                "hidden_size": 768,
                "intermediate_size": 2048,
                "num_hidden_layers": 32,
                "num_attention_heads": 12,
                "num_key_value_heads": 4,
                "layer_types": [
                    *["mamba"] * 10,
                    "attention",
                    *["mamba"] * 2,
                    "attention",
                    *["mamba"] * 3,
                    "attention",
                    *["mamba"] * 9,
                    "attention",
                    *["mamba"] * 4,
                ],
                "num_local_experts": 0,
                "num_experts_per_tok": 0,
                "shared_intermediate_size": 2048,
                "mamba_n_heads": 48,
                "mamba_d_head": 32,
                "mamba_d_state": 128,
                "mamba_d_conv": 4,
                "mamba_expand": 2,
                "mamba_n_groups": 1,
                "vocab_size": 100352,
                "max_position_embeddings": 32768,
                "tie_word_embeddings": True,
            },
            layers=32,
        ),
    ),
)
