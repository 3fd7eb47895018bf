"""Weights of the encoders of images and sound beside a decoder, from their part of ``config.json``."""

from __future__ import annotations

from llmcheck.checkpoint import defaults
from llmcheck.checkpoint.fields import Fields

_PARTS = ("vision_config", "audio_config", "visual", "vision_tower_config")


def weights(whole: Fields, hidden: int, notes: list[str]) -> int:
    """Of their layers, and of what joins them to a decoder of width ``hidden`` where the file tells its shapes."""
    total = 0
    for key in _PARTS:
        said = whole.inner(key)
        if not said:
            continue
        tower_type = said.text("model_type") or whole.text("model_type") or ""
        tower, _ = said.completed(defaults.VISION.get(tower_type, {}))
        # Qwen2-VL calls the width of what the tower gives 'hidden_size' and its own 'embed_dim'
        width = tower.optional("embed_dim", "hidden_size", "width", "d_model", most=2**20)
        depth = tower.optional("num_hidden_layers", "depth", "layers", "encoder_layers", most=10_000)
        if not (width and depth):
            notes.append(f"'{key}' does not give its shapes: its weights are not counted")
            continue
        depth += tower.optional("num_global_layers", least=0, most=10_000) or 0
        ratio = tower.optional("mlp_ratio", most=1024) if tower.has("embed_dim") else None
        inner = tower.optional("intermediate_size", "encoder_ffn_dim", most=2**26) or (ratio or 4) * width
        branches = 3 if tower.text("hidden_act") in {"silu", "swish"} else 2
        total += depth * (4 * width * width + branches * width * inner) + _joint(tower, width, hidden)
        notes.append(f"'{key}' is counted by its layers; what it computes for an image is not")
    return total


def _joint(tower: Fields, width: int, hidden: int) -> int:
    """What joins the tower to the decoder; 0 where the file does not tell it."""
    if given := tower.optional("vision_output_dim", most=2**20):  # Llama 3.2 Vision: one matrix
        return given * hidden
    merged = tower.optional("spatial_merge_size", most=64)
    if not merged:
        return 0
    # Qwen-VL: two matrices over the patches that are merged, once more for each layer that is tapped
    patches = width * merged * merged
    times = 1 + len(tower.numbers("deepstack_visual_indexes") or ())
    return times * patches * (patches + hidden)
