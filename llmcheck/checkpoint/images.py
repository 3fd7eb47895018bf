"""What a model computes of one image, from the encoder's part of ``config.json``."""

from __future__ import annotations

from llmcheck.checkpoint.fields import Fields
from llmcheck.schema.architecture import ImageEncoder

_PARTS = ("vision_config", "visual", "vision_tower_config")
_MOST_TOKENS = {
    # max_pixels 12,845,056 over 28 x 28 pixels a token
    "qwen2_vl": 16_384, "qwen2_5_vl": 16_384,
    # longest_edge 16,777,216 pixels over 32 x 32
    "qwen3_vl": 16_384, "qwen3_vl_moe": 16_384, "qwen3_5": 16_384, "qwen3_5_moe": 16_384,
    # 32 frames of a video of 70 tokens and their time stamps are the largest item
    "gemma4": 2_496,
    "mistral3": 3_080, "pixtral": 4_160, "llama4": 2_468, "internvl_chat": 3_328, "internvl": 3_328,
}  # fmt: skip
"""Decoder tokens of the largest image, by ``model_type``: from the preprocessor's file, which is beside config.json."""


def encoder(whole: Fields) -> ImageEncoder | None:
    """None for a model without an encoder of images, or without its width."""
    part = next((found for key in _PARTS if (found := whole.inner(key))), None)
    if part is None:
        return None
    width = part.optional("embed_dim", "vt_hidden_size", "hidden_size", "width", "d_model", most=2**20)
    if width is None:
        return None
    merge = part.optional("spatial_merge_size", most=64) or whole.optional("spatial_merge_size", most=64) or 1
    patch = part.optional("patch_size", "spatial_patch_size", most=1024) or 14
    side = part.optional("image_size", most=2**16) or 0
    by_side = (side // patch // merge) ** 2
    tokens = whole.optional("mm_tokens_per_image", most=2**20) or part.optional("default_output_length", most=2**20)
    tokens = _MOST_TOKENS.get(whole.string("model_type") or "") or tokens or by_side
    if not tokens:
        return None
    inner = part.optional("intermediate_size", "encoder_ffn_dim", "vt_intermediate_size", most=2**26) or 4 * width
    frames = part.optional("temporal_patch_size", most=64) or 1
    return ImageEncoder(
        hidden=width,
        intermediate=inner,
        patches=max(merge * merge, round(by_side * merge * merge / tokens) if by_side > tokens else 1),
        pixels=3 * frames * patch * patch,
        tokens=tokens,
    )
