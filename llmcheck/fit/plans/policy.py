"""The order of plans, in one place: which of several ways that fit is the better one."""

from __future__ import annotations

import math

from llmcheck.fit.plans.candidate import Candidate, Wishes
from llmcheck.fit.shapes import formats
from llmcheck.runtimes.behaviour.interface import TORCH_FAMILIES

READABLE = 8.0
"""Tokens per second: about as fast as people read along (300 words a minute are 6.7 tokens a second)."""
_SMALL_LOSS_BITS = 4.0
"""Formats of 4 bits and more lose little: of Llama 3 8B's perplexity Q4_K_M loses 2.6 %, Q3_K_M 6.8 % (llama.cpp)."""


def precision_class(name: str | None) -> int:
    """Nominal bits of a weight format: 8 for q8_0, int8 and fp8 alike, 4 for q4_k_m, awq, nf4 and mxfp4."""
    if name is None:
        return 16
    bits = formats.weights(name).bits
    return next((each for each in (16, 8, 6, 5, 4, 3) if bits >= each), 2)


def loses_little(name: str | None, published: str | None) -> bool:
    """Whether the loss of a format is small, or the model is published in no finer one."""
    if name is None or name == published:
        return True
    return formats.weights(name).bits >= _SMALL_LOSS_BITS


def order(candidate: Candidate, wishes: Wishes) -> tuple[float, ...]:
    """A key that sorts the best plan first.

    By default: small loss, then a download that fits the disk, then at a speed to read along, then on the GPUs alone,
    then the finest format (of what is too slow to read along, the fastest), then the faster by a factor of two, then
    installed, then what was downloaded before, then the file that is most widely published, then the more widely used
    runtime. ``speed`` puts speed before the format, ``context`` the longest context before both, ``quality`` the format
    before everything but the loss and the disk.
    """
    use, rate = candidate.use, candidate.tokens_per_second
    download = candidate.download
    loss = not loses_little(use.weight_format.name, candidate.published)
    no_space = download is not None and bool(download.short)
    split = candidate.placed.verdict != "fits"
    slow = split if rate is None else rate < READABLE
    fineness: float = -precision_class(use.weight_format.name)
    if slow and wishes.prefer != "quality":
        fineness = -round(rate or 0.0, 1)
    doublings = -math.floor(math.log2(max(rate or 1e-3, 1e-3)))
    shortened = -min(use.context, candidate.wanted_context)
    in_ram = candidate.placed.offloaded_bytes if slow else 0
    last = (
        in_ram, doublings, candidate.installed is False, download is not None and download.bytes != 0,
        _rarity(candidate), _rank(candidate), -(rate or 0.0), -formats.weights(use.weight_format.name).bits,
    )  # fmt: skip
    match wishes.prefer:
        case "speed":
            return (loss, no_space, doublings, slow, split, shortened, fineness, *last)
        case "context":
            return (loss, no_space, slow, shortened, split, fineness, *last)
        case "quality":
            return (loss, no_space, fineness, slow, split, shortened, *last)
        case _:
            return (loss, no_space, slow, split, shortened, fineness, *last)


def _rarity(candidate: Candidate) -> int:
    """How hard such a file is to find: the published one, then what people make of nearly every model, then others."""
    form, runtime = candidate.use.weight_format, candidate.use.runtime
    if form.name == candidate.published and form.family in TORCH_FAMILIES and runtime.native_family != "gguf":
        return 0
    return 1 if form.family in ("gguf", "mlx", candidate.published) else 2


def _rank(candidate: Candidate) -> int:
    """On a vendor's GPUs for which a runtime is the usual one it comes before all others."""
    runtime = candidate.use.runtime
    usual = any(device.gpu.vendor in runtime.default_on for device in candidate.placed.devices)
    return 0 if usual else runtime.rank
