"""Bytes per trained weight of weights, gradients and optimizer states, and how many weights are trained."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.training_choices import DEFAULT_RANK, frozen_base, mixed_by, precision, sharding_of
from llmcheck.fit.shapes import matrices
from llmcheck.fit.shapes.matrices import Matrix
from llmcheck.fit.use import ModelUse

STATES = "ZeRO (arXiv 1910.02054): bytes per trained weight of parameters, gradients and optimizer states"


class States(Struct, frozen=True, kw_only=True):
    """Bytes per trained weight, as ZeRO counts them."""

    weight: float
    gradient: float
    optimizer: float
    optimizer_high: float
    """Upper end of ``optimizer``; a paged optimizer has 0 to all of its states on the GPU."""
    master: float
    """32-bit copy of 16-bit weights."""
    copy: float
    """16-bit copies of 32-bit weights that autocast makes in a step."""
    step: float
    """Temporary copies during the optimizer's step."""


def states_of_trained(use: ModelUse, ranks: int) -> States:
    """Of the weights that are trained. Adapters are 32-bit where the workload names no precision.

    ``ranks``: GPUs of data parallelism."""
    workload = use.workload
    if not frozen_base(workload):
        return states(use, precision(workload), ranks)
    return states(use, "fp32" if workload.precision is None else precision(workload), ranks)


def states(use: ModelUse, kind: str, ranks: int) -> States:
    """``kind``: the precision (``schema.workload.Precision``)."""
    workload = use.workload
    way = mixed_by(use, ranks) if kind == "mixed" else None
    wide = kind == "fp32" or way in ("shards", "autocast")
    size = 4.0 if wide else 2.0
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
    master = 4.0 if way == "master" and not name.endswith(("8bit", "4bit")) else 0.0
    gradient = 4.0 if workload.gradients == "fp32" else size
    if workload.optimizer_in_backward:
        step = 0.0
    elif way == "master":
        step = 4.0 if gradient == size else 0.0
    else:
        step = size if name == "adamw" else 0.0
    return States(
        weight=size, gradient=gradient, optimizer=optimizer, optimizer_high=high, master=master, step=step,
        copy=2.0 if way == "autocast" else 0.0,
    )  # fmt: skip


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


class Trained(Struct, frozen=True, kw_only=True):
    """What is trained of one GPU's part, before data parallelism shards it; counts are of weights."""

    edge: float
    """Embedding and output projection."""
    head: float
    """The output projection, or the embedding that is used as it."""
    layer: float
    """One layer, all experts included."""
    adapters: float
    trained: float
    """All weights that are trained: adapters, or the model."""
    states: States
    stage: int
    """See ``zero_stage``."""
    ranks: int
    """GPUs that the state is divided over."""
    offload: str

    def shards(self, stage: int) -> int:
        """Over how many GPUs data parallelism shards what this ZeRO stage adds."""
        return self.ranks if self.stage >= stage else 1


def trained_of(use: ModelUse, part: GpuPart) -> Trained:
    """What is trained of this GPU's part of the model."""
    counts, workload = use.architecture.parameters, use.workload
    frozen = frozen_base(workload)
    fraction = part.layers / part.tensor
    edge = ((counts.embedding if part.first else 0) + (counts.head if part.last else 0)) / part.tensor
    layers = (counts.total - counts.embedding - counts.head) * fraction
    adapters = adapter_weights(use) * fraction if frozen else 0.0
    tables = edge if workload.trained_embeddings else 0.0
    return Trained(
        edge=edge,
        head=(counts.head or counts.embedding) / part.tensor if part.last else 0.0,
        layer=layers / max(use.architecture.layers * part.layers, 1),
        adapters=adapters,
        trained=adapters + tables if frozen else layers + edge,
        states=states_of_trained(use, part.data * part.context),
        stage=zero_stage(use, part),
        ranks=ranks_of(use, part),
        offload=workload.offload or "none",
    )


def ranks_of(use: ModelUse, part: GpuPart) -> int:
    """GPUs that the state is divided over: those of data and context parallelism, or as many as the workload names."""
    every = part.data * part.context
    return min(use.workload.sharding_gpus or every, every)


def zero_stage(use: ModelUse, part: GpuPart) -> int:
    """What data parallelism shards: 0 nothing, 1 optimizer states, 2 gradients too, 3 weights too."""
    if ranks_of(use, part) <= 1:
        return 0
    return {
        "none": 0, "ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3, "fsdp": 3, "fsdp1": 3, "shard-grad-op": 3,
    }[sharding_of(use.workload)]  # fmt: skip
