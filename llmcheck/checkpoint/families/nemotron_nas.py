"""Nemotron Super and Ultra of 2025 (NVIDIA): Llama's layers, some without attention, each with a width of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, OwnAttention
from llmcheck.checkpoint.fields import Fields
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Attention

_STEP = 256


def _blocks(text: Fields, layers: int, part: str) -> list[Fields]:
    found = text.mappings("block_configs")
    if found is None or len(found) != layers:
        raise DataError(f"{text.where}: 'block_configs' must describe each of {layers:,} layers")
    return [each.inner(part) for each in found]


def _attention(text: Fields, hidden: int, layers: int) -> OwnAttention:
    heads = text.required("num_attention_heads", most=2**16)
    dim = text.optional("head_dim", most=2**16) or hidden // heads
    counts: dict[int, int] = {}
    for block in _blocks(text, layers, "attention"):
        if not (block.flag("no_op") or block.flag("replace_with_linear")):
            cached = heads // block.required("n_heads_in_group", most=heads)
            counts[cached] = counts.get(cached, 0) + 1
    groups = tuple(
        Attention(kind="attention", layers=count, heads=heads, kv_heads=cached, head_dim=dim, value_dim=dim)
        for cached, count in counts.items()
    )
    matrices = sum(each.layers * 2 * hidden * dim * (heads + each.kv_heads) for each in groups)
    return OwnAttention(groups=groups, matrices=matrices, vectors=0)


def _widths(text: Fields, hidden: int, layers: int) -> list[int]:
    """Two thirds of a multiple of the hidden size, rounded up."""
    return [
        0 if block.flag("no_op") else -(-round(2 * block.number("ffn_mult", most=1024) * hidden / 3) // _STEP) * _STEP
        for block in _blocks(text, layers, "ffn")
    ]


def _like(*kinds: tuple[int, bool, float]) -> list[Mapping[str, Any]]:
    """Runs of layers: how many, whether they attend, and their ``ffn_mult``."""
    attending, idle = {"n_heads_in_group": 8, "no_op": False}, {"no_op": True}
    return [
        {"attention": attending if attends else idle, "ffn": {"ffn_mult": width}}
        for count, attends, width in kinds
        for _ in range(count)
    ]


FAMILIES = (
    Family(
        model_types=("nemotron-nas",),
        gguf=(GgufArchitecture(names=("deci",)),),
        tied=False,
        own_attention=_attention,
        feed_forward_widths=_widths,
        example=Example(
            source="config.json of nvidia/Llama-3_3-Nemotron-Super-49B-v1, its first 13 layers",
            config={
                "model_type": "nemotron-nas",
                "hidden_size": 8192,
                "num_hidden_layers": 13,
                "num_attention_heads": 64,
                "block_configs": _like(
                    (1, True, 2.625),
                    (5, True, 5.25),
                    (2, False, 2.625),
                    (3, True, 5.25),
                    (1, False, 3.28125),
                    (1, True, 5.25),
                ),
                "vocab_size": 128256,
                "max_position_embeddings": 131072,
            },
            layers=13,
        ),
    ),
)
