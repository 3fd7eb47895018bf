"""transformers with accelerate, PEFT and bitsandbytes: PyTorch's operations one by one, on whatever PyTorch runs on."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import eager
from llmcheck.runtimes.behaviour.interface import (
    TORCH_FAMILIES,
    Example,
    GpuMemory,
    Launch,
    Runtime,
    Training,
    Version,
    options,
)
from llmcheck.schema.estimate import Term
from llmcheck.schema.workload import Workload

_ALL_LOGITS_UNTIL = (4, 45)
"""Before, the logits of every token of a prompt were kept, and at the loss their 32-bit copy and shifted gradient."""
_REPEATED_HEADS_UNTIL = (4, 48)
"""Since then the kernel reads grouped heads as they are."""


def _memory(gpu: GpuMemory) -> list[Term]:
    return eager.memory_with_all_logits(gpu) if gpu.version < _ALL_LOGITS_UNTIL else eager.memory(gpu)


def _training(version: Version) -> Training:
    return Training(
        # logits in 16 bits, softmax and gradient in 32
        loss_bytes=16.0 if version < _ALL_LOGITS_UNTIL else 12.0,
        repeats_grouped_heads=version < _REPEATED_HEADS_UNTIL,
        adapters_in_fp32=True,
        quantised_base_in_fp32=True,
    )


def _launch(what: Launch) -> tuple[str, ...] | None:
    if what.workload.method != "inference":
        return None  # a script of the project's own
    quantised = {"nf4": "bnb-4bit", "nf4-dq": "bnb-4bit", "int8": "bnb-8bit"}.get(what.workload.weights or "")
    device = "auto" if what.gpus > 1 else "cuda:0"
    return (
        "transformers", "serve", what.model, "--dtype", "auto", "--device", device,
        *options(("--quantization", quantised)),
    )  # fmt: skip


RUNTIME = Runtime(
    id="transformers",
    version="5.23.0",
    source="the transformers 5.23.0 wheel; launch line checked with its own parser",
    as_of="2026-11-13",
    rank=40,
    families=TORCH_FAMILIES,
    gguf_file="dequantises",
    ladder=("bf16", "int8", "nf4-dq"),
    four_bits="nf4-dq",
    offloads=True,
    dequantises_group=True,
    memory=_memory,
    training=_training,
    pace=eager.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-8B", workload=Workload(method="inference", runtime="transformers", weights="nf4")
        ),
        argv=(
            "transformers", "serve", "Qwen/Qwen3-8B", "--dtype", "auto", "--device", "cuda:0",
            "--quantization", "bnb-4bit",
        ),
    ),
)  # fmt: skip
