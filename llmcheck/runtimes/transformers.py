"""transformers with accelerate, PEFT and bitsandbytes: eager PyTorch on any device that PyTorch supports."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import eager
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
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

_LAST_LOGITS_SINCE = (4, 45)
"""Before this version: the logits of every prompt token, and at the loss a 32-bit copy and a shifted gradient."""
_GROUPED_HEADS_SINCE = (4, 48)
"""Before this version: grouped keys and values repeated for each query head before the kernel."""

_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def _memory(gpu: GpuMemory) -> list[Term]:
    return eager.memory_with_all_logits(gpu) if gpu.version < _LAST_LOGITS_SINCE else eager.memory(gpu)


def _training(version: Version) -> Training:
    return Training(
        # logits in 16 bits, softmax and gradient in 32
        loss_bytes=16.0 if version < _LAST_LOGITS_SINCE else 12.0,
        repeats_grouped_heads=version < _GROUPED_HEADS_SINCE,
        adapters_in_fp32=True,
        quantised_base_in_fp32=True,
    )


def _launch(what: Launch) -> tuple[str, ...] | None:
    if what.workload.method != "inference":
        return None  # training is a script that the project writes
    if what.workload.kv_cache == "fp32" and what.workload.weights != "fp32":
        return None  # the cache has the type of the weights
    quantised = {"nf4": "bnb-4bit", "nf4-dq": "bnb-4bit", "int8": "bnb-8bit"}.get(what.workload.weights or "")
    dtype = _DTYPES.get(what.workload.weights or "", "auto")
    device = "auto" if what.gpus > 1 else "cuda:0"
    return (
        "transformers", "serve", what.model, "--dtype", dtype, "--device", device,
        *options(("--quantization", quantised)),
    )  # fmt: skip


RUNTIME = Runtime(
    id="transformers",
    version="5.23.0",
    source="the transformers 5.23.0 wheel; launch line checked with its own parser",
    as_of="2026-11-13",
    rank=40,
    families=TORCH_FAMILIES,
    cache_formats={**CACHE_16_BIT, "fp32": None},
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
