"""Kimi Linear and Kimi K3 (Moonshot AI): a delta rule with a decay for each channel, and latent attention."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind, Recurrent
from llmcheck.checkpoint.fields import Fields


def _kinds(text: Fields, layers: int) -> list[LayerKind]:
    """The file numbers its layers from 1."""
    full = text.inner("linear_attn_config").integers("full_attn_layers") or ()
    return ["full" if index + 1 in full else "state" for index in range(layers)]


def _delta(text: Fields, hidden: int) -> Recurrent:
    inner = text.inner("linear_attn_config")
    if not inner:  # as transformers writes it
        heads, width = text.required("linear_num_heads", most=2**16), text.required("linear_head_dim", most=2**16)
        kernel = text.optional("linear_conv_kernel_dim", most=1024) or 4
        return recurrent.delta_by_channel(hidden, heads, width, kernel)
    return recurrent.delta_by_channel(
        hidden,
        inner.required("num_heads", most=2**16),
        inner.required("head_dim", most=2**16),
        inner.optional("short_conv_kernel_size", most=1024) or 4,
        full_gate=inner.flag("use_full_rank_gate"),
    )


FAMILIES = (
    Family(
        model_types=("kimi_linear", "kimi_k3"),
        gguf=(GgufArchitecture(names=("kimi-linear",)),),
        tied=False,
        router_bias=True,
        layer_kinds=_kinds,
        recurrent=_delta,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of moonshotai/Kimi-Linear-48B-A3B-Instruct",
            config={
                "model_type": "kimi_linear",
                "hidden_size": 2304,
                "intermediate_size": 9216,
                "moe_intermediate_size": 1024,
                "num_hidden_layers": 27,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "num_shared_experts": 1,
                "kv_lora_rank": 512,
                "q_lora_rank": None,
                "qk_rope_head_dim": 64,
                "v_head_dim": 128,
                "qk_nope_head_dim": 128,
                "num_experts": 256,
                "num_experts_per_token": 8,
                "first_k_dense_replace": 1,
                "linear_attn_config": {
                    "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
                    "head_dim": 128,
                    "num_heads": 32,
                    "short_conv_kernel_size": 4,
                },
                "vocab_size": 163840,
                "max_position_embeddings": 1048576,
                "tie_word_embeddings": False,
            },
            layers=27,
            parameters=49122681728,
        ),
    ),
)
