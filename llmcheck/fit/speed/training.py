"""Training: FLOP of forward and backward over the rate that a trainer reaches, and what cannot hide behind it."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.fit.memory.activations import loss_bytes_per_token
from llmcheck.fit.memory.states import targeted
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.training_choices import (
    FULLY_SHARDED,
    element_size,
    frozen_base,
    precision,
    recomputed,
    sharding_of,
    stream_size,
)
from llmcheck.fit.shapes import matrices
from llmcheck.fit.speed import cards, work
from llmcheck.fit.speed.times import overlapped, slower, spent, time
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Pace
from llmcheck.runtimes.behaviour.pace import TrainingPace
from llmcheck.schema.estimate import Band, Time
from llmcheck.schema.machine import Gpu

_RECOMPUTING = Band(1.0, 0.55, 0.25)
"""Fraction of the forward products that recomputing costs: pairs of published runs with and without it differ by 11 and
27 % of a step where the arithmetic says 33 % (DeepSpeed on 8 A800), and by less where the batch could grow
(llm-foundry)."""
_FAST_GPU = 500e12
_FAST = 0.85
"""Factor on the share of H100 and faster: their products wait more for memory and power (llm-foundry's tables)."""
_WIDE = 1.6
"""Factor on the bytes between products where the stream between the layers is in 32 bits: pairs of runs with 16-bit and
32-bit norms on an H100 (``benchmarks/results/h100-80gb-sxm``)."""
_SCORE_BYTES = Band(90, 65, 45)
"""Bytes that eager attention reads and writes for each score, forward and backward: products, softmax in 32 bits, casts
(counted: 50; the same measurements: 65)."""
_LOSS_PASSES = Band(4.0, 3.0, 2.0)
"""How often each byte at the loss is read or written: the logits are made, widened, normalised, and their gradient made
and narrowed."""
_FP8 = 1.5
"""How much faster products in fp8 are, casts and scales included: llm-foundry's pairs of bf16 and fp8 on H100."""
_FAST_HOST = 0.6
"""Factor on what the CPU needs to queue a layer beside such a card: hosts of H100 are newer by two generations."""
_AGAIN: dict[bool | str | None, float] = {None: 1.0, True: 1.0, "selective-layer": 0.5, "selective-op": 0.4}
"""Fraction of the forward pass that is computed twice, by what is recomputed; "selective" is attention alone."""
_ATTENTION_AGAIN: dict[bool | str | None, float] = {None: 1.0, True: 1.0, "selective": 1.0, "selective-layer": 0.5}
_GATED = 1.25
"""Factor on the bytes between products: a gated feed-forward layer has three wide tensors where another has one."""
_ATTENTION = Band(0.24, 0.32, 0.5)
"""Fraction of the FLOP/s that flash attention reaches in a causal sequence: llm-foundry's tables to 65,536 tokens."""
_FAST_ATTENTION = 0.62
"""Factor on that for H100 and faster (the same tables)."""
_BACKWARD = 2.5
"""Products of flash attention's backward pass for each of its forward pass (Dao, arXiv 2307.08691)."""
_CPU_STEP = Band(10e9, 30e9, 110e9)
"""Bytes per second at which the optimizer steps in RAM, with 28 bytes per weight: 12 GB/s (DeepSpeed, a machine with 8
A800) to 100 (torchtune's 70B)."""
_STATE_BYTES = {"adamw": 42.0, "adamw-fused": 22.0, "adamw-8bit": 12.0, "adamw-4bit": 12.0, "paged-adamw": 28.0,
                "paged-adamw-8bit": 14.0, "adafactor": 24.0, "sgd": 8.0, "lion": 16.0}  # fmt: skip
"""Bytes per trained weight that a step reads and writes; torch's own AdamW makes several passes."""
_OTHER = TrainingPace(
    share=Band(0.4, 0.7, 0.88), activation_bytes=Band(1200, 700, 400), adapter_bytes=Band(70, 37, 10),
    launch=Band(4.4e-3, 3e-3, 1e-3),
)  # fmt: skip
"""Of a runtime that says nothing about training."""
_EXPOSED = {True: Band(0.35, 0.1, 0.0), False: Band(0.8, 0.5, 0.2)}
"""Fraction of an exchange that computing does not hide: FSDP gathers the next block meanwhile (True), DeepSpeed's ZeRO
and DDP exchange buckets of gradients at the end of each layer."""


def micro_batch(
    use: ModelUse, gpus: Sequence[Gpu], pace: Pace, rate: Band, accumulation: int, fp8_products: bool = False
) -> list[Time]:
    """The times of one micro-batch on every GPU. ``rate``: FLOP/s of one; ``accumulation``: micro-batches in a step."""
    trainer = pace.training or _OTHER
    architecture, workload = use.architecture, use.workload
    tokens = use.batch * use.context / max(workload.context_parallel, 1)
    within = 1 if workload.layer_split else max(workload.tensor_parallel, 1) * max(workload.pipeline_parallel, 1)
    fast = _FAST if rate.expected > _FAST_GPU else 1.0
    adapters, again = frozen_base(workload), _AGAIN.get(workload.checkpointing, 0.0)
    passes = 2.0 if adapters else 3.0
    products = 2.0 * work.multiplied_weights(architecture) * tokens / within
    if fp8_products:
        products /= _FP8
    scores = work.attention(architecture, use.context) * tokens / within
    found = [time("train", "compute", passes * products, slower(trainer.share, fast * rate.expected))]
    attending = scores * (1 + _BACKWARD + _ATTENTION_AGAIN.get(workload.checkpointing, 0.0))
    attention = _FAST_ATTENTION if rate.expected > _FAST_GPU else 1.0
    found.append(time("train", "attention", attending, slower(_ATTENTION, attention * rate.expected)))
    found += _between(trainer, use, gpus, tokens / within, again)
    if again:
        found.append(spent("train", "recompute", again * found[0].expected / passes, _RECOMPUTING))
    found += _dequantise(use, trainer, gpus, within, 3 if again == 1 else 2)
    layers = architecture.layers / max(workload.pipeline_parallel, 1) * (1 + again / 3)
    queued = _FAST_HOST if rate.expected > _FAST_GPU else 1.0
    found = overlapped(found, [spent("train", "launch", queued * layers, trainer.launch)])
    found += _optimizer(use, gpus, pace, within, accumulation)
    return [*found, *_communication(use, gpus, found, tokens, within, accumulation)]


def _between(trainer: TrainingPace, use: ModelUse, gpus: Sequence[Gpu], tokens: float, again: float) -> list[Time]:
    """Tensors that pass through memory between the products, a third more where the forward pass is repeated: of each
    layer, of its adapters, of the scores that eager attention stores, and at the loss."""
    architecture, workload = use.architecture, use.workload
    width = cards.between(gpus) / _narrowest(gpus)
    repeated = width * tokens * architecture.layers * (1 + again / 3)
    gated = _GATED if architecture.gated else 1.0
    wide = _WIDE if stream_size(use, _ranks(use, gpus, 1)) > element_size(workload) else 1.0
    found = [spent("train", "memory", repeated * architecture.hidden * gated * wide, trainer.activation_bytes)]
    if frozen_base(workload):
        found.append(spent("train", "adapters", repeated * _adapter_width(use), trainer.adapter_bytes))
    if workload.flash_attention is False:
        heads = max((group.heads for group in architecture.attention), default=1)
        found.append(spent("train", "attention", repeated * heads * use.context, _SCORE_BYTES))
    loss = width * tokens * loss_bytes_per_token(use, GpuPart())
    return [*found, spent("train", "loss", loss, _LOSS_PASSES)]


def _adapter_width(use: ModelUse) -> float:
    """Elements of a token that the adapters of one layer read and write: the inputs and outputs of their matrices."""
    architecture, targets = use.architecture, use.workload.lora_targets or "all-linear"
    total = 0.0
    for matrix in matrices.matrices(architecture):
        if targeted(matrix, targets):
            copies = max(matrix.experts, 1)
            used = architecture.experts_active if matrix.experts else 1
            total += matrix.layers * used * (matrix.columns + matrix.elements / max(matrix.columns, 1) / copies)
    return total / max(architecture.layers, 1)


def replicas(use: ModelUse, gpus: Sequence[Gpu]) -> float:
    """How many micro-batches are processed at the same time."""
    workload = use.workload
    if workload.layer_split:
        return 1.0
    within = max(workload.tensor_parallel, 1) * max(workload.pipeline_parallel, 1) * max(workload.context_parallel, 1)
    return max(len(gpus) / within, 1.0)


def _dequantise(use: ModelUse, trainer: TrainingPace, gpus: Sequence[Gpu], within: int, passes: int) -> list[Time]:
    """Weights of the frozen model, converted to 16 bits once in each pass of each micro-batch."""
    form = use.weight_format
    known = [each for start, each in trainer.dequantising.items() if form.name.startswith(start)]
    if not known:
        return []
    size = cards.between(gpus) * passes * work.block_weights(use.architecture) * (form.bits / 8 + 4) / within
    return [time("train", "dequantise", size, slower(known[0], _narrowest(gpus)))]


def _narrowest(gpus: Sequence[Gpu]) -> float:
    return min((gpu.spec.bandwidth_gb_s or 1.0) * 1e9 for gpu in gpus if gpu.spec is not None)


def _trained(use: ModelUse) -> float:
    """Trained weights; of adapters their small number is left out."""
    return 0.0 if frozen_base(use.workload) else float(use.architecture.parameters.total)


def _ranks(use: ModelUse, gpus: Sequence[Gpu], within: int) -> int:
    """GPUs of data parallelism."""
    return 1 if use.workload.layer_split else max(len(gpus) // within, 1)


def _optimizer(use: ModelUse, gpus: Sequence[Gpu], pace: Pace, within: int, accumulation: int) -> list[Time]:
    """The step, once for all micro-batches: on the GPUs, or in RAM over PCIe, or both."""
    workload, trained = use.workload, _trained(use)
    ranks = _ranks(use, gpus, within)
    own = trained / within / (1 if sharding_of(workload) in ("none", "ddp") else ranks)
    if workload.offload in (None, "none"):
        size = own * _STATE_BYTES.get(workload.optimizer or "adamw", 28.0) / accumulation
        return [time("train", "optimizer", size, slower(pace.bandwidth_share, _narrowest(gpus)))] if size else []
    found = []
    if own:
        each = 14.0 if precision(workload) == "bf16" else 28.0
        size = each * own * min(len(gpus), cards.MACHINE) / accumulation
        found.append(time("train", "optimizer", size, _CPU_STEP))
    moved = 4.0 * own / accumulation
    if workload.offload == "all":
        gathered = 3 if recomputed(workload) else 2
        moved += gathered * use.stored.total / within / (ranks if own < trained / within else 1)
    return [*found, time("train", "transfer", moved, cards.pcie(gpus[0]))]


def _communication(
    use: ModelUse, gpus: Sequence[Gpu], found: list[Time], tokens: float, within: int, accumulation: int
) -> list[Time]:
    workload, architecture = use.workload, use.architecture
    ranks = _ranks(use, gpus, within)
    times = []
    if workload.tensor_parallel > 1:  # four sums of the hidden states in each layer, which the next product waits for
        sums = 4 if not recomputed(workload) else 6
        size = sums * architecture.layers / max(workload.pipeline_parallel, 1) * tokens * architecture.hidden * 2
        size *= 2 * (workload.tensor_parallel - 1) / workload.tensor_parallel
        times.append(time("train", "communicate", size, cards.link(gpus)))
    if workload.pipeline_parallel > 1:  # stages wait for the first and for the last micro-batch of a step
        busy = sum(each.expected for each in found if not each.hidden)
        idle = (workload.pipeline_parallel - 1) / max(accumulation, 4 * workload.pipeline_parallel)
        times.append(spent("train", "communicate", busy * idle, Band(2.0, 1.0, 0.3)))
    size = _exchanged(use, ranks, within, accumulation)
    if ranks > 1 and size:
        speed = cards.link(gpus) if len(gpus) <= cards.MACHINE else cards.network(gpus)
        seconds = size / speed.expected
        computing = sum(each.expected for each in found if not each.hidden and each.cause != "optimizer")
        # what fits behind the products slows them a little, for both want memory; the rest is waited for
        behind = min(seconds, computing)
        exposed = _EXPOSED[sharding_of(workload) in FULLY_SHARDED]
        times.append(spent("train", "communicate", behind, exposed))
        if seconds > behind:
            times.append(time("train", "communicate", (seconds - behind) * speed.expected, speed))
    return times


def _exchanged(use: ModelUse, ranks: int, within: int, accumulation: int) -> float:
    """Bytes that each GPU exchanges with the others in a micro-batch."""
    sharding, trained = sharding_of(use.workload), _trained(use) / within
    part = (ranks - 1) / ranks
    if sharding in (*FULLY_SHARDED, "zero3"):
        gathers = 1 if sharding == "shard-grad-op" else 2
        weights = use.stored.total / within
        return part * (gathers * weights + 2.0 * trained)
    return part * 4.0 * trained / accumulation
