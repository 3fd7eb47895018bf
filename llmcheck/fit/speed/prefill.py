"""Reading prompts: limited by FLOP/s for long ones, by launches and reading the weights for short ones."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.fit.speed import cards, work
from llmcheck.fit.speed.decode import dequantises, format_factor
from llmcheck.fit.speed.times import longest, slower, spent, time
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Pace
from llmcheck.schema.estimate import Band, Time
from llmcheck.schema.machine import Gpu

_PIPELINED = 0.6
"""Of what overlapping stages could gain: llama.cpp's tables of 2 and 4 cards."""
_WRITTEN = 1.5
"""Bytes per weight that pass through memory when it is converted to 16 bits; the rest stays in the card's cache."""
_HALF = 64
"""Tokens at which matrix products reach half of their rate beside reading the weights: one row of tiles."""


def prompt_tokens(use: ModelUse) -> int:
    """Tokens of each prompt."""
    return max(min(use.workload.prompt or use.context, use.context), 1)


def prompts(use: ModelUse, gpus: Sequence[Gpu], pace: Pace, rate: Band, sequences: int, cached: int) -> list[Time]:
    """The times of the prompts of so many sequences. ``rate``: FLOP/s of one GPU; ``cached``: tokens before them."""
    architecture = use.architecture
    length = prompt_tokens(use)
    tokens = length * sequences
    at_once = min(tokens, pace.prompt_chunk or tokens)
    chunks = tokens / at_once
    several = 1.0
    if cards.shares_matrices(use, gpus):
        several = 0.7 * len(gpus) / cards.stages(use)
    elif len(gpus) > 1 and chunks > 1 and pace.stage_overhead:
        # the next chunk enters the first stage while this one is in the second
        several = 1 + _PIPELINED * (chunks * len(gpus) / (chunks + len(gpus) - 1) - 1)
    width = cards.bandwidth(use, gpus) * (several if not cards.shares_matrices(use, gpus) else 1.0)
    speed = slower(rate, several)
    routed = work.expert_weights(architecture)
    dense = max(work.block_weights(architecture) - routed, 0.0) * tokens
    head = (work.multiplied_weights(architecture) - work.block_weights(architecture)) * sequences
    flop = 2.0 * (dense + head) * _slowed(at_once)
    if routed:  # each expert multiplies only the tokens that chose it
        flop += 2.0 * routed * tokens * _slowed(at_once * architecture.experts_active / architecture.experts)
    products = [time("prefill", "compute", flop, _product(speed, pace.flops_share))]
    read = [time("prefill", "weights", work.weight_bytes(use, at_once) * chunks, slower(pace.bandwidth_share, width))]
    found = longest(products, read)
    if dequantises(use, pace, at_once):
        size = chunks * work.weight_bytes(use, at_once) * (1 + _WRITTEN * 8 / max(use.weight_format.bits, 1))
        found.append(time("prefill", "dequantise", size, slower(pace.bandwidth_share, width)))
    if pace.activation_bytes:
        size = pace.activation_bytes * tokens * architecture.layers * architecture.hidden * cards.between(gpus)
        found.append(time("prefill", "memory", size, slower(pace.bandwidth_share, width)))
    found.append(_attention(use, pace, speed, width, length, tokens, cached))
    if pace.launch is not None:
        queued = chunks * architecture.layers * format_factor(use, pace)
        return longest(found, [spent("prefill", "launch", queued, pace.launch)])
    return [*found, spent("prefill", "launch", chunks * architecture.layers, pace.layer_overhead)]


def _slowed(rows: float) -> float:
    """By how much products of so few tokens take longer than their FLOP."""
    return 1 + _HALF / max(rows, 1)


def _attention(use: ModelUse, pace: Pace, speed: Band, width: float, length: int, tokens: int, cached: int) -> Time:
    if use.workload.flash_attention is not False or not pace.score_bytes:
        flop = work.attention(use.architecture, length, cached) * tokens
        return time("prefill", "attention", flop, _product(speed, pace.attention_share))
    size = pace.score_bytes * work.scores(use.architecture, length, cached) * tokens
    return time("prefill", "attention", size, slower(pace.bandwidth_share, width))


def _product(rate: Band, share: Band) -> Band:
    """A share of a rate, where both are uncertain: the larger uncertainty alone, for they are independent."""
    return Band(
        rate.expected * min(share.low, share.expected * rate.low / rate.expected),
        rate.expected * share.expected,
        rate.expected * max(share.high, share.expected * rate.high / rate.expected),
    )  # fmt: skip
