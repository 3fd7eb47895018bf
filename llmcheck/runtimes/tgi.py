"""Text Generation Inference: a server in a container, in maintenance mode since 2026."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import server
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
    TORCH_FAMILIES,
    TORCH_LADDER,
    Example,
    GpuMemory,
    Platform,
    Reservation,
    Runtime,
)
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, more_than_one, options, serves
from llmcheck.schema.estimate import Term
from llmcheck.schema.workload import Workload

_VERSION = "3.3.7"
_IMAGE = "ghcr.io/huggingface/text-generation-inference:3.3.5"
_QUANTISED = {"awq": "awq", "gptq": "gptq", "fp8": "fp8", "nf4": "bitsandbytes-nf4", "int8": "bitsandbytes"}
"""Values of ``--quantize`` by the format's name up to its first hyphen."""
_CACHES = {**CACHE_16_BIT, "fp8": "fp8_e4m3fn", "fp8_e4m3": "fp8_e4m3fn", "fp8_e5m2": "fp8_e5m2"}


def _memory(gpu: GpuMemory) -> list[Term]:
    return server.chunk_terms(gpu, server.default_chunk(gpu))


def _launch(what: Launch) -> LaunchLine | None:
    """The container's own launcher takes what follows the image. Its models are kept in a named volume.

    None for what it has no option for: weights in RAM, pipelines, a cache in a format that it has not."""
    if what.offloaded_bytes or what.expert_layers_in_ram or what.pipeline_parallel > 1:
        return None
    work = what.workload
    if not serves(what, _CACHES):
        return None
    model = "/model" if what.is_path else what.model
    path = what.model if what.model.startswith(("/", "./")) else f"./{what.model}"
    argv = (
        "docker", "run", "--gpus", "all", "--shm-size", "1g", "-p", "8080:80",
        "-v", f"{path}:/model" if what.is_path else "tgi-models:/data", _IMAGE, "--model-id", model,
        *options(
            ("--quantize", _QUANTISED.get((work.weights or "").partition("-")[0])),
            ("--num-shard", more_than_one(what.tensor_parallel)),
            ("--max-total-tokens", work.context),
            ("--max-batch-size", work.max_sequences),
            ("--kv-cache-dtype", _CACHES.get(work.kv_cache or "")),
            ("--cuda-memory-fraction", work.memory_fraction),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"text-generation-inference {_VERSION}")


RUNTIME = Runtime(
    id="tgi",
    version=_VERSION,
    source="text-generation-inference v3.3.7: launcher/src/main.rs, README",
    as_of="2026-01-08",
    upkeep="maintenance",
    rank=80,
    proposed="named",
    platforms=(
        Platform(vendor="nvidia"),
        # MI210, MI250, MI300
        Platform(vendor="amd", gfx=("gfx90a", "gfx942"), build="its image has the tag -rocm"),
        Platform(vendor="habana", build="it has an image for Gaudi"),
    ),
    systems=("linux",),
    in_container=True,
    library="tgi",
    programs=("text-generation-launcher",),
    families=TORCH_FAMILIES,
    made_on_load=("fp8", "bnb-4bit", "int8"),
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=_CACHES,
    caches=(),
    sees_shell=False,
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
        line=LaunchLine(
            argv=(
                "docker", "run", "--gpus", "all", "--shm-size", "1g", "-p", "8080:80", "-v", "tgi-models:/data", _IMAGE,
                "--model-id", "Qwen/Qwen3-32B-AWQ", "--quantize", "awq", "--num-shard", "2",
                "--max-total-tokens", "8192",
            ),
            valid_for="text-generation-inference 3.3.7",
        ),
    ),
)  # fmt: skip
