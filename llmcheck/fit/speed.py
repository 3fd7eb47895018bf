"""How fast it will roughly be: every rate is an estimate with its band, from published rates of the cards.

An answer reads all active weights and the cache for every token, so it is bound by memory bandwidth; a prompt and
training are bound by arithmetic. What is not in it: queues of a server, batches of different lengths, disks, networks
between machines beyond a share that is lost to them, thermal limits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from llmcheck.fit.memory import inference, training
from llmcheck.fit.shapes import kv_cache, weights
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Rate, Speed
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.units import GB


class Band(Struct, frozen=True):
    low: float
    expected: float
    high: float


class Pace(Struct, frozen=True):
    """How a runtime uses a card of one kind."""

    reading: Band
    """Share of the published bandwidth that an answer reaches."""
    launching: Band
    """Seconds for each layer and token beside it: launching kernels, small operations."""
    computing: Band
    """Share of the published dense 16-bit rate while a prompt is read."""
    experts: float = 1.5
    """How many times as long the launching takes in a model with routed experts."""


# llama.cpp: llama-bench on Llama 3 8B and 70B, RTX 3070 to H100 and M1 Max to M3 Max (May 2024,
# github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference); Llama 2 7B on Apple silicon (its discussion 4167);
# gpt-oss-20b at 391 tokens/s on an RTX PRO 6000 (its pull request 16991, 2025). What is published of GeForce is the
# rate with sums in 32 bits; llama.cpp multiplies 8-bit integers, or sums in 16 bits, and so comes near it, and over.
_LLAMA_CPP = {
    "apple": Pace(Band(0.65, 0.86, 0.97), Band(350e-6, 160e-6, 60e-6), Band(0.15, 0.4, 0.75), experts=1),
    "stacked": Pace(Band(0.40, 0.54, 0.85), Band(120e-6, 75e-6, 30e-6), Band(0.08, 0.2, 0.5), experts=1),
    "plain": Pace(Band(0.70, 0.88, 0.98), Band(150e-6, 90e-6, 25e-6), Band(0.4, 0.75, 1.15), experts=1),
}
_STACKED = re.compile(
    r"\b(?:P100|V100|A30|A800|[ABH][1-3]00|H20|GH200|GB[23]00|MI\d+[AX]?|Max 1\d00|Gaudi)", re.IGNORECASE
)
"""Cards with HBM: their bandwidth runs ahead of what one sequence's small products can ask for."""
_MLX = Pace(Band(0.45, 0.70, 0.90), Band(120e-6, 50e-6, 20e-6), Band(0.15, 0.4, 0.75))
# Qwen2.5's speed benchmark on an A100 (0.5B to 72B: 47, 40, 25, 17, 8.7 tokens/s).
_EAGER = Pace(Band(0.50, 0.75, 0.90), Band(900e-6, 400e-6, 150e-6), Band(0.2, 0.42, 0.65), experts=4)
# vLLM: 8B in bf16 at 85 to 90 tokens/s on an A100, about 140 on an H100.
_SERVING = Pace(Band(0.55, 0.75, 0.92), Band(80e-6, 30e-6, 10e-6), Band(0.3, 0.5, 0.75))
_EXCHANGE = {True: Band(30e-6, 15e-6, 8e-6), False: Band(100e-6, 40e-6, 20e-6)}
"""Seconds of one exchange between the cards, of which tensor parallelism has two a layer: NVLink, and PCIe."""
_DEQUANTISING = Band(0.35, 0.5, 0.8)
"""bitsandbytes turns 4-bit weights into 16 bits before each product."""
_RAM = Band(20 * GB, 45 * GB, 110 * GB)
"""Bytes per second that processors read from RAM: two channels of DDR4 to DDR5; servers reach more."""
_PCIE = Band(5 * GB, 18 * GB, 50 * GB)
"""Bytes per second into a card whose link is not known: PCIe 3.0 x8 to 5.0 x16."""
_LANE = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.97e9, 5: 3.94e9, 6: 7.56e9}
"""Bytes per second of one lane, by PCIe generation."""
# Model FLOPs utilisation. Published runs: Llama 2 70B 0.43 (1,720,320 A100 hours for 2T tokens), LLaMA 65B 0.48, BLOOM
# 176B 0.32 on A100; Llama 3.1 70B 0.26 and 405B 0.35 on H100, failures and long contexts included.
_UTILISATION = {
    "pretrain": Band(0.28, 0.42, 0.55),
    "full": Band(0.18, 0.35, 0.5),
    "lora": Band(0.15, 0.32, 0.5),
    "qlora": Band(0.08, 0.2, 0.35),
}
_FAST_CARD_TFLOPS = 500
_FAST_CARD = 0.8
"""From H100 on, memory and networks keep up less with the arithmetic: the published runs reach four fifths of it."""
_OFFLOADED = {"optimizer": Band(0.3, 0.5, 0.8), "all": Band(0.1, 0.3, 0.6)}
_POWER = Band(0.6, 0.85, 1.0)
"""Of the card's limit, while it works."""
_AROUND = Band(1.1, 1.3, 1.6)
"""The rest of the machine and the cooling, for each watt of a card."""


