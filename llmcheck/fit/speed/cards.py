"""What the GPUs of a machine can do: published rates, and what the inspection knows about these cards."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.fit.use import ModelUse
from llmcheck.gpus import vendors
from llmcheck.gpus.names import full_name
from llmcheck.schema.estimate import Band
from llmcheck.schema.gpu import capability_of
from llmcheck.schema.machine import Gpu
from llmcheck.units import GB

LINK = {True: Band(130e9, 200e9, 260e9), False: Band(6e9, 14e9, 24e9)}
"""Bytes per second in one direction between GPUs of one machine, with NVLink (True) of an A100 and over PCIe."""
ALL_REDUCE = {True: Band(30e-6, 15e-6, 8e-6), False: Band(100e-6, 40e-6, 20e-6)}
"""Seconds of one small all-reduce, with NVLink (True) and over PCIe; tensor parallelism has two in each layer."""
NETWORK = Band(8e9, 30e9, 48e9)
"""Bytes per second and GPU between machines: 100 to 400 Gbit/s for each GPU, shared where there are fewer cards."""
MACHINE = 8
"""GPUs that one machine has at most, where nothing else is known."""
_PCIE = Band(5 * GB, 18 * GB, 50 * GB)
"""Bytes per second to a GPU whose link is not known: PCIe 3.0 x8 to 5.0 x16."""
_LANE = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.97e9, 5: 3.94e9, 6: 7.56e9}
"""Bytes per second of one lane, by PCIe generation."""
_FLOP_PER_BYTE = {"apple": Band(24, 37, 44), "nvidia": Band(90, 200, 400)}
"""FLOP/s for each byte/s of memory, for chips whose rate is not published: Apple's by their cores and clocks (M1 Max
26, M2 Ultra 34, M3 Max 36), NVIDIA's between the RTX 3090 and the RTX 6000 Ada."""
_BEFORE_TENSOR_CORES = Band(20, 36, 60)
"""The same for NVIDIA's chips before compute capability 7.0: a P40 has 35."""
_UNIFIED_FLOP_PER_BYTE = Band(200, 340, 470)
"""The same for NVIDIA's chips on LPDDR, which has less bandwidth for the same cores (GB10, Thor, Orin)."""
_IN_CACHE = 0.45
_THROTTLED = ("thermal", "slowdown", "brake")


def unpublished(gpus: Sequence[Gpu]) -> str | None:
    """The name of the first GPU whose memory bandwidth is not in the table; None: all are there."""
    return next((full_name(gpu) for gpu in gpus if gpu.spec is None or not gpu.spec.bandwidth_gb_s), None)


def bandwidth(use: ModelUse, gpus: Sequence[Gpu], layers: Sequence[int] = ()) -> float:
    """Bytes per second at which all weights are read: by all GPUs at once with tensor parallelism, else one by one,
    each its share of the layers. ``layers``: of each GPU; () where all have the same.
    """
    each = [(gpu.spec.bandwidth_gb_s or 1.0) * GB for gpu in gpus if gpu.spec is not None]
    if shares_matrices(use, gpus):
        return min(each) * len(each) / stages(use)
    shares = layers if len(layers) == len(each) and any(layers) else (1,) * len(each)
    return sum(shares) / sum(own / one for own, one in zip(shares, each, strict=True))


def stages(use: ModelUse) -> int:
    """Stages of a pipeline, at least 1."""
    return max(use.workload.pipeline_parallel, 1)


def shares_matrices(use: ModelUse, gpus: Sequence[Gpu]) -> bool:
    """Whether several GPUs read each matrix at once: with tensor parallelism, and not where each is a stage alone."""
    return use.runtime.tensor_parallel and len(gpus) > stages(use)


def linked(gpus: Sequence[Gpu]) -> bool:
    """Whether GPUs of this kind have NVLink or their like; whether these are connected by it is not known."""
    return all(_own_link(gpu) is not None for gpu in gpus)


def _own_link(gpu: Gpu) -> float | None:
    """GB/s of both directions together; None where cards exchange over PCIe alone."""
    if gpu.spec is None:
        return None
    return gpu.spec.nvlink_gb_s or vendors.of(gpu).links_gb_s.get(gpu.spec.name)


def link(gpus: Sequence[Gpu]) -> Band:
    """Bytes per second between two of the GPUs: a third of the NVLink's published sum of both directions."""
    own = [each for each in map(_own_link, gpus) if each is not None]
    if len(own) < len(gpus):
        return _over_pcie(gpus)
    return Band(0.22e9 * min(own), 0.33e9 * min(own), 0.43e9 * min(own))


