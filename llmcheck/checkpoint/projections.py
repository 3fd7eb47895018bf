"""Weights of the matrices that join an encoder of images or sound to the decoder.

Each function takes the whole file, the encoder's part of it, the encoder's width and the decoder's.
"""

from __future__ import annotations

from llmcheck.checkpoint.fields import Fields

_MOST = 2**20


def usual(whole: Fields, tower: Fields, width: int, hidden: int) -> int:
    """By the keys that many files share; 0 where the file does not have the shapes."""
    if given := tower.optional("vision_output_dim", most=_MOST):  # Llama 3.2 Vision: one matrix
        return given * hidden
    if merged := tower.optional("spatial_merge_size", most=64):
        # Qwen-VL merges patches, then has two matrices; and two more for each inner layer whose output also goes on
        patches = width * merged * merged
        times = 1 + len(tower.integers("deepstack_visual_indexes") or ())
        return times * patches * (patches + hidden)
    if factor := whole.optional("downsample_factor", most=64):  # LFM2-VL
        middle = whole.optional("projector_hidden_size", most=_MOST) or hidden
        return width * factor * factor * middle + middle * hidden
    if whole.has("downsample_ratio"):  # InternVL halves both sides of an image
        return 4 * width * hidden + hidden * hidden
    if kernel := tower.integers("merge_kernel_size"):  # Kimi's encoder of images
        patches = width * kernel[0] * kernel[-1]
        return patches * (patches + hidden)
    return 0


def merged(whole: Fields, tower: Fields, width: int, hidden: int) -> int:
    """Mistral 3: patches are merged to one, then come two matrices."""
    size = whole.optional("spatial_merge_size", most=64) or tower.optional("spatial_merge_size", most=64) or 2
    return width * size * size * width + width * hidden + hidden * hidden


def one(_: Fields, __: Fields, width: int, hidden: int) -> int:
    """One matrix."""
    return width * hidden


def two(_: Fields, __: Fields, width: int, hidden: int) -> int:
    """Two matrices."""
    return (width + hidden) * hidden


def stacked(_: Fields, tower: Fields, width: int, hidden: int) -> int:
    """Voxtral: positions are put together to vectors of the encoder's inner width, then come two matrices."""
    inner = tower.optional("intermediate_size", "encoder_ffn_dim", most=2**26) or 4 * width
    return (inner + hidden) * hidden


def gated(_: Fields, tower: Fields, width: int, hidden: int) -> int:
    """GLM: a convolution that merges patches, one matrix, and a gated feed-forward layer."""
    out = tower.optional("out_hidden_size", most=_MOST) or hidden
    size = tower.optional("spatial_merge_size", most=64) or 2
    inner = tower.optional("projector_intermediate_size", "intermediate_size", most=2**26) or 4 * out
    return width * out * size * size + out * out + 3 * out * inner
