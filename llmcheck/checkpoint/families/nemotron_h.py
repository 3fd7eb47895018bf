"""Nemotron-H (NVIDIA): each layer is Mamba 2, attention or feed-forward; a pattern in the file says which."""

from __future__ import annotations

from llmcheck.checkpoint import recurrent
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, LayerKind
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError

_SIGNS: dict[str, LayerKind] = {"M": "state", "*": "full", "-": "none", "E": "experts"}


_WORDS: dict[str, LayerKind] = {
    "mamba": "state", "linear_attention": "state", "attention": "full", "full_attention": "full", "mlp": "none",
    "moe": "experts",
}  # fmt: skip


def _kinds(text: Fields, layers: int) -> list[LayerKind]:
    pattern = text.string("hybrid_override_pattern") or ""
    listed = text.strings("layers_block_type")
    if not pattern and listed and len(listed) == layers and _WORDS.keys() >= set(listed):
        return [_WORDS[each] for each in listed]
    if len(pattern) != layers or not _SIGNS.keys() >= set(pattern):
        raise DataError(
            f"{text.where}: 'hybrid_override_pattern' must have a sign (M, *, - or E), or 'layers_block_type' a word, "
            f"for each of {layers:,} layers"
        )
    return [_SIGNS[sign] for sign in pattern]


FAMILIES = (
    Family(
        model_types=("nemotron_h",),
        gguf=(
            GgufArchitecture(
                names=(
                    "nemotron_h",
                    "nemotron_h_moe",
                )
            ),
        ),
        tied=False,
        router_bias=True,
        gated=False,
        layer_list_keys=(),
        layer_kinds=_kinds,
        one_part_per_layer=True,
        recurrent=recurrent.mamba2_expanded,
        norms=1,
        example=Example(
            source="config.json of nvidia/NVIDIA-Nemotron-Nano-9B-v2",
            config={
                "model_type": "nemotron_h",
                "hidden_size": 4480,
                "intermediate_size": 15680,
                "num_hidden_layers": 56,
                "hybrid_override_pattern": "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-",
                "num_attention_heads": 40,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "mamba_num_heads": 128,
                "mamba_head_dim": 80,
                "ssm_state_size": 128,
                "n_groups": 8,
                "conv_kernel": 4,
                "mlp_bias": False,
                "attention_bias": False,
                "vocab_size": 131072,
                "max_position_embeddings": 131072,
                "tie_word_embeddings": False,
            },
            layers=56,
        ),
    ),
)
