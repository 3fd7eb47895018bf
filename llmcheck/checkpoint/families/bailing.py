"""Ling and Ring (inclusionAI): experts, and from version 3 on Kimi's delta rule in most layers."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind, Recurrent
from llmcheck.checkpoint.fields import Fields


def _kinds(text: Fields, layers: int) -> list[LayerKind]:
    """The last layer of each group has full attention."""
    size = text.optional("layer_group_size", most=10_000) or 1
    return ["full" if (index + 1) % size == 0 else "state" for index in range(layers)]


def _delta(text: Fields, hidden: int) -> Recurrent:
    heads = text.required("num_attention_heads", most=2**16)
    width = text.optional("head_dim", most=2**16) or hidden // heads
    kernel = text.optional("short_conv_kernel_size", most=1024) or 4
    return recurrent.delta_by_channel(hidden, heads, width, kernel, full_decay=True, full_gate=True)


FAMILIES = (
    Family(
        model_types=("bailing_moe", "bailing_moe_v2"),
        gguf=(GgufArchitecture(names=("bailingmoe", "bailingmoe2")),),
        tied=False,
        router_bias=True,
        example=Example(
            source="configuration_bailing_moe_v2.py of NVIDIA-NeMo/Megatron-Bridge, as inclusionAI/Ling-mini-2.0",
            config={
                "model_type": "bailing_moe_v2",
                "hidden_size": 2048,
                "intermediate_size": 5120,
                "moe_intermediate_size": 512,
                "num_hidden_layers": 20,
                "num_attention_heads": 16,
                "num_key_value_heads": 4,
                "head_dim": 128,
                "num_experts": 256,
                "num_experts_per_tok": 8,
                "num_shared_experts": 1,
                "first_k_dense_replace": 1,
                "use_qk_norm": True,
                "vocab_size": 157184,
                "max_position_embeddings": 32768,
                "tie_word_embeddings": False,
            },
            layers=20,
        ),
    ),
    Family(
        model_types=("bailing_hybrid", "bailing_moe_v3"),
        tied=False,
        router_bias=True,
        leading_dense=2,
        gated_heads=True,
        layer_kinds=_kinds,
        recurrent=_delta,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of inclusionAI/Ling-3.0-flash",
            config={
                "model_type": "bailing_hybrid",
                "hidden_size": 2560,
                "intermediate_size": 6144,
                "moe_intermediate_size": 768,
                "num_hidden_layers": 42,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "head_dim": 128,
                "n_shared_experts": 1,
                "num_local_experts": 512,
                "num_experts_per_tok": 8,
                "kv_lora_rank": 512,
                "q_lora_rank": None,
                "qk_rope_head_dim": 64,
                "v_head_dim": 128,
                "qk_nope_head_dim": 128,
                "first_k_dense_replace": 2,
                "layer_group_size": 6,
                "short_conv_kernel_size": 4,
                "vocab_size": 157184,
                "max_position_embeddings": 262144,
                "tie_word_embeddings": False,
            },
            layers=42,
        ),
    ),
)
