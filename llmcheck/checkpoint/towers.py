"""Weights of a model's image and audio encoders ("towers"), from their part of ``config.json``."""

from __future__ import annotations

from llmcheck.checkpoint import families
from llmcheck.checkpoint.fields import Fields

_PARTS = ("vision_config", "audio_config", "visual", "vision_tower_config")


def weights(whole: Fields, hidden: int) -> tuple[int, tuple[str, ...]]:
    """Weights of the encoders' layers and of the projection to a decoder of width ``hidden``, where the file has its
    shapes; and notes on what is not counted."""
    total = 0
    notes: list[str] = []
    for key in _PARTS:
        part = whole.inner(key)
        if not part:
            continue
        tower_type = part.string("model_type") or whole.string("model_type") or ""
        tower, _ = part.completed(families.tower_defaults(tower_type))
        counted = _tower(tower, hidden)
        if counted is None:
            notes.append(f"'{key}' has no shapes: its weights are not counted")
            continue
        total += counted
        notes.append(f"the weights of '{key}' are counted; the memory that it takes for each image is not")
    return total, tuple(notes)


def _tower(tower: Fields, hidden: int) -> int | None:
    """None where the file has no width or depth."""
    # in Qwen2-VL 'hidden_size' is the width of the output, and 'embed_dim' that of the layers
    width = tower.optional("embed_dim", "hidden_size", "width", "d_model", most=2**20)
    depth = tower.optional("num_hidden_layers", "depth", "layers", "encoder_layers", most=10_000)
    if not (width and depth):
        return None
    depth += tower.optional("num_global_layers", least=0, most=10_000) or 0
    ratio = tower.optional("mlp_ratio", most=1024) if tower.has("embed_dim") else None
    inner = tower.optional("intermediate_size", "encoder_ffn_dim", most=2**26) or (ratio or 4) * width
    branches = 3 if tower.string("hidden_act") in {"silu", "swish"} else 2
    return depth * (4 * width * width + branches * width * inner) + _projection(tower, width, hidden)


def _projection(tower: Fields, width: int, hidden: int) -> int:
    """Weights between the encoder and the decoder; 0 where the file does not have the shapes."""
    if given := tower.optional("vision_output_dim", most=2**20):  # Llama 3.2 Vision: one matrix
        return given * hidden
    merged = tower.optional("spatial_merge_size", most=64)
    if not merged:
        return 0
    # Qwen-VL merges patches, then has two matrices; and two more for each inner layer whose output also goes on
    patches = width * merged * merged
    times = 1 + len(tower.integers("deepstack_visual_indexes") or ())
    return times * patches * (patches + hidden)
