"""LitGPT: fine-tuning on Lightning Fabric."""

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

_QUANTISED = {"nf4": "bnb.nf4", "nf4-dq": "bnb.nf4-dq", "int8": "bnb.int8-training"}
_PRECISIONS = {"fp32": "32-true", "mixed": "bf16-mixed"}
_TARGETS: dict[str | None, tuple[tuple[str, bool], ...]] = {
    "attention": (("--lora_key", True), ("--lora_projection", True)),
    "all-linear": (("--lora_key", True), ("--lora_projection", True), ("--lora_mlp", True)),
    "mlp": (("--lora_query", False), ("--lora_value", False), ("--lora_mlp", True)),
}
"""What differs from LitGPT's default, which is queries and values."""


def _training(_version: Version) -> Training:
    return Training(loss_bytes=10.0, repeats_grouped_heads=True, keeps_fused_qkv=True, keeps_dropout_mask=True)


def _launch(what: Launch) -> tuple[str, ...] | None:
    work = what.workload
    command = {"full": "finetune_full", "lora": "finetune_lora", "qlora": "finetune_lora"}.get(work.method)
    if command is None:
        return None
    quantised = _QUANTISED.get(work.weights or ("nf4-dq" if work.method == "qlora" else ""))
    if quantised and (what.gpus > 1 or work.precision == "mixed"):
        return None  # LitGPT refuses both
    return (
        "litgpt", command, what.model, "--precision", _PRECISIONS.get(work.precision or "", "bf16-true"),
        *options(
            ("--quantize", quantised),
            ("--devices", above_one(what.gpus)),
            ("--train.micro_batch_size", work.batch),
            ("--train.max_seq_length", work.context),
            ("--lora_r", work.lora_rank),
            *_TARGETS.get(work.lora_targets, ()),
        ),
    )  # fmt: skip


RUNTIME = Runtime(
    id="litgpt",
    version="0.5.13",
    source="the litgpt 0.5.13 wheel: litgpt/finetune",
    as_of="2026-06-29",
    rank=95,
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
            model="Qwen/Qwen3-8B",
            workload=Workload(method="qlora", runtime="litgpt", context=2048, lora_rank=16),
        ),
        argv=(
            "litgpt", "finetune_lora", "Qwen/Qwen3-8B", "--precision", "bf16-true", "--quantize", "bnb.nf4-dq",
            "--train.micro_batch_size", "1", "--train.max_seq_length", "2048", "--lora_r", "16",
        ),
    ),
)  # fmt: skip
