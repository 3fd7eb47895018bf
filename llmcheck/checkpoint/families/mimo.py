"""MiMo (Xiaomi), dense and with experts."""

from __future__ import annotations

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError


def _kinds(text: Fields, layers: int) -> list[LayerKind]:
    """1 in the file's list is a layer with a window; without a list every sixth has full attention."""
    pattern = text.integers("hybrid_layer_pattern")
    if pattern is None:
        return ["full" if index % 6 == 0 else "window" for index in range(layers)]
    if len(pattern) != layers:
        raise DataError(f"{text.where}: 'hybrid_layer_pattern' has {len(pattern):,} entries for {layers:,} layers")
    return ["window" if each else "full" for each in pattern]


FAMILIES = (
    Family(
        model_types=("mimo",),
        tied=False,
        query_bias=True,
        window_switch=False,
        first_window_layer="max_window_layers",
        example=Example(
            source="config.json of XiaomiMiMo/MiMo-7B-Base",
            config={
                "model_type": "mimo",
                "num_hidden_layers": 36,
                "hidden_size": 4096,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "intermediate_size": 11008,
                "vocab_size": 151680,
                "max_position_embeddings": 32768,
                "attention_bias": True,
                "num_nextn_predict_layers": 1,
                "tie_word_embeddings": False,
            },
            layers=36,
            parameters=7622619136,
        ),
    ),
    Family(
        model_types=("mimo_v2_flash", "mimo_v2"),
        gguf=(GgufArchitecture(names=("mimo2",)),),
        tied=False,
        router_bias=True,
        leading_dense=1,
        layer_kinds=_kinds,
        example=Example(
            source="config.json of XiaomiMiMo/MiMo-V2-Flash",
            config={
                "model_type": "mimo_v2_flash",
                "num_hidden_layers": 48,
                "hidden_size": 4096,
                "num_attention_heads": 64,
                "num_key_value_heads": 4,
                "head_dim": 192,
                "v_head_dim": 128,
                "intermediate_size": 16384,
                "vocab_size": 152576,
                "max_position_embeddings": 262144,
                "sliding_window": 128,
                "swa_num_attention_heads": 64,
                "swa_num_key_value_heads": 8,
                "swa_head_dim": 192,
                "swa_v_head_dim": 128,
                "hybrid_layer_pattern": [0, *[1, 1, 1, 1, 0], *[1, 1, 1, 1, 1, 0] * 7],
                "moe_layer_freq": [0, *[1] * 47],
                "moe_intermediate_size": 2048,
                "n_routed_experts": 256,
                "num_experts_per_tok": 8,
                "tie_word_embeddings": False,
            },
            layers=48,
        ),
    ),
)
