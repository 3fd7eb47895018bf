"""torchtune: PyTorch's recipes for fine-tuning, no longer maintained since 2025."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import eager
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
    TORCH_FAMILIES,
    TORCH_LADDER,
    Example,
    Runtime,
    Training,
    Version,
)
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, more_than_one, options, variables
from llmcheck.runtimes.behaviour.torch_platforms import PLATFORMS
from llmcheck.schema.workload import Workload

_VERSION = "0.6.1"


_CHUNKED_SINCE, _FUSED_OUTPUT_SINCE = (0, 3), (0, 6)
"""Versions whose configurations have a chunked loss (September 2024), and one that computes the logits in it."""


def _training(version: Version) -> Training:
    # before the chunked loss: logits in 32 bits, a shifted copy, its transposed copy, softmax and gradient. With its 8
    # chunks: all logits in 16 bits, or those of a chunk, and of one chunk softmax and gradient in 32 bits
    return Training(
        loss_bytes=20.0 if version < _CHUNKED_SINCE else 12.0,
        compiled_loss_bytes=20.0 if version < _CHUNKED_SINCE else 12.0,
        chunked_loss_bytes=(2 if version >= _FUSED_OUTPUT_SINCE else 16) / 8 + (4 + 4) / 8,
        chunked_hidden_bytes=0.0,
        repeats_grouped_heads=True,
    )


_OPTIMIZERS = {
    "adamw": "torch.optim.AdamW", "adamw-fused": "torch.optim.AdamW", "sgd": "torch.optim.SGD",
    "adamw-8bit": "bitsandbytes.optim.AdamW8bit", "paged-adamw": "bitsandbytes.optim.PagedAdamW",
    "paged-adamw-8bit": "bitsandbytes.optim.PagedAdamW8bit",
}  # fmt: skip


def _launch(what: Launch) -> LaunchLine | None:
    """``model``: a configuration of its own, such as ``llama3_1/8B_lora_single_device``; its data are in there.

    The loss is chunked by every configuration. None for what no key of theirs says: ZeRO, FSDP's older wrapper, an
    optimizer alone in RAM, mixed precision, recomputing the attention alone."""
    work = what.workload
    kind = {"full": "full_finetune", "lora": "lora_finetune", "qlora": "lora_finetune"}.get(work.method)
    optimizer = _OPTIMIZERS.get(work.optimizer or "")
    many = what.gpus > 1
    if (
        kind is None
        or work.precision == "mixed"
        or (work.optimizer is not None and optimizer is None)
        or what.dataset is not None
    ):
        return None
    if work.sharding not in ((None, "fsdp") if many else (None, "none")) or isinstance(work.checkpointing, str):
        return None
    if work.context_parallel > 1 or work.layer_split or work.base_in_fp32 or (work.optimizer_in_backward and many):
        return None
    if work.offload == "optimizer" or (work.offload == "all" and not many):
        return None
    settings = variables(
        ("batch_size", max(work.batch, 1)),
        ("tokenizer.max_seq_len", work.context),
        ("dtype", {"bf16": "bf16", "fp32": "fp32"}.get(work.precision or "")),
        ("enable_activation_checkpointing", work.checkpointing),
        ("enable_activation_offloading", work.activation_offload),
        ("optimizer_in_bwd", work.optimizer_in_backward),
        ("model.lora_rank", None if work.method == "full" else work.lora_rank),
        ("optimizer._component_", optimizer),
        ("fsdp_cpu_offload", True if work.offload == "all" else None),
    )
    argv = (
        "tune", "run", *options(("--nproc_per_node", more_than_one(what.gpus))),
        f"{kind}_{'distributed' if many else 'single_device'}", "--config", what.model,
        *(f"{name}={value}" for name, value in settings.items()),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"torchtune {_VERSION}")


RUNTIME = Runtime(
    id="torchtune",
    version=_VERSION,
    source="the torchtune 0.6.1 wheel: recipes and their configurations",
    as_of="2025-04-30",
    upkeep="unmaintained",
    rank=90,
    proposed="named",
    platforms=PLATFORMS,
    distributions=("torchtune",),
    families=TORCH_FAMILIES,
    caches=(),
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=CACHE_16_BIT,
    memory=eager.memory,
    eager=eager.plain,
    training=_training,
    pace=eager.lean_pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="llama3_1/8B_lora",
            workload=Workload(method="lora", runtime="torchtune", context=2048, batch=2),
            gpus=2,
        ),
        line=LaunchLine(
            argv=(
                "tune", "run", "--nproc_per_node", "2", "lora_finetune_distributed", "--config", "llama3_1/8B_lora",
                "batch_size=2", "tokenizer.max_seq_len=2048",
            ),
            valid_for="torchtune 0.6.1",
        ),
    ),
)  # fmt: skip
