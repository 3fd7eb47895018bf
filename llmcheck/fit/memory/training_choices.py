"""What a training run does where its workload does not say."""

from __future__ import annotations

from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Training, version_of
from llmcheck.schema.workload import Precision, Sharding, Workload

DEFAULT_RANK = 16


def habits(use: ModelUse) -> Training:
    """Of the runtime's version; those of plain PyTorch where the runtime does not train."""
    runtime = use.runtime
    if runtime.training is None:
        return Training(loss_bytes=12.0, repeats_grouped_heads=False)
    return runtime.training(version_of(use.workload.runtime_version))


def frozen_base(workload: Workload) -> bool:
    return workload.method in {"lora", "qlora"}


def precision(workload: Workload) -> Precision:
    if workload.precision is not None:
        return workload.precision
    return "bf16" if frozen_base(workload) else "mixed"


def sharding_of(workload: Workload) -> Sharding:
    """Adapters are small, so each GPU keeps its own; a whole model's states are cut."""
    return workload.sharding or ("ddp" if frozen_base(workload) else "fsdp")


def recomputed(workload: Workload) -> bool:
    """Each block keeps its input only: what fine-tuning guides do where nothing is said."""
    return workload.checkpointing is None or workload.checkpointing is True


def has_engine(workload: Workload) -> bool:
    """DeepSpeed and FSDP, asked for by name, have their buffers and NCCL's on one GPU as well."""
    return workload.sharding not in (None, "none", "ddp")
