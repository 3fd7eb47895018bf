"""Terms of one GPU in training: weights, gradients, optimizer states, stored activations, and the peak of a step."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.fit.memory.activations import ACTIVATIONS, activation_bytes_per_token, loss_bytes
from llmcheck.fit.memory.inference import context_term, weight_terms
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.training_choices import (
    DEFAULT_RANK,
    frozen_base,
    has_sharding_engine,
    precision,
    recomputed,
    sharding_of,
    training_behaviour,
)
from llmcheck.fit.shapes import formats, matrices
from llmcheck.fit.shapes.matrices import Matrix
from llmcheck.fit.shapes.weights import StoredWeights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Term, term
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB, MIB

STATES = "ZeRO (arXiv 1910.02054): bytes per trained weight of parameters, gradients and optimizer states"
_GATHER = "FSDP gathers two layers and the embedding at a time; DeepSpeed has buckets of 5e8 elements by default"
_CACHED_BLOCKS = "freed blocks that PyTorch's allocator keeps: 1 % (Megatron) to 24 % (FSDP, QLoRA) of published peaks"
_STEP = "torch's foreach AdamW copies the weights; with a 32-bit master copy the gradients are converted to 32 bits"
_NCCL = "NCCL: 0.4 GiB (vLLM's log) to 1.5 GiB (torch.distributed after its first barrier)"


class States(Struct, frozen=True, kw_only=True):
    """Bytes per trained weight, as ZeRO counts them."""

    weight: float
    gradient: float
    optimizer: float
    optimizer_high: float
    """Upper end of ``optimizer``; a paged optimizer has 0 to all of its states on the GPU."""
    master: float
    """32-bit copy of 16-bit weights."""
    step: float
    """Temporary copies during the optimizer's step."""


def states(workload: Workload, kind: str) -> States:
    """``kind``: the precision (``schema.workload.Precision``)."""
    size = 4.0 if kind == "fp32" else 2.0
    moment = 2.0 if kind == "bf16" else 4.0
    name = workload.optimizer or "adamw"
    optimizer, high = {
        "adamw": (2 * moment, 2 * moment),
        "adamw-fused": (2 * moment, 2 * moment),
        # per value 1 byte, and 4 bytes for each block of 256; half a byte, and 4 bytes for each block of 128
        "adamw-8bit": (2 * (1 + 4 / 256), 2 * (1 + 4 / 256)),
        "adamw-4bit": (2 * (0.5 + 4 / 128), 2 * (0.5 + 4 / 128)),
        # in CUDA unified memory, which the driver moves to RAM when the GPU is full
        "paged-adamw": (0.0, 2 * moment),
        "paged-adamw-8bit": (0.0, 2 * (1 + 4 / 256)),
        "adafactor": (0.02, 0.1),
        "sgd": (0.0, moment),
        "lion": (moment, moment),
    }[name]
    master = 4.0 if kind == "mixed" and not name.endswith(("8bit", "4bit")) else 0.0
    gradient = 4.0 if workload.gradients == "fp32" else size
    step = size if name == "adamw" else 0.0  # see _STEP
    if kind == "mixed":
        step = 4.0 if gradient == size else 0.0
    return States(weight=size, gradient=gradient, optimizer=optimizer, optimizer_high=high, master=master, step=step)


def targeted(matrix: Matrix, targets: str) -> bool:
    """Whether a matrix gets an adapter. ``targets``: ``Workload.lora_targets``."""
    if targets == "qv":
        return matrix.role in {"q", "v", "qkv", "mla"}
    if targets == "attention":
        return matrix.role in {"q", "k", "v", "o", "qkv", "mla"}
    if targets == "mlp":
        return matrix.role in {"gate", "up", "down"}
    return matrix.role != "router"


def adapter_weights(use: ModelUse) -> int:
    """Number of weights of all adapters. LoRA: rank x (inputs + outputs) of each target (arXiv 2106.09685)."""
    architecture, workload = use.architecture, use.workload
    hidden = architecture.hidden
    if workload.adapter == "prefix":
        return architecture.layers * (10 * hidden + 1)
    targets = workload.lora_targets or "all-linear"
    rank = workload.lora_rank if workload.lora_rank is not None else DEFAULT_RANK
    total = 0
    for matrix in matrices.matrices(architecture):
        if not targeted(matrix, targets):
            continue
        copies = max(matrix.experts, 1)
        outputs = matrix.elements // max(matrix.columns, 1) // copies
        if workload.adapter == "scale":
            total += matrix.layers * copies * 2 * outputs
            continue
        total += matrix.layers * copies * rank * (matrix.columns + outputs)
        if workload.adapter == "dora":
            total += matrix.layers * copies * outputs
    return total


