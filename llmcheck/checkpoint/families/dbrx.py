"""DBRX (Databricks)."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture

FAMILIES = (
    Family(
        model_types=("dbrx",),
        gguf=(GgufArchitecture(names=("dbrx",)),),
        tied=False,
        fused=True,
        example=Example(
            source="config.json of databricks/dbrx-instruct",
            config={
                "model_type": "dbrx",
                "d_model": 6144,
                "n_layers": 40,
                "n_heads": 48,
                "attn_config": {"kv_n_heads": 8},
                "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
                "vocab_size": 100352,
                "max_seq_len": 32768,
            },
            layers=40,
            parameters=131596523520,
        ),
    ),
)
