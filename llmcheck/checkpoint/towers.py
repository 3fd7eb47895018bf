"""Weights of a model's image and audio encoders ("towers"), from their part of ``config.json``."""

from __future__ import annotations

from llmcheck.checkpoint import families, projections
from llmcheck.checkpoint.family import Tower
from llmcheck.checkpoint.fields import Fields

_PARTS = ("vision_config", "audio_config", "visual", "vision_tower_config")
_DEPTH = ("num_hidden_layers", "depth", "layers", "encoder_layers", "vt_num_hidden_layers", "num_blocks")


def weights(whole: Fields, hidden: int) -> tuple[int, tuple[str, ...]]:
    """Weights of the encoders' layers and of the projection to a decoder of width ``hidden``, where the file has its
    shapes; and notes on what is not counted."""
    total = 0
    notes: list[str] = []
    for key in _PARTS:
        part = whole.inner(key)
        if not part:
            continue
        kind = families.tower(part.string("model_type") or whole.string("model_type") or "")
        described, _ = part.completed(kind.defaults)
        counted = kind.count(whole, described, hidden) if kind.count else _tower(whole, described, kind, hidden)
        if counted is None:
            notes.append(f"'{key}' has no shapes: its weights are not counted")
            continue
        total += counted
        notes.append(f"the weights of '{key}' are counted; the memory that it takes for each image is not")
    return total, tuple(notes)


def _tower(whole: Fields, tower: Fields, kind: Tower, hidden: int) -> int | None:
    """None where the file has no width or depth."""
    # in Qwen2-VL 'hidden_size' is the width of the output, and 'embed_dim' that of the layers
    width = tower.optional("embed_dim", "vt_hidden_size", "hidden_size", "width", "d_model", most=2**20)
    depth = tower.optional(*_DEPTH, most=10_000)
    if not (width and depth):
        return None
    depth += tower.optional("num_global_layers", least=0, most=10_000) or 0
    ratio = tower.optional("mlp_ratio", most=1024) if tower.has("embed_dim") else None
    inner = tower.optional("intermediate_size", "encoder_ffn_dim", "vt_intermediate_size", most=2**26)
    inner = (tower.optional(kind.inner, most=2**26) if kind.inner else inner) or (ratio or 4) * width
    branches = 3 if kind.gated or tower.string("hidden_act") in {"silu", "swish"} else 2
    heads = tower.optional("num_attention_heads", "num_heads", "encoder_attention_heads", most=2**16) or 1
    cached = min(tower.optional("num_key_value_heads", most=2**16) or heads, heads)
    attention = 2 * width * width + 2 * width * width * cached // heads
    projection = kind.projection or projections.usual
    return (
        depth * (attention + branches * width * inner) + _input(tower, width) + projection(whole, tower, width, hidden)
    )


def _input(tower: Fields, width: int) -> int:
    """Weights of the matrix that reads patches of an image, and of the table of their positions."""
    patch = tower.optional("patch_size", most=1024)
    if not patch:
        return 0
    frames = tower.optional("temporal_patch_size", most=64) or 1
    positions = tower.optional("num_position_embeddings", most=2**24)
    pairs = tower.optional("position_embedding_size", most=2**24)  # Gemma 4: one table for each side
    return 3 * frames * patch * patch * width + ((positions or 0) + 2 * (pairs or 0)) * width
