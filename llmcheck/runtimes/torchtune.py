"""torchtune: PyTorch's recipes for fine-tuning, no longer maintained since 2025."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import eager, server
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
    TORCH_FAMILIES,
    TORCH_LADDER,
    Example,
    Launch,
    Runtime,
    Training,
    Version,
    above_one,
    options,
)
from llmcheck.schema.workload import Workload


def _training(_version: Version) -> Training:
    return Training(loss_bytes=12.0, repeats_grouped_heads=True)


def _launch(what: Launch) -> tuple[str, ...] | None:
    """``what.model`` is one of torchtune's configurations: ``llama3_1/8B_lora_single_device``."""
    work = what.workload
    if work.method not in ("full", "lora", "qlora"):
        return None
    kind = "full_finetune" if work.method == "full" else "lora_finetune"
    many = what.gpus > 1
    settings = (
        # the configurations have 2
        ("batch_size", max(work.batch, 1)),
        ("tokenizer.max_seq_len", work.context),
        ("enable_activation_checkpointing", None if work.checkpointing is None else work.checkpointing is True),
    )
    return (
        "tune", "run", *options(("--nproc_per_node", above_one(what.gpus))),
        f"{kind}_{'distributed' if many else 'single_device'}", "--config", what.model,
        *(f"{name}={value}" for name, value in settings if value is not None),
    )  # fmt: skip


RUNTIME = Runtime(
    id="torchtune",
    version="0.6.1",
    source="the torchtune 0.6.1 wheel: recipes and their configurations",
    as_of="2025-04-30",
    rank=90,
    proposed="named",
    families=TORCH_FAMILIES,
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=CACHE_16_BIT,
    memory=eager.memory,
    training=_training,
    pace=server.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="llama3_1/8B_lora",
            workload=Workload(method="lora", runtime="torchtune", context=2048, batch=2),
            gpus=2,
        ),
        argv=(
            "tune", "run", "--nproc_per_node", "2", "lora_finetune_distributed", "--config", "llama3_1/8B_lora",
            "batch_size=2", "tokenizer.max_seq_len=2048",
        ),
    ),
)  # fmt: skip