def speed(
    architecture: Architecture,
    workload: Workload,
    gpus: Sequence[Gpu],
    *,
    in_ram: int = 0,
    carbon_intensity_g_per_kwh: float | None = None,
) -> tuple[Speed, tuple[str, ...]]:
    """The rates, and what they assume or why one is None. ``gpus``: those that hold it; ``in_ram``: bytes of it that
    lie in RAM; ``grid``: grams of CO2 for a kWh."""
    notes: list[str] = []
    if workload.method == "inference":
        return _answering(architecture, workload, gpus, in_ram, notes), tuple(notes)
    return _training(architecture, workload, gpus, carbon_intensity_g_per_kwh, notes), tuple(notes)


def rounded(value: float) -> str:
    """Two digits, as an estimate deserves: ``4.3``, ``55``, ``1,700``."""
    if value <= 0:
        return "0"
    if value >= 100:
        unit = 10 ** (len(str(int(value))) - 2)
        return f"{round(value / unit) * unit:,}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _rate(low: float, expected: float, high: float) -> Rate:
    return Rate(low=min(low, expected), expected=expected, high=max(high, expected))


# --- answers ---


def _answering(
    architecture: Architecture, workload: Workload, gpus: Sequence[Gpu], in_ram: int, notes: list[str]
) -> Speed:
    unknown = [gpu.name or gpu.vendor for gpu in gpus if gpu.spec is None or not gpu.spec.bandwidth_gb_s]
    if unknown:
        notes.append(f"no speed: the memory bandwidth of {unknown[0]} is not in the table")
        return Speed()
    read = _bytes_per_token(architecture, workload)
    stored = max(weights.of(architecture, workload).total, 1)
    aside = min(in_ram / stored, 1.0) if gpus else 1.0
    runtime = workload.runtime or "transformers"
    pace = _pace(runtime, gpus)
    share = pace.reading
    if weights.chosen(architecture, workload).family == "bnb-4bit":
        share = Band(*(a * b for a, b in zip(_of(share), _of(_DEQUANTISING), strict=True)))
    seconds = []
    for position in range(3):
        on_gpus = read * (1 - aside) / (_bandwidth(gpus, runtime) * _of(share)[position]) if gpus else 0.0
        elsewhere = read * aside / _of(_beside(gpus, runtime, notes))[position] if aside else 0.0
        each = _of(pace.launching)[position] * (pace.experts if architecture.experts else 1)
        if len(gpus) > 1 and runtime in inference.TENSOR_PARALLEL:
            each += 2 * _of(_EXCHANGE[_linked(gpus)])[position]
        seconds.append(on_gpus + elsewhere + architecture.layers * each)
    decode = _rate(*(1 / max(each, 1e-9) for each in seconds))
    return Speed(decode=decode, prefill=_prefill(architecture, workload, gpus, aside, notes))


