"""Defaults of a training run for what its workload leaves open."""

from __future__ import annotations

from typing import Literal

from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Training, version_of
from llmcheck.schema.workload import Precision, Sharding, Workload

DEFAULT_RANK = 16
"""Rank of LoRA where none is given."""
FULLY_SHARDED = ("fsdp", "fsdp1", "shard-grad-op")
"""FSDP, by its ways."""


def training_behaviour(use: ModelUse) -> Training:
    """How this version of the runtime uses memory; as plain PyTorch does where the runtime does not train."""
    runtime = use.runtime
    if runtime.training is None:
        return Training(loss_bytes=12.0, repeats_grouped_heads=False)
    return runtime.training(version_of(use.workload.runtime_version))


def frozen_base(workload: Workload) -> bool:
    """Only adapters are trained."""
    return workload.method in {"lora", "qlora"}


def precision(workload: Workload) -> Precision:
    """bf16 for a frozen model, mixed for full training."""
    if workload.precision is not None:
        return workload.precision
    return "bf16" if frozen_base(workload) else "mixed"


def sharding_of(workload: Workload) -> Sharding:
    """DDP for adapters, whose states are small; FSDP for full training."""
    return workload.sharding or ("ddp" if frozen_base(workload) else "fsdp")


def mixed_by(use: ModelUse, ranks: int) -> Literal["shards", "autocast", "master"]:
    """How mixed precision keeps the optimizer's 32-bit copy of the weights. ``ranks``: GPUs of data parallelism.

    ``shards``: FSDP's shards are 32-bit and gathered in 16 bits. ``autocast``: the weights are 32-bit. ``master``: a
    copy beside 16-bit weights (DeepSpeed, Megatron-LM).
    """
    sharding = sharding_of(use.workload) if ranks > 1 else use.workload.sharding or "none"
    if sharding in FULLY_SHARDED:
        return "shards"
    by_engine = use.workload.gradients is not None or use.workload.offload not in (None, "none")
    if sharding in ("none", "ddp") and training_behaviour(use).autocast and not by_engine:
        return "autocast"
    return "master"


def quantised_base_in_fp32(use: ModelUse) -> bool:
    """QLoRA: embeddings and norms of the frozen model are 32-bit. PEFT leaves models of GPTQ and AWQ as they are."""
    if use.workload.method != "qlora" or use.weight_format.family == "group":
        return False
    stated = use.workload.base_in_fp32
    return training_behaviour(use).quantised_base_in_fp32 if stated is None else stated


def element_size(workload: Workload) -> float:
    """Bytes of an activation that a matrix product makes."""
    return 4.0 if precision(workload) == "fp32" else 2.0


def stream_size(use: ModelUse, ranks: int) -> float:
    """Bytes of an element between the layers. ``ranks``: GPUs of data parallelism.

    32 bits where embeddings and norms are: autocast narrows only what goes into a matrix product."""
    if not frozen_base(use.workload):
        wide = precision(use.workload) == "mixed" and mixed_by(use, ranks) == "autocast"
    else:
        wide = quantised_base_in_fp32(use)
    return 4.0 if wide else element_size(use.workload)


def recomputed(workload: Workload) -> bool:
    """Gradient checkpointing: each layer stores its input only. The default, as in fine-tuning guides."""
    return workload.checkpointing is None or workload.checkpointing is True


def has_sharding_engine(workload: Workload) -> bool:
    """DeepSpeed or FSDP was requested: they have their buffers and NCCL's even on one GPU."""
    return workload.sharding not in (None, "none", "ddp")
