"""MiniMax (MiniMax): lightning attention in most layers of the first generation, full attention since the second."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind, OwnWeights
from llmcheck.checkpoint.fields import Fields


def _kinds(text: Fields, layers: int) -> list[LayerKind]:
    """0 in the maker's list is lightning attention; without a list the layers alternate as in transformers' class."""
    listed = text.integers("attn_type_list")
    if listed is not None and len(listed) == layers:
        return ["full" if each else "state" for each in listed]
    return ["state" if index % 2 else "full" for index in range(layers)]


def _indexers(text: Fields, hidden: int, _: int) -> OwnWeights:
    """Of each sparse layer the queries and the keys by which blocks of tokens are chosen."""
    sparse = text.inner("sparse_attention_config")
    layers = sum(map(bool, sparse.integers("sparse_attention_freq") or ()))
    heads = sparse.optional("sparse_num_index_heads", least=0, most=2**16) or 0
    width = sparse.optional("sparse_index_dim", least=0, most=2**16) or 0
    return OwnWeights(matrices=layers * hidden * width * (heads + 1), vectors=layers * 2 * width)


FAMILIES = (
    Family(
        model_types=("minimax", "minimax_text_01", "minimax_m1"),
        tied=False,
        layer_kinds=_kinds,
        recurrent=recurrent.lightning,
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
    Family(
        model_types=("minimax_m3", "minimax_m3_vl", "minimax_m3_vl_text"),
        tied=False,
        router_bias=True,
        query_norm=True,
        further=_indexers,
        example=Example(
            source="config.json of MiniMaxAI/MiniMax-M3",
            config={
                "model_type": "minimax_m3",
                "dense_intermediate_size": 12288,
                "hidden_size": 6144,
                "num_hidden_layers": 60,
                "num_attention_heads": 64,
                "num_key_value_heads": 4,
                "head_dim": 128,
                "intermediate_size": 3072,
                "moe_layer_freq": [*[0] * 3, *[1] * 57],
                "n_shared_experts": 1,
                "num_local_experts": 128,
                "num_experts_per_tok": 4,
                "sparse_attention_config": {
                    "sparse_attention_freq": [*[0] * 3, *[1] * 57],
                    "sparse_index_dim": 128,
                    "sparse_num_index_heads": 4,
                },
                "vocab_size": 200064,
                "max_position_embeddings": 1048576,
            },
            layers=60,
        ),
    ),
)