def _pace(runtime: str, gpus: Sequence[Gpu]) -> Pace:
    if runtime == "llama.cpp":
        if any(gpu.vendor == "apple" for gpu in gpus):
            return _LLAMA_CPP["apple"]
        return _LLAMA_CPP["stacked" if any(_STACKED.search(gpu.name or "") for gpu in gpus) else "plain"]
    return {"mlx": _MLX, "transformers": _EAGER}.get(runtime, _SERVING)


def _of(band: Band) -> tuple[float, float, float]:
    return band.low, band.expected, band.high


def _bandwidth(gpus: Sequence[Gpu], runtime: str) -> float:
    """Bytes per second at which one token's weights pass: together in tensor parallelism, else one card at a time."""
    each = [(gpu.spec.bandwidth_gb_s or 1.0) * GB for gpu in gpus if gpu.spec is not None]
    if len(each) > 1 and runtime in inference.TENSOR_PARALLEL:
        return min(each) * len(each) * (0.85 if _linked(gpus) else 0.6)
    return len(each) / sum(1 / one for one in each)


def _linked(gpus: Sequence[Gpu]) -> bool:
    """Whether cards of this kind have NVLink; whether these are connected by it, was not asked."""
    return all(gpu.spec is not None and gpu.spec.nvlink_gb_s for gpu in gpus)


def _beside(gpus: Sequence[Gpu], runtime: str, notes: list[str]) -> Band:
    """Bytes per second of what lies in RAM: llama.cpp computes there, others bring it to the card for every token."""
    if runtime == "llama.cpp" or not gpus:
        note = "RAM is read at 20 to 110 GB/s, 45 expected; how fast this machine's is, was not measured"
        band = _RAM
    else:
        note, band = "what lies in RAM passes PCIe for every token", _link(gpus)
    if note not in notes:
        notes.append(note)
    return band


def _link(gpus: Sequence[Gpu]) -> Band:
    pcie = gpus[0].pcie
    lanes = _LANE.get((pcie.max_generation or pcie.generation or 0) if pcie else 0)
    width = (pcie.max_width or pcie.width) if pcie else None
    if lanes is None or not width:
        return _PCIE
    peak = lanes * width
    return Band(0.4 * peak, 0.7 * peak, 0.9 * peak)


def _bytes_per_token(architecture: Architecture, workload: Workload) -> float:
    """Active weights without the table that is only looked up, and the cache at half the context."""
    stored = weights.of(architecture, workload)
    counts = architecture.parameters
    blocks = max(counts.total - counts.embedding - counts.head - counts.vision, 1)
    idle = counts.experts * (1 - architecture.experts_active / architecture.experts) if architecture.experts else 0.0
    head = stored.head or stored.embedding
    tokens = inference.context_of(architecture, workload) // 2
    return stored.layers * (1 - idle / blocks) + head + kv_cache.size(architecture, tokens, 1, workload.kv_cache)


def _prefill(
    architecture: Architecture, workload: Workload, gpus: Sequence[Gpu], aside: float, notes: list[str]
) -> Rate | None:
    if not gpus or aside:
        notes.append("how fast prompts are read is not estimated where weights lie in RAM")
        return None
    runtime = workload.runtime or "transformers"
    rates = [_tflops(gpu, workload) for gpu in gpus]
    if not all(rates):
        notes.append(f"no prompt speed: the arithmetic rate of {gpus[0].name or gpus[0].vendor} is not in the table")
        return None
    together = min(rates) * (0.7 * len(rates) if len(rates) > 1 and runtime in inference.TENSOR_PARALLEL else 1)
    tokens = inference.context_of(architecture, workload)
    work = 2.0 * _passed(architecture) + _attention(architecture, tokens)
    return _rate(*(together * each / work for each in _of(_pace(runtime, gpus).computing)))


