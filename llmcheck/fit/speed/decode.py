"""Generating tokens: every step reads the weights once for the whole batch, and the cache of every sequence.

With routed experts the weights of a step grow with the batch, for its tokens choose different ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.fit.speed import cards, work
from llmcheck.fit.speed.times import longest, slower, spent, time
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Pace
from llmcheck.runtimes.behaviour.pace import read_share
from llmcheck.schema.estimate import Band, Rate, Time
from llmcheck.schema.machine import Gpu


def step(
    use: ModelUse,
    gpus: Sequence[Gpu],
    pace: Pace,
    sequences: int,
    in_ram_bytes: tuple[int, int],
    ram: Band,
    layers: Sequence[int] = (),
) -> list[Time]:
    """The times of one token of each sequence, at half of the context: those of a step, or of its part where a step
    makes several tokens of each (speculative decoding).

    ``in_ram_bytes``: in all, and of them of routed experts; ``ram``: bytes per second that CPUs read from RAM;
    ``layers``: of each GPU; () where all have the same.
    """
    name: Rate = "decode" if sequences == 1 else "batch"
    found = _step(use, gpus, pace, sequences, in_ram_bytes, ram, layers, name)
    if not work.proposed(use):
        return found
    from llmcheck.fit.speed import speculative  # rare, and it imports the memory of what proposes

    return speculative.for_each_token(use, gpus, pace, name, found, ram)


def _step(
    use: ModelUse,
    gpus: Sequence[Gpu],
    pace: Pace,
    sequences: int,
    in_ram_bytes: tuple[int, int],
    ram: Band,
    layers: Sequence[int],
    name: Rate,
) -> list[Time]:
    tokens = sequences * (1 + work.proposed(use))
    read = work.weight_bytes(use, tokens)
    in_ram = _read_from_ram(use, read, tokens, *in_ram_bytes) if gpus else read
    width = cards.bandwidth(use, gpus, layers) if gpus else 0.0
    cache = _cache(use, pace, sequences, name, in_ram / max(read, 1), width, ram)
    found = []
    if in_ram:
        computed = use.runtime.computes_in_ram or not gpus
        speed = ram if computed else cards.pcie(gpus[0])
        found.append(time(name, "weights" if not gpus else "transfer", in_ram, speed))
    found += _gaps(use, gpus, pace, sequences, name)
    if not gpus:
        return found + cache
    on_gpus = [time(name, "weights", read - in_ram, slower(read_share(pace, use.weight_format.name), width))]
    converted = _dequantise(use, pace, tokens, read - in_ram, width, name)
    queued = _queued(use, pace, name)
    return longest(_products(use, gpus, pace, tokens, on_gpus, name) + converted + cache + found, queued)


def _products(use: ModelUse, gpus: Sequence[Gpu], pace: Pace, tokens: int, read: list[Time], name: Rate) -> list[Time]:
    """Reading the weights or multiplying them, whichever takes longer."""
    rate = cards.flops(use, gpus)
    if rate is None or tokens == 1:
        return read
    if cards.shares_matrices(use, gpus):
        rate = slower(rate, len(gpus) / cards.stages(use))
    flop = 2.0 * work.multiplied_weights(use.architecture) * tokens
    return longest(read, [time(name, "compute", flop, slower(pace.flops_share, rate.expected))])


def _cache(use: ModelUse, pace: Pace, sequences: int, name: Rate, in_ram: float, width: float, ram: Band) -> list[Time]:
    """``width``: bytes per second of the GPUs; 0 where there are none."""
    size = work.cache_bytes(use, use.context // 2, sequences) * pace.cache_passes
    if pace.repeats_grouped_heads:
        size *= work.repeated(use.architecture)
    if not width:
        return [time(name, "cache", size, ram)]
    # the cache of layers in RAM lies there too
    share = pace.cache_share
    # one sequence has too few heads to keep a large card busy; several together have enough
    busy = (share.high - share.expected) * (1 - 1 / sequences) if pace.cache_passes == 1 else 0.0
    share = Band(share.low + busy / 2, share.expected + busy, share.high + busy / 4)
    on_gpus = time(name, "cache", size * (1 - min(in_ram, 1)), slower(share, width))
    return [on_gpus] if size else []


def _dequantise(use: ModelUse, pace: Pace, tokens: int, stored: float, width: float, name: Rate) -> list[Time]:
    """Weights that are written in 16 bits and read again, once for all tokens of the step."""
    if not dequantises(use, pace, tokens):
        return []
    size = 4.0 * stored * 8 / max(use.weight_format.bits, 1)
    return [time(name, "dequantise", size, slower(pace.bandwidth_share, width))]


def dequantises(use: ModelUse, pace: Pace, tokens: int) -> bool:
    """Whether weights are converted to 16 bits for so many tokens at a time."""
    form = use.weight_format.name
    return any(form.startswith(start) and tokens >= least for start, least in pace.dequantises_from.items())


def _queued(use: ModelUse, pace: Pace, name: Rate) -> list[Time]:
    """What the CPU needs to queue a step."""
    if pace.launch is None:
        return []
    layers = use.architecture.layers * (pace.experts_factor if use.architecture.experts else 1)
    return [spent(name, "launch", layers * format_factor(use, pace), pace.launch)]


def format_factor(use: ModelUse, pace: Pace) -> float:
    """By how much the kernels of the weights' format take longer to queue."""
    form = use.weight_format.name
    fitting = [start for start in pace.launch_of_format if form.startswith(start)]
    return pace.launch_of_format[max(fitting, key=len)] if fitting else 1.0


def _gaps(use: ModelUse, gpus: Sequence[Gpu], pace: Pace, sequences: int, name: Rate) -> list[Time]:
    """Small operations of each layer, and what several GPUs exchange."""
    layers = use.architecture.layers
    counted = layers * (pace.experts_factor if use.architecture.experts else 1)
    if pace.launch is None:
        counted *= format_factor(use, pace)
    found = [spent(name, "memory", counted, pace.layer_overhead)]
    if cards.shares_matrices(use, gpus):
        found.append(spent(name, "communicate", 2 * layers, cards.ALL_REDUCE[cards.linked(gpus)]))
    if sequences > 1 and pace.sequence_overhead is not None:
        sampled = sequences * (1 + 2 * work.proposed(use))  # a proposed token is sampled twice
        found.append(spent(name, "launch", sampled, pace.sequence_overhead))
    if len(gpus) > 1 and pace.stage_overhead and not cards.shares_matrices(use, gpus):
        each = pace.stage_overhead
        found.append(spent(name, "communicate", len(gpus) - 1, Band(2.5 * each, each, 0.4 * each)))
    return found


def _read_from_ram(use: ModelUse, read: float, tokens: int, offloaded_bytes: int, expert_bytes_in_ram: int) -> float:
    """Bytes of a step that are read from RAM: of routed experts only those that its tokens choose."""
    architecture, stored = use.architecture, use.stored
    if not offloaded_bytes:
        return 0.0
    if expert_bytes_in_ram:  # beside them only the token embedding lies in RAM, which is looked up
        unused = (1 - architecture.experts_active / architecture.experts) ** tokens if architecture.experts else 0.0
        return min(expert_bytes_in_ram * (1 - unused), read)
    return min(read * offloaded_bytes / max(stored.total, 1), read)
