"""How fast a runtime is: the fractions and times by which it stays behind the published rates of the GPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from llmcheck.schema.estimate import Band
from llmcheck.schema.machine import Gpu

_HBM_NAMES = (
    r"\b(?:P100|V100|A30|A800|[ABH][1-3]00|H20|GH200|GB[23]00|MI\d+[AX]?|Max 1\d00|Gaudi)"
)  # fmt: skip


def has_hbm(gpus: Sequence[Gpu]) -> bool:
    """Whether one of the GPUs has stacked memory, by its name."""
    import re  # imported when a speed is computed, not when runtimes are listed

    return any(re.search(_HBM_NAMES, gpu.name or "", re.IGNORECASE) for gpu in gpus)


class TrainingPace(Struct, frozen=True, kw_only=True):
    """How fast a trainer is: its recipe. Of each band ``low`` is the slowest."""

    share: Band
    """Fraction of the published dense FLOP/s that the matrix products reach."""
    activation_bytes: Band
    """Bytes per token, layer and element of the hidden state that norms, activations and residuals pass through memory,
    forward and backward."""
    adapter_bytes: Band
    """What adapters on a frozen model add: bytes per token and element of what their matrices read and give, for casts,
    their own small products and sums."""
    launch: Band
    """Seconds that the CPU needs to queue forward and backward of one layer; the GPU computes meanwhile."""
    dequantising: Mapping[str, Band] = {}
    """By the start of a format's name, the fraction of the bandwidth at which weights are converted to 16 bits."""


class Pace(Struct, frozen=True, kw_only=True):
    """How fast a runtime is, relative to the published rates of the GPUs (the roofline).

    Of each band ``low`` is the slowest."""

    bandwidth_share: Band
    """Fraction of the published memory bandwidth that decoding reaches."""
    bandwidth_of_format: Mapping[str, float] = {}
    """By the start of a format's name: factor on ``bandwidth_share``, where weights are unpacked more slowly than they
    arrive."""
    layer_overhead: Band
    """Seconds for each layer and generated token on top: gaps between kernels, small operations."""
    flops_share: Band
    """Fraction of the published dense 16-bit FLOP/s that the products of long prompts and large batches reach."""
    experts_factor: float = 1.5
    """``layer_overhead`` is multiplied by this in a model with routed experts."""
    cache_share: Band = Band(0.3, 0.45, 0.8)
    """Fraction of the published memory bandwidth at which cached keys and values are read."""
    cache_passes: float = 1.0
    """How often the cache is read or written in a step: more than once where it is copied when it grows."""
    repeats_grouped_heads: bool = False
    """Cached heads are copied for each query head before attention."""
    launch: Band | None = None
    """Seconds that the CPU needs to queue the kernels of one layer, while the GPU computes: a step takes the longer of
    both. None: a graph is replayed, and nothing is queued."""
    launch_of_format: Mapping[str, float] = {}
    """By the start of a format's name: factor on ``launch``, or on ``layer_overhead`` where nothing is queued: its
    kernels are more, or slower to begin."""
    dequantises_from: Mapping[str, int] = {}
    """By the start of a format's name: from so many tokens at a time on, weights are converted to 16 bits in every
    step, and read again."""
    prompt_chunk: int | None = None
    """Prompt tokens that are processed at once; None: all of them."""
    activation_bytes: float = 0.0
    """Bytes per prompt token, layer and element of the hidden state that pass through memory between the products,
    where ``flops_share`` is of the products alone."""
    score_bytes: float = 0.0
    """Bytes per attention score that pass through memory without flash attention."""
    attention_share: Band = Band(0.15, 0.3, 0.5)
    """Fraction of the FLOP/s that attention reaches in a prompt."""
    sequence_overhead: Band | None = None
    """Seconds of a step for each sequence of a batch: scheduling and sampling; None: nothing worth mention."""
    stage_overhead: float = 0.0
    """Seconds for each further GPU where each has some of the layers."""
    training: TrainingPace | None = None
    """None where it does not train."""


class PaceOf(Protocol):
    """The pace on some GPUs, () for CPUs.

    ``version``: major and minor of the runtime. ``compiled``: the model runs under ``torch.compile``."""

    def __call__(self, gpus: Sequence[Gpu], version: tuple[int, ...] = ..., compiled: bool = ..., /) -> Pace: ...


def read_share(pace: Pace, form: str) -> Band:
    """``bandwidth_share`` for weights in the format of this name."""
    for start, factor in pace.bandwidth_of_format.items():
        if form.startswith(start):
            own = pace.bandwidth_share
            return Band(factor * own.low, factor * own.expected, min((1 + factor) / 2 * own.high, own.high))
    return pace.bandwidth_share
