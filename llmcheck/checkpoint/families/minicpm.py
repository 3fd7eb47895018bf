"""MiniCPM (OpenBMB); the third generation compresses its cache."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("minicpm",),
        gguf=(GgufArchitecture(names=("minicpm",)),),
        example=Example(
            source="arXiv 2404.06395, MiniCPM-2.4B",
            config={
                "model_type": "minicpm",
                "hidden_size": 2304,
                "num_hidden_layers": 40,
                "num_attention_heads": 36,
                "intermediate_size": 5760,
                "vocab_size": 122753,
                "num_key_value_heads": 36,
            },
            layers=40,
        ),
    ),
    Family(
        model_types=("minicpm3",),
        gguf=(GgufArchitecture(names=("minicpm3",)),),
        example=Example(
            source="transformers 5.24.0, configuration_minicpm3.py",
            config={
                "model_type": "minicpm3",
                "kv_lora_rank": 256,
                "q_lora_rank": 768,
                "qk_nope_head_dim": 64,
                "qk_rope_head_dim": 32,
                "hidden_size": 2560,
                "num_hidden_layers": 62,
                "num_attention_heads": 40,
                "intermediate_size": 6400,
                "vocab_size": 73448,
                "num_key_value_heads": 40,
            },
            layers=62,
        ),
    ),
)