def _tflops(gpu: Gpu, workload: Workload) -> float:
    """FLOP per second, dense, at 16 bits; at 8 where weights and runtime are made for it. 0: not published."""
    spec = gpu.spec
    if spec is None:
        return 0.0
    if workload.weights == "fp8" and spec.fp8_tflops and workload.runtime in inference.TENSOR_PARALLEL:
        return spec.fp8_tflops * 1e12
    return (spec.bf16_tflops or spec.fp16_tflops or 0.0) * 1e12


def _passed(architecture: Architecture) -> float:
    """Weights in products of one token: those that are active, without a table that is only looked up."""
    counts = architecture.parameters
    return max(counts.active - (counts.embedding if counts.head else 0), 1)


def _attention(architecture: Architecture, tokens: int) -> float:
    """FLOP of one token's scores and sums over half of the context (Kaplan et al., arXiv 2001.08361)."""
    total = 0.0
    for group in architecture.attention:
        seen = min(tokens, group.window) if group.window else tokens
        total += 2.0 * group.layers * group.heads * (group.head_dim + (group.value_dim or group.head_dim)) * seen / 2
    return total


# --- training ---


def _training(
    architecture: Architecture,
    workload: Workload,
    gpus: Sequence[Gpu],
    carbon_intensity_g_per_kwh: float | None,
    notes: list[str],
) -> Speed:
    rates = [_tflops(gpu, workload) for gpu in gpus]
    if not rates or not all(rates):
        name = gpus[0].name or gpus[0].vendor if gpus else "this machine"
        notes.append(f"no training speed: the arithmetic rate of {name} is not in the table")
        return Speed()
    sequence = training.sequence_of(architecture, workload)
    # forward 2, gradients of activations 2, gradients of weights 2: frozen weights have none of the last
    passes = 2.0 if training.frozen_base(workload) else 3.0
    work = passes * (2.0 * _passed(architecture) + _attention(architecture, sequence))
    share = _of(_UTILISATION[workload.method])
    factor = _FAST_CARD if min(rates) > _FAST_CARD_TFLOPS * 1e12 else 1.0
    if workload.method != "pretrain" and training.recomputed(workload):
        factor *= passes / (passes + 1)
    factor *= _together(gpus)
    slower = _of(_OFFLOADED.get(workload.offload or "none", Band(1.0, 1.0, 1.0)))
    total = min(rates) * len(rates)
    train = _rate(*(total * each * factor * down / work for each, down in zip(share, slower, strict=True)))
    notes.append(
        f"training reaches {_percent(share[1] * factor)} of the published rate"
        f" ({_percent(share[0] * factor)} to {_percent(share[2] * factor)}), as published runs do"
    )
    if workload.tokens is None:
        return Speed(train=train)
    days = _rate(*(workload.tokens / each / 86_400 for each in (train.high, train.expected, train.low)))
    energy = _energy(gpus, days, notes)
    carbon = None
    if energy is not None and carbon_intensity_g_per_kwh is not None:
        carbon = _rate(
            *(each * carbon_intensity_g_per_kwh / 1000 for each in (energy.low, energy.expected, energy.high))
        )
    return Speed(train=train, days=days, energy_kwh=energy, co2_kg=carbon)


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _together(gpus: Sequence[Gpu]) -> float:
    """What many cards lose to talking; the published runs of thousands of cards are what the utilisation rests on."""
    if len(gpus) < 2:
        return 1.0
    return 0.95 if _linked(gpus) else 0.75


def _energy(gpus: Sequence[Gpu], days: Rate, notes: list[str]) -> Rate | None:
    watts = [gpu.power_limit_w or (gpu.spec.tdp_w if gpu.spec is not None else None) for gpu in gpus]
    if not all(watts):
        notes.append(f"no energy: the power of {gpus[0].name or gpus[0].vendor} is not in the table")
        return None
    total = sum(each or 0.0 for each in watts)
    notes.append(
        "energy: 60 to 100 % of the cards' power limit, and 1.1 to 1.6 times that with the machine and cooling"
    )
    return _rate(
        *(
            total * duration * 24 / 1000 * power * around
            for duration, power, around in zip(
                (days.low, days.expected, days.high), _of(_POWER), _of(_AROUND), strict=True
            )
        )
    )