def ram_terms(use: ModelUse) -> list[Term]:
    """Terms in RAM for all GPUs: with ``Workload.offload`` gradients and optimizer states, with ``all`` weights too."""
    workload = use.workload
    if workload.offload in (None, "none"):
        return []
    frozen = frozen_base(workload)
    own = _states_of_trained(workload)
    trained = adapter_weights(use) if frozen else use.architecture.parameters.total
    found = [
        term("gradients", "gradients, in RAM", trained * own.gradient, STATES),
        term("optimizer", "optimizer states, in RAM", trained * (own.optimizer_high + own.master), STATES),
    ]
    if workload.offload == "all":
        size = use.stored.total + (trained * own.weight if frozen else 0)
        found.append(term("weights", "weights, in RAM", size, use.weight_format.source))
    return found


def zero_stage(workload: Workload, part: GpuPart) -> int:
    """What data parallelism shards: 0 nothing, 1 optimizer states, 2 gradients too, 3 weights too."""
    if part.data <= 1:
        return 0
    return {"none": 0, "ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3, "fsdp": 3, "fsdp1": 3}[sharding_of(workload)]


class _Trained(Struct, frozen=True, kw_only=True):
    """What is trained of one GPU's part, before data parallelism shards it; counts are of weights."""

    edge: float
    """Embedding and output projection."""
    adapters: float
    trained: float
    """All weights that are trained: adapters, or the model."""
    states: States
    stage: int
    """See ``zero_stage``."""
    data: int
    """GPUs of data parallelism."""
    offload: str

    def shards(self, stage: int) -> int:
        """Over how many GPUs data parallelism shards what this ZeRO stage adds."""
        return self.data if self.stage >= stage else 1


def _states_of_trained(workload: Workload) -> States:
    """Of the weights that are trained. Adapters are 32-bit where the workload names no precision."""
    frozen = frozen_base(workload)
    return states(workload, "fp32" if frozen and workload.precision is None else precision(workload))


def _trained(use: ModelUse, part: GpuPart) -> _Trained:
    counts, workload = use.architecture.parameters, use.workload
    frozen = frozen_base(workload)
    fraction = part.layers / part.tensor
    edge = ((counts.embedding if part.first else 0) + (counts.head if part.last else 0)) / part.tensor
    local = (counts.total - counts.embedding - counts.head) * fraction + edge
    adapters = adapter_weights(use) * fraction if frozen else 0.0
    tables = edge if workload.trained_embeddings else 0.0
    return _Trained(
        edge=edge,
        adapters=adapters,
        trained=adapters + tables if frozen else local,
        states=_states_of_trained(workload),
        stage=zero_stage(workload, part),
        data=part.data,
        offload=workload.offload or "none",
    )


def terms(use: ModelUse, part: GpuPart, stored: StoredWeights) -> list[Term]:
    """All terms of the GPU that has this part of the model. ``stored``: bytes of all weights."""
    trained = _trained(use, part)
    on_gpu = 0.0 if trained.offload == "all" else 1.0 / trained.shards(3)
    found = _weights(use, part, stored, trained, on_gpu)
    full = sum(t.expected for t in found) / on_gpu if on_gpu else stored.total * part.layers / part.tensor
    gradients, optimizer, states_terms = _states(trained)
    peak, peak_terms = _peak(use, part, trained, gradients)
    gathered = _gathered(use, part, full)
    found += [*states_terms, *peak_terms]
    if gathered:
        name = "gathered weights and buckets"
        found.append(term("overhead", name, gathered, _GATHER, low=gathered * 0.85, high=gathered * 1.2))
    return found + _overheads(use, part, stored, peak + optimizer)


def _overheads(use: ModelUse, part: GpuPart, stored: StoredWeights, moving: float) -> list[Term]:
    """``moving``: bytes that are allocated and freed in each step."""
    found = []
    if use.weight_format.family in {"bnb-4bit", "int8", "group"}:
        one_matrix = 2 * stored.largest / part.tensor
        source = "one matrix at a time is converted to 16 bits"
        found.append(term("overhead", "dequantisation buffer", one_matrix, source, low=0, high=2 * one_matrix))
    source = "cuBLAS: 8 to 32 MiB per stream and its copies"
    found.append(term("overhead", "workspace", 40 * MIB, source, low=0, high=160 * MIB))
    name = "allocator cache and fragmentation"
    found.append(term("overhead", name, 0.04 * moving, _CACHED_BLOCKS, low=0, high=0.12 * moving, part="allocator"))
    found.append(context_term())
    if part.gpus > 1 or has_sharding_engine(use.workload):
        name = "communication buffers"
        found.append(term("overhead", name, 0.8 * GIB, _NCCL, low=0.3 * GIB, high=1.6 * GIB, part="communication"))
    return found


def _weights(use: ModelUse, part: GpuPart, stored: StoredWeights, trained: _Trained, on_gpu: float) -> list[Term]:
    """``on_gpu``: the fraction of this GPU's part that stays on it."""
    found = weight_terms(use, stored, part, on_gpu)
    if use.workload.method == "qlora" and training_behaviour(use).quantised_base_in_fp32:
        more = on_gpu * 2 * (trained.edge + use.architecture.parameters.other * part.layers / part.tensor)
        source = "PEFT's prepare_model_for_kbit_training"
        found.append(term("weights", "embeddings and norms in 32 bits", more, source, low=0))
    if trained.adapters:
        source = f"rank x (inputs + outputs), {trained.states.weight:.0f} bytes each"
        found.append(term("weights", "adapters", on_gpu * trained.adapters * trained.states.weight, source))
    return found


def _states(trained: _Trained) -> tuple[float, float, list[Term]]:
    """Bytes of gradients and of optimizer states on this GPU, and their terms."""
    own = trained.states
    here = trained.trained if trained.offload == "none" else 0.0
    gradients = here * own.gradient / trained.shards(2)
    optimizer = here * (own.optimizer + own.master) / trained.shards(1)
    highest = here * (own.optimizer_high + own.master) / trained.shards(1)
    # Megatron's log and torchao's table are 0 to 5 % above the arithmetic: alignment and temporary tensors
    return (
        gradients,
        optimizer,
        [
            term("gradients", "gradients", gradients, STATES, low=0.98 * gradients, high=1.06 * gradients),
            term("optimizer", "optimizer states", optimizer, STATES, low=0.98 * optimizer, high=1.06 * highest),
        ],
    )


def _peak(use: ModelUse, part: GpuPart, trained: _Trained, gradients: float) -> tuple[float, list[Term]]:
    """Peak bytes of gradients and activations in a step, and the terms of the peak without the gradients."""
    architecture, sequence, recompute = use.architecture, use.context, recomputed(use.workload)
    tokens = sequence * use.batch
    layers = architecture.layers * part.layers * part.in_flight
    per_layer = 2.0 * architecture.hidden if recompute else activation_bytes_per_token(use, part, sequence)
    kept = tokens * per_layer * layers
    one = tokens * activation_bytes_per_token(use, part, sequence, recomputing=True)
    at_loss = loss_bytes(use) * tokens * architecture.vocab / part.tensor if part.last else 0.0
    # with several micro-batches in flight, gradients are accumulated while activations are stored
    accumulated = gradients if part.in_flight > 1 else 0.0
    backward = accumulated + kept + one if recompute else 0.0
    peak = max(accumulated + kept + at_loss, backward, gradients + one, gradients)
    activations = peak - gradients
    name = "activations and logits, without gradients"
    found = [term("activations", name, activations, ACTIVATIONS, low=activations * 0.8, high=activations * 1.15)]
    copied = trained.trained * trained.states.step / trained.shards(1) if trained.offload == "none" else 0.0
    copies = gradients + copied - peak
    if copies > 0:
        found.append(term("overhead", "copies at the optimizer's step", copies, _STEP, low=0, high=copies * 1.1))
    return peak, found


def _gathered(use: ModelUse, part: GpuPart, full: float) -> float:
    """Bytes of weights gathered from other GPUs or from RAM for a moment, and of communication buckets.

    ``full``: bytes of this GPU's part of the weights before data parallelism shards them.
    """
    workload, architecture = use.workload, use.architecture
    offload, frozen = workload.offload or "none", frozen_base(workload)
    name = sharding_of(workload) if part.data > 1 or has_sharding_engine(workload) else "none"
    size = formats.weights("bf16").bits / 8
    count = architecture.parameters.total * part.layers / part.tensor
    blocks = 2.0 / max(architecture.layers * part.layers, 1)
    if name == "fsdp1" and frozen and part.data > 1:
        return full * (1 + blocks)
    if name in {"zero3", "fsdp", "fsdp1"} or offload == "all":
        edge = max(architecture.parameters.embedding, architecture.parameters.head) * size / part.tensor
        gathered = count * size if name == "zero3" else full
        return min(gathered, blocks * gathered + edge)
    if name == "ddp":
        return 0.0 if frozen else count * size
    return min(count, 1e9) * size if name in {"zero1", "zero2"} or offload == "optimizer" else 0.0
