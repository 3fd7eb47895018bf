"""Weights of a model's image and audio encoders, from their part of ``config.json``."""

from __future__ import annotations

from llmcheck.checkpoint import families
from llmcheck.checkpoint.fields import Fields

_PARTS = ("vision_config", "audio_config", "visual", "vision_tower_config")


def weights(whole: Fields, hidden: int) -> tuple[int, tuple[str, ...]]:
    """Weights of their layers, and of what joins them to a decoder of width ``hidden`` where the file has its shapes;
    and what is not counted, in sentences."""
    total = 0
    notes: list[str] = []
    for key in _PARTS:
        part = whole.inner(key)
        if not part:
            continue
        tower_type = part.text("model_type") or whole.text("model_type") or ""
        tower, _ = part.completed(families.tower_defaults(tower_type))
        counted = _tower(tower, hidden)
        if counted is None:
            notes.append(f"'{key}' does not give its shapes: its weights are not counted")
            continue
        total += counted
        notes.append(f"'{key}' is counted by its layers; what it computes for an image is not")
    return total, tuple(notes)


def _tower(tower: Fields, hidden: int) -> int | None:
    """None where the file has no width or depth."""
    # Qwen2-VL's 'hidden_size' is the width of the tower's output, its own width is 'embed_dim'
    width = tower.optional("embed_dim", "hidden_size", "width", "d_model", most=2**20)
    depth = tower.optional("num_hidden_layers", "depth", "layers", "encoder_layers", most=10_000)
    if not (width and depth):
        return None
    depth += tower.optional("num_global_layers", least=0, most=10_000) or 0
    ratio = tower.optional("mlp_ratio", most=1024) if tower.has("embed_dim") else None
    inner = tower.optional("intermediate_size", "encoder_ffn_dim", most=2**26) or (ratio or 4) * width
    branches = 3 if tower.text("hidden_act") in {"silu", "swish"} else 2
    return depth * (4 * width * width + branches * width * inner) + _joint(tower, width, hidden)


def _joint(tower: Fields, width: int, hidden: int) -> int:
    """Weights of what joins the tower to the decoder; 0 where the file does not have its shapes."""
    if given := tower.optional("vision_output_dim", most=2**20):  # Llama 3.2 Vision: one matrix
        return given * hidden
    merged = tower.optional("spatial_merge_size", most=64)
    if not merged:
        return 0
    # Qwen-VL: two matrices over the patches that are merged, and two more for each layer whose output is also used
    patches = width * merged * merged
    times = 1 + len(tower.numbers("deepstack_visual_indexes") or ())
    return times * patches * (patches + hidden)