def _over_pcie(gpus: Sequence[Gpu]) -> Band:
    """Between cards without NVLink: part of the PCIe link where it is known, else PCIe 4.0, since Hopper 5.0."""
    slowest = min((pcie(gpu) for gpu in gpus), key=lambda each: each.expected)
    if slowest is not _PCIE:
        return Band(0.4 * slowest.low, 0.65 * slowest.expected, slowest.high)
    recent = all((capability_of(gpu) or (0, 0)) >= (9, 0) for gpu in gpus)
    return Band(15e9, 36e9, 55e9) if recent else LINK[False]


def network(gpus: Sequence[Gpu]) -> Band:
    """Bytes per second and GPU where machines exchange: what a machine receives it receives once, through the links of
    all its GPUs, and passes on inside."""
    inside = link(gpus)
    ends = zip((inside.low, inside.expected, inside.high), (NETWORK.low, NETWORK.expected, NETWORK.high), strict=True)
    return Band(*(min(one, MACHINE * other) for one, other in ends))


def pcie(gpu: Gpu) -> Band:
    """Bytes per second to this GPU, from the generation and width of its link where they are known."""
    own = gpu.pcie
    lanes = _LANE.get((own.max_generation or own.generation or 0) if own else 0)
    width = (own.max_width or own.width) if own else None
    if lanes is None or not width:
        return _PCIE
    peak = lanes * width
    return Band(0.6 * peak, 0.78 * peak, 0.9 * peak)


def between(gpus: Sequence[Gpu]) -> float:
    """Factor on the bytes that pass through memory between products: where the second-level cache is large beside the
    bandwidth (Ada, Blackwell with GDDR: 32 to 128 MB), most of them never leave it."""
    found = {capability_of(gpu) for gpu in gpus}
    return _IN_CACHE if found and all(each is not None and (each == (8, 9) or each[0] == 12) for each in found) else 1.0


def flops(use: ModelUse, gpus: Sequence[Gpu]) -> Band | None:
    """FLOP/s of the slowest GPU: dense, in 16 bits, or in fp8 if weights and runtime compute in it.

    None where a card has no published rate and nothing to derive it from."""
    lowest: Band | None = None
    before: Gpu | None = None
    for gpu in gpus:
        if before is not None and _alike(gpu, before):
            continue
        own, before = _flops(gpu, use), gpu
        if own is None:
            return None
        if lowest is None or own.expected < lowest.expected:
            lowest = own
    return lowest


def _alike(one: Gpu, other: Gpu) -> bool:
    """Whether two cards have the same rate for the same reasons: most machines have several of one kind."""
    return (
        one.spec is other.spec
        and one.power_limit_w == other.power_limit_w
        and one.throttle_reasons == other.throttle_reasons
    )


def _flops(gpu: Gpu, use: ModelUse) -> Band | None:
    spec = gpu.spec
    if spec is None:
        return None
    if use.workload.weights == "fp8" and spec.fp8_tflops and use.runtime.fp8_arithmetic:
        published = spec.fp8_tflops
    else:
        published = spec.bf16_tflops or spec.fp16_tflops or 0.0
    pace = _power(gpu)
    if published:
        rate = published * 1e12
        return Band(rate * pace.low, rate * pace.expected, rate * pace.high)
    derived = _FLOP_PER_BYTE.get(gpu.vendor)
    capability = capability_of(gpu)
    if capability is not None and capability < (7, 0):
        derived = _BEFORE_TENSOR_CORES
    elif capability is not None and gpu.unified:
        derived = _UNIFIED_FLOP_PER_BYTE
    if derived is None or not spec.bandwidth_gb_s:
        return None
    width = spec.bandwidth_gb_s * GB
    return Band(derived.low * width * pace.low, derived.expected * width * pace.expected, derived.high * width)


def _power(gpu: Gpu) -> Band:
    """Factor on the FLOP/s: power grows with the cube of the clock, so a limit costs its third root; a card that
    throttles runs at some 60 to 100 % of its clock."""
    limit, usual = gpu.power_limit_w, gpu.spec.tdp_w if gpu.spec is not None else None
    factor = min((limit / usual) ** (1 / 3), 1.0) if limit and usual else 1.0
    hot = any(word in reason for reason in gpu.throttle_reasons or () for word in _THROTTLED)
    return Band(0.6 * factor, 0.8 * factor, factor) if hot else Band(factor, factor, factor)
