"""Text Generation Inference: a server in a container, in maintenance mode since 2026."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import server
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
    TORCH_FAMILIES,
    TORCH_LADDER,
    Example,
    GpuMemory,
    Launch,
    Platform,
    Reservation,
    Runtime,
    above_one,
    options,
)
from llmcheck.schema.estimate import Term
from llmcheck.schema.workload import Workload

_IMAGE = "ghcr.io/huggingface/text-generation-inference:3.3.5"
_QUANTISED = {"awq": "awq", "gptq": "gptq", "fp8": "fp8", "nf4": "bitsandbytes-nf4", "int8": "bitsandbytes"}
"""Values of ``--quantize`` by the format's name up to its first hyphen."""
_CACHES = {**CACHE_16_BIT, "fp8": "fp8_e4m3fn", "fp8_e4m3": "fp8_e4m3fn", "fp8_e5m2": "fp8_e5m2"}


def _memory(gpu: GpuMemory) -> list[Term]:
    return server.chunk_terms(gpu, server.default_chunk(gpu))


def _launch(what: Launch) -> tuple[str, ...] | None:
    work = what.workload
    if what.stages > 1:
        return None  # it has no pipeline parallelism
    return (
        "docker", "run", "--gpus", "all", "--shm-size", "1g", "-p", "8080:80", _IMAGE, "--model-id", what.model,
        *options(
            ("--quantize", _QUANTISED.get((work.weights or "").partition("-")[0])),
            ("--num-shard", above_one(what.tensor)),
            ("--max-total-tokens", work.context),
            ("--max-batch-size", work.max_sequences),
            ("--kv-cache-dtype", _CACHES.get(work.kv_cache or "")),
            ("--cuda-memory-fraction", work.memory_fraction),
        ),
    )  # fmt: skip


RUNTIME = Runtime(
    id="tgi",
    version="3.3.7",
    source="text-generation-inference v3.3.7: launcher/src/main.rs, README",
    as_of="2026-01-08",
    rank=80,
    proposed="named",
    platforms=(Platform(vendor="nvidia"), Platform(vendor="amd"), Platform(vendor="habana")),
    systems=("linux",),
    families=TORCH_FAMILIES,
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=_CACHES,
    cache_ladder=("bf16", "fp8"),
    reservation=Reservation(fraction=0.95, of="total"),
    sequences_option="--max-batch-size",
    tensor_parallel=True,
    fp8_arithmetic=True,
    memory=_memory,
    pace=server.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-32B-AWQ",
            workload=Workload(method="inference", runtime="tgi", weights="awq", context=8192),
            gpus=2,
        ),
        argv=(
            "docker", "run", "--gpus", "all", "--shm-size", "1g", "-p", "8080:80", _IMAGE,
            "--model-id", "Qwen/Qwen3-32B-AWQ", "--quantize", "awq", "--num-shard", "2", "--max-total-tokens", "8192",
        ),
    ),
)  # fmt: skip
