"""Speculative decoding: a step checks several proposed tokens at once and keeps those that the model agrees with."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.fit.memory.speculative import weights_of
from llmcheck.fit.speed import cards, work
from llmcheck.fit.speed.times import slower, spent, time
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Pace
from llmcheck.schema.estimate import Band, Rate, Time
from llmcheck.schema.machine import Gpu

_ACCEPTED = {"mtp": Band(0.5, 0.8, 0.9)}
"""Share of proposed tokens that the model agrees with, each given the one before. DeepSeek-V3: 0.85 to 0.9 for the
first (arXiv 2412.19437, section 5.4.3); further tokens come from the same layer and fit less well."""
_ACCEPTED_OF_OTHERS = Band(0.5, 0.7, 0.85)
"""Of a second model 0.53 to 0.82 (arXiv 2211.17192, table 3); of heads as much. It depends on the text."""


def kept(use: ModelUse) -> Band:
    """Tokens that a step makes of one sequence: its own, and the proposed ones up to the first that is wrong
    (arXiv 2211.17192, equation 1)."""
    share, count = accepted(use), work.proposed(use)
    return Band(*(sum(each**number for number in range(count + 1)) for each in (share.low, share.expected, share.high)))


def accepted(use: ModelUse) -> Band:
    """Share of proposed tokens that the model agrees with, each given that it agreed with those before."""
    return _ACCEPTED.get(use.workload.speculative or "", _ACCEPTED_OF_OTHERS)


def note(use: ModelUse) -> str:
    """A sentence on what the speed assumes."""
    share, made = accepted(use), kept(use)
    return (
        f"speculative decoding: {work.proposed(use)} proposed at a time, of which the model accepts {share.low:.0%} to"
        f" {share.high:.0%} ({share.expected:.0%} expected; it depends on the text): {made.low:.1f} to {made.high:.1f}"
        f" tokens a step, {made.expected:.1f} expected"
    )


def for_each_token(
    use: ModelUse, gpus: Sequence[Gpu], pace: Pace, name: Rate, times: Sequence[Time], ram: Band
) -> list[Time]:
    """The times of a step and of proposing its tokens, divided by the tokens that it is expected to make of each
    sequence. ``ram``: bytes per second where there are no GPUs."""
    many = kept(use).expected
    return [
        replace(each, expected=each.expected / many, low=each.low / many, high=each.high / many)
        for each in (*times, *_proposing(use, gpus, pace, name, ram))
    ]


def _proposing(use: ModelUse, gpus: Sequence[Gpu], pace: Pace, name: Rate, ram: Band) -> list[Time]:
    """One pass for each proposed token."""
    count = work.proposed(use)
    width = cards.bandwidth(use, gpus if cards.shares_matrices(use, gpus) else gpus[-1:]) if gpus else 0.0
    layers = use.draft.layers if use.draft is not None else 1
    return [
        time(name, "propose", count * _read(use), slower(pace.bandwidth_share, width) if gpus else ram),
        spent(name, "propose", count * layers, pace.launch or pace.layer_overhead),
    ]


def _read(use: ModelUse) -> float:
    """Bytes of one pass: of routed experts those that are active, and the output projection."""
    size, kind = float(weights_of(use, 1).expected), use.workload.speculative
    model = use.architecture if kind == "mtp" else use.draft
    if model is not None and model.experts:
        size *= work.multiplied_weights(model) / max(model.parameters.total, 1)
    if use.draft is not None or kind == "eagle3":  # they have a projection of their own
        return size
    return size + (use.stored.head or use.stored.embedding)


def widened(use: ModelUse, speed: Band) -> Band:
    """A rate whose number of tokens a step is not known; both unknowns are independent."""
    made, middle = kept(use), speed.expected
    less = math.hypot(1 - speed.low / middle, 1 - made.low / made.expected)
    more = math.hypot(speed.high / middle - 1, made.high / made.expected - 1)
    return Band(middle * max(1 - less, 0.2), middle, middle * (1 + more))
