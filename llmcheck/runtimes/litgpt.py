"""LitGPT: fine-tuning on Lightning Fabric."""

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
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, more_than_one, options
from llmcheck.runtimes.behaviour.torch_platforms import PLATFORMS
from llmcheck.schema.workload import Workload

_VERSION = "0.5.13"
_QUANTISED = {"nf4": "bnb.nf4", "nf4-dq": "bnb.nf4-dq", "int8": "bnb.int8-training"}
_PRECISIONS = {"fp32": "32-true", "mixed": "bf16-mixed"}
_TARGETS: dict[str | None, tuple[tuple[str, bool], ...]] = {
    "attention": (("--lora_key", True), ("--lora_projection", True)),
    "all-linear": (("--lora_key", True), ("--lora_projection", True), ("--lora_mlp", True)),
    "mlp": (("--lora_query", False), ("--lora_value", False), ("--lora_mlp", True)),
}
"""What differs from LitGPT's default, which is queries and values."""


_OLD_BITSANDBYTES = (0, 4)
"""Versions up to this one required bitsandbytes 0.42 or older, which stored the input of every 4-bit matrix."""


def _training(version: Version) -> Training:
    return Training(
        loss_bytes=10.0,
        repeats_grouped_heads=True,
        keeps_fused_qkv=True,
        keeps_dropout_mask=True,
        autocast=True,
        keeps_quantised_inputs=version <= _OLD_BITSANDBYTES,
    )


_OPTIMIZERS = {"adamw": "AdamW", "sgd": "SGD"}
_COMMANDS = {"full": "finetune_full", "lora": "finetune_lora", "qlora": "finetune_lora"}


def _launch(what: Launch) -> LaunchLine | None:
    """It downloads the model and trains on Alpaca. None for what it has no option for: a way of sharding other than
    its own FSDP, offloading, whether activations are recomputed, and most optimizers."""
    work = what.workload
    command = _COMMANDS.get(work.method)
    optimizer = _OPTIMIZERS.get(work.optimizer or "")
    if command is None or (work.optimizer is not None and optimizer is None) or what.dataset is not None:
        return None
    if work.optimizer_in_backward or work.activation_offload or work.layer_split or work.context_parallel > 1:
        return None
    if work.offload not in (None, "none") or work.sharding not in (None, "none", "fsdp1"):
        return None
    quantised = _QUANTISED.get(work.weights or ("nf4-dq" if work.method == "qlora" else ""))
    if quantised and (what.gpus > 1 or work.precision == "mixed"):
        return None  # LitGPT refuses both
    argv = (
        "litgpt", command, what.model, "--precision", _PRECISIONS.get(work.precision or "", "bf16-true"),
        *options(
            ("--quantize", quantised),
            ("--devices", more_than_one(what.gpus)),
            ("--optimizer", optimizer),
            ("--train.micro_batch_size", work.batch),
            ("--train.max_seq_length", work.context),
            ("--lora_r", None if work.method == "full" else work.lora_rank),
            *(_TARGETS.get(work.lora_targets, ()) if work.method != "full" else ()),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"litgpt {_VERSION}")


RUNTIME = Runtime(
    id="litgpt",
    version=_VERSION,
    source="the litgpt 0.5.13 wheel: litgpt/finetune",
    as_of="2026-06-29",
    rank=95,
    proposed="named",
    platforms=PLATFORMS,
    distributions=("litgpt",),
    programs=("litgpt",),
    families=TORCH_FAMILIES,
    made_on_load=("bnb-4bit", "int8"),
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=CACHE_16_BIT,
    caches=(),
    memory=eager.memory,
    eager=eager.plain,
    training=_training,
    pace=eager.lean_pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-8B",
            workload=Workload(method="qlora", runtime="litgpt", context=2048, lora_rank=16),
        ),
        line=LaunchLine(
            argv=(
                "litgpt", "finetune_lora", "Qwen/Qwen3-8B", "--precision", "bf16-true", "--quantize", "bnb.nf4-dq",
                "--train.micro_batch_size", "1", "--train.max_seq_length", "2048", "--lora_r", "16",
            ),
            valid_for="litgpt 0.5.13",
        ),
    ),
)  # fmt: skip
