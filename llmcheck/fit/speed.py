"""Estimated speed: each rate with its band, from the published rates of the GPUs (roofline).

Decoding reads all active weights and the KV cache for every token, so memory bandwidth limits it; prefill and training
are limited by FLOP/s. Not modelled: queues of a server, batches of different lengths, disks, networks between machines
except for a fixed loss, thermal limits.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.fit.memory.training_choices import frozen_base, recomputed
from llmcheck.fit.shapes import kv_cache
from llmcheck.fit.use import ModelUse
from llmcheck.gpus.names import full_name
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Band, Speed
from llmcheck.schema.machine import Gpu
from llmcheck.units import GB

_ALL_REDUCE = {True: Band(30e-6, 15e-6, 8e-6), False: Band(100e-6, 40e-6, 20e-6)}
"""Seconds of one all-reduce, with NVLink (True) and over PCIe; tensor parallelism has two in each layer."""
_DEQUANTISING = Band(0.35, 0.5, 0.8)
"""Factor on the bandwidth: bitsandbytes converts 4-bit weights to 16 bits before each product."""
_RAM = Band(20 * GB, 45 * GB, 110 * GB)
"""Bytes per second that CPUs read from RAM: two channels of DDR4 to DDR5; servers have more."""
_PCIE = Band(5 * GB, 18 * GB, 50 * GB)
"""Bytes per second to a GPU whose link is not known: PCIe 3.0 x8 to 5.0 x16."""
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
_FAST_GPU_TFLOPS = 500
_FAST_GPU = 0.8
"""Factor on the utilisation of H100 and faster, as published runs show: memory and network are relatively slower."""
_OFFLOADED = {"optimizer": Band(0.3, 0.5, 0.8), "all": Band(0.1, 0.3, 0.6)}
"""Factor on the training rate, by ``Workload.offload``."""
_POWER = Band(0.6, 0.85, 1.0)
"""Average power of a busy GPU, as a fraction of its power limit."""
_MACHINE_AND_COOLING = Band(1.1, 1.3, 1.6)
"""Factor on the power of the GPUs for the rest of the machine and the cooling."""


def speed(
    use: ModelUse,
    gpus: Sequence[Gpu],
    *,
    offloaded_bytes: int = 0,
    expert_bytes_in_ram: int = 0,
    layers_per_gpu: Sequence[int] | None = None,
    carbon_intensity_g_per_kwh: float | None = None,
) -> tuple[Speed, tuple[str, ...]]:
    """The rates, and sentences on what they assume or why one is None.

    ``gpus``: those that are used, () for CPUs alone; ``offloaded_bytes``: bytes in RAM, routed experts included;
    ``expert_bytes_in_ram``: bytes of those experts alone; ``layers_per_gpu``: None where all have the same;
    ``carbon_intensity_g_per_kwh``: grams of CO2, None: no CO2 is computed.
    """
    notes: list[str] = []
    if use.is_inference:
        ram = (offloaded_bytes, expert_bytes_in_ram)
        return _inference(use, gpus, ram, layers_per_gpu or (1,) * len(gpus), notes), tuple(notes)
    return _training(use, gpus, carbon_intensity_g_per_kwh, notes), tuple(notes)


def _band(low: float, expected: float, high: float) -> Band:
    return Band(min(low, expected), expected, max(high, expected))


# --- inference ---


def _inference(
    use: ModelUse, gpus: Sequence[Gpu], in_ram: tuple[int, int], layers: Sequence[int], notes: list[str]
) -> Speed:
    """``in_ram``: bytes in all, and of them of routed experts."""
    unknown = [full_name(gpu) for gpu in gpus if gpu.spec is None or not gpu.spec.bandwidth_gb_s]
    if unknown:
        notes.append(f"no speed: the memory bandwidth of {unknown[0]} is not in the table")
        return Speed()
    architecture, runtime = use.architecture, use.runtime
    read = _bytes_per_token(use)
    offloaded = _read_from_ram(use, read, *in_ram) if gpus else 1.0
    pace = runtime.pace(gpus)
    share = _ends(pace.bandwidth_share)
    if use.weight_format.family == "bnb-4bit":
        share = tuple(a * b for a, b in zip(share, _ends(_DEQUANTISING), strict=True))
    ram = _ends(_ram_bandwidth(use, gpus, notes)) if offloaded else (1.0, 1.0, 1.0)
    shared = _shares_matrices(use, gpus)
    exchange = _ends(_ALL_REDUCE[_linked(gpus)]) if shared else (0.0, 0.0, 0.0)
    seconds = []
    for position, launching in enumerate(_ends(pace.layer_overhead)):
        on_gpus = read * (1 - offloaded) / (_bandwidth(use, gpus, layers) * share[position]) if gpus else 0.0
        elsewhere = read * offloaded / ram[position]
        each = launching * (pace.experts_factor if architecture.experts else 1) + 2 * exchange[position]
        seconds.append(on_gpus + elsewhere + architecture.layers * each)
    decode = None if use.architecture.encoder else _band(*(1 / max(each, 1e-9) for each in seconds))
    return Speed(decode=decode, prefill=_prefill(use, gpus, offloaded, notes))


def _read_from_ram(use: ModelUse, read: float, offloaded_bytes: int, expert_bytes_in_ram: int) -> float:
    """The fraction of a token's bytes that is read from RAM: of routed experts only those that are active.

    ``read``: bytes that one token reads in total.
    """
    architecture, stored = use.architecture, use.stored
    layers = (offloaded_bytes - expert_bytes_in_ram) / max(stored.total, 1)
    if expert_bytes_in_ram:
        layers = 0.0  # beside them only the token embedding lies in RAM, which is looked up
    active = architecture.experts_active / architecture.experts if architecture.experts else 1.0
    return min(layers + expert_bytes_in_ram * active / max(read, 1), 1.0)


def _ends(band: Band) -> tuple[float, ...]:
    """Low, expected, high."""
    return band.low, band.expected, band.high


def _bandwidth(use: ModelUse, gpus: Sequence[Gpu], layers: Sequence[int]) -> float:
    """Bytes per second at which the weights are read: by all GPUs at once with tensor parallelism, else one by one,
    each its share of the layers.
    """
    each = [(gpu.spec.bandwidth_gb_s or 1.0) * GB for gpu in gpus if gpu.spec is not None]
    if _shares_matrices(use, gpus):
        tensor = len(each) / max(use.workload.pipeline_parallel, 1)
        return min(each) * tensor * (0.85 if _linked(gpus) else 0.6)
    shares = layers if len(layers) == len(each) and any(layers) else (1,) * len(each)
    return sum(shares) / sum(own / one for own, one in zip(shares, each, strict=True))


def _shares_matrices(use: ModelUse, gpus: Sequence[Gpu]) -> bool:
    """Whether several GPUs read each matrix at once: with tensor parallelism, and not where each is a stage alone."""
    return use.runtime.tensor_parallel and len(gpus) > max(use.workload.pipeline_parallel, 1)


def _linked(gpus: Sequence[Gpu]) -> bool:
    """Whether GPUs of this kind have NVLink; whether these are connected by it is not known."""
    return all(gpu.spec is not None and gpu.spec.nvlink_gb_s for gpu in gpus)


def _ram_bandwidth(use: ModelUse, gpus: Sequence[Gpu], notes: list[str]) -> Band:
    """Bytes per second of weights in RAM: read by the CPUs if the runtime computes there, else sent over PCIe."""
    if use.runtime.computes_in_ram or not gpus:
        notes.append("RAM bandwidth: 20 to 110 GB/s, 45 expected; that of this machine was not measured")
        return _RAM
    notes.append("weights in RAM cross PCIe for every token")
    return _link(gpus)


def _link(gpus: Sequence[Gpu]) -> Band:
    """Bytes per second to the first GPU."""
    pcie = gpus[0].pcie
    lanes = _LANE.get((pcie.max_generation or pcie.generation or 0) if pcie else 0)
    width = (pcie.max_width or pcie.width) if pcie else None
    if lanes is None or not width:
        return _PCIE
    peak = lanes * width
    return Band(0.4 * peak, 0.7 * peak, 0.9 * peak)


def _bytes_per_token(use: ModelUse) -> float:
    """Bytes read for one token: active weights (of an untied embedding one row), cache at half the context."""
    architecture, stored, counts = use.architecture, use.stored, use.architecture.parameters
    blocks = max(counts.total - counts.embedding - counts.head - counts.vision, 1)
    idle = counts.experts * (1 - architecture.experts_active / architecture.experts) if architecture.experts else 0.0
    head = stored.head or stored.embedding
    cache = kv_cache.size(architecture, use.context // 2, 1, use.workload.kv_cache)
    return stored.layers * (1 - idle / blocks) + head + cache


def _prefill(use: ModelUse, gpus: Sequence[Gpu], offloaded: float, notes: list[str]) -> Band | None:
    if not gpus or offloaded:
        notes.append("no prompt speed: it is not estimated where weights are in RAM")
        return None
    rates = [_flops(gpu, use) for gpu in gpus]
    if not all(rates):
        notes.append(f"no prompt speed: the arithmetic rate of {full_name(gpus[0])} is not in the table")
        return None
    tensor = len(rates) / max(use.workload.pipeline_parallel, 1)
    total = min(rates) * (0.7 * tensor if _shares_matrices(use, gpus) else 1)
    work = 2.0 * _multiplied_weights(use.architecture) + _attention(use.architecture, use.context)
    return _band(*(total * each / work for each in _ends(use.runtime.pace(gpus).flops_share)))


def _flops(gpu: Gpu, use: ModelUse) -> float:
    """Published dense FLOP/s in 16 bits, or in fp8 if weights and runtime compute in it; 0: not published."""
    spec = gpu.spec
    if spec is None:
        return 0.0
    if use.workload.weights == "fp8" and spec.fp8_tflops and use.runtime.fp8_arithmetic:
        return spec.fp8_tflops * 1e12
    return (spec.bf16_tflops or spec.fp16_tflops or 0.0) * 1e12


def _multiplied_weights(architecture: Architecture) -> float:
    """Weights that one token is multiplied with: the active ones, without an embedding that only gives a row."""
    counts = architecture.parameters
    return max(counts.active - (counts.embedding if counts.head else 0), 1)


def _attention(architecture: Architecture, tokens: int) -> float:
    """FLOP of attention for one token over half of the context (Kaplan et al., arXiv 2001.08361)."""
    total = 0.0
    for group in architecture.attention:
        seen = min(tokens, group.window) if group.window else tokens
        total += 2.0 * group.layers * group.heads * (group.head_dim + (group.value_dim or group.head_dim)) * seen / 2
    return total


# --- training ---


def _training(use: ModelUse, gpus: Sequence[Gpu], carbon_intensity_g_per_kwh: float | None, notes: list[str]) -> Speed:
    rates = [_flops(gpu, use) for gpu in gpus]
    if not rates or not all(rates):
        name = full_name(gpus[0]) if gpus else "this machine"
        notes.append(f"no training speed: the arithmetic rate of {name} is not in the table")
        return Speed()
    train = _tokens_per_second(use, gpus, rates, notes)
    if use.workload.tokens is None:
        return Speed(train=train)
    days = _band(*(use.workload.tokens / each / 86_400 for each in reversed(_ends(train))))
    energy = _energy(gpus, days, notes)
    carbon = None
    if energy is not None and carbon_intensity_g_per_kwh is not None:
        carbon = _band(*(each * carbon_intensity_g_per_kwh / 1000 for each in _ends(energy)))
    return Speed(train=train, days=days, energy_kwh=energy, co2_kg=carbon)


def _tokens_per_second(use: ModelUse, gpus: Sequence[Gpu], rates: Sequence[float], notes: list[str]) -> Band:
    workload = use.workload
    # 2 FLOP per weight each for forward, gradients of activations and gradients of weights; not the last if frozen
    passes = 2.0 if frozen_base(workload) else 3.0
    work = passes * (2.0 * _multiplied_weights(use.architecture) + _attention(use.architecture, use.context))
    share = _ends(_UTILISATION[workload.method])
    factor = _FAST_GPU if min(rates) > _FAST_GPU_TFLOPS * 1e12 else 1.0
    if workload.method != "pretrain" and recomputed(workload):
        factor *= passes / (passes + 1)
    factor *= _scaling(gpus)
    slower = _ends(_OFFLOADED.get(workload.offload or "none", Band(1.0, 1.0, 1.0)))
    total = min(rates) * len(rates)
    notes.append(
        f"training at {_percent(share[1] * factor)} of the published FLOP/s"
        f" ({_percent(share[0] * factor)} to {_percent(share[2] * factor)}), the range of published runs"
    )
    return _band(*(total * each * factor * down / work for each, down in zip(share, slower, strict=True)))


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _scaling(gpus: Sequence[Gpu]) -> float:
    """Factor for communication between several GPUs, in addition to what the published utilisation contains."""
    if len(gpus) < 2:
        return 1.0
    return 0.95 if _linked(gpus) else 0.75


def _energy(gpus: Sequence[Gpu], days: Band, notes: list[str]) -> Band | None:
    watts = [gpu.power_limit_w or (gpu.spec.tdp_w if gpu.spec is not None else None) for gpu in gpus]
    if not all(watts):
        notes.append(f"no energy: the power of {full_name(gpus[0])} is not in the table")
        return None
    total = sum(each or 0.0 for each in watts)
    notes.append("energy: 60 to 100 % of the GPUs' power limit, times 1.1 to 1.6 for the machine and cooling")
    return _band(
        *(
            total * duration * 24 / 1000 * power * factor
            for duration, power, factor in zip(_ends(days), _ends(_POWER), _ends(_MACHINE_AND_COOLING), strict=True)
        )
    )
