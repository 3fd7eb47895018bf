"""GLM 5 (Z.ai): DeepSeek 3.2's layers, and from 5.3 Flash on a delta rule in most of them."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind, OwnWeights, Recurrent
from llmcheck.checkpoint.fields import Fields


def _kinds(_: Fields, layers: int) -> list[LayerKind]:
    return ["full" if index % 4 == 3 else "state" for index in range(layers)]


def _delta(text: Fields, hidden: int) -> Recurrent:
    return recurrent.delta_by_channel(
        hidden,
        text.required("linear_num_heads", most=2**16),
        text.required("linear_head_dim", most=2**16),
        text.optional("linear_conv_kernel_dim", most=1024) or 4,
    )


def _streams(text: Fields, hidden: int, layers: int) -> OwnWeights:
    """Two mixers of residual streams in each layer (hyper-connections, arXiv 2409.19606)."""
    streams = text.optional("hc_mult", most=64) or 0
    mixed = streams * streams + 2 * streams
    return OwnWeights(matrices=2 * layers * mixed * streams * hidden, vectors=2 * layers * (mixed + 3 * bool(streams)))


FAMILIES = (
    Family(
        model_types=("glm_moe_dsa",),
        gguf=(GgufArchitecture(names=("glm-dsa",)),),
        tied=False,
        router_bias=True,
        leading_dense=3,
        example=Example(
            source="config.json of zai-org/GLM-5",
            config={
                "model_type": "glm_moe_dsa",
                "first_k_dense_replace": 3,
                "hidden_size": 6144,
                "index_head_dim": 128,
                "index_n_heads": 32,
                "index_topk": 2048,
                "intermediate_size": 12288,
                "kv_lora_rank": 512,
                "max_position_embeddings": 202752,
                "moe_intermediate_size": 2048,
                "n_routed_experts": 256,
                "n_shared_experts": 1,
                "num_attention_heads": 64,
                "num_experts_per_tok": 8,
                "num_hidden_layers": 78,
                "num_key_value_heads": 64,
                "q_lora_rank": 2048,
                "qk_nope_head_dim": 192,
                "qk_rope_head_dim": 64,
                "v_head_dim": 256,
                "vocab_size": 154880,
                "tie_word_embeddings": False,
            },
            layers=78,
            parameters=743911218432,
        ),
    ),
    Family(
        model_types=("glm5_next", "glm5_next_text"),
        tied=False,
        router_bias=True,
        leading_dense=3,
        layer_kinds=_kinds,
        recurrent=_delta,
        further=_streams,
        example=Example(
            source="transformers 5.24.0, whose class's defaults are those of zai-org/GLM-5.3-Flash",
            config={
                "model_type": "glm5_next_text",
                "hidden_size": 4096,
                "intermediate_size": 12288,
                "moe_intermediate_size": 2048,
                "num_hidden_layers": 45,
                "num_attention_heads": 64,
                "num_key_value_heads": 64,
                "n_shared_experts": 1,
                "n_routed_experts": 288,
                "num_experts_per_tok": 8,
                "kv_lora_rank": 512,
                "q_lora_rank": 1536,
                "qk_rope_head_dim": 0,
                "v_head_dim": 256,
                "qk_nope_head_dim": 256,
                "index_topk": 2048,
                "index_head_dim": 128,
                "index_n_heads": 32,
                "linear_head_dim": 128,
                "linear_num_heads": 64,
                "linear_conv_kernel_dim": 4,
                "hc_mult": 4,
                "vocab_size": 154880,
                "max_position_embeddings": 1048576,
                "tie_word_embeddings": False,
            },
            layers=45,
        ),
    ),
)
