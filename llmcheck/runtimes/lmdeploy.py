"""LMDeploy: a server whose KV cache is a share of the memory that is free once the weights are loaded."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import server
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
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

_VERSION = "0.18.0"
_CHUNK = 8192
"""Its default ``--max-prefill-token-num``."""
_CACHES = {**CACHE_16_BIT, "int8": "8", "int4": "4", "fp8": "16", "fp8_e4m3": "16", "fp8_e5m2": "17"}
"""Values of ``--quant-policy``."""
_MODEL_FORMATS = {"awq": "awq", "gptq": "gptq", "fp8": "fp8", "mxfp4": "mxfp4"}


def _memory(gpu: GpuMemory) -> list[Term]:
    return server.chunk_terms(gpu, _CHUNK)


def _launch(what: Launch) -> LaunchLine | None:
    """None for what it has no option for: pipelines, weights in RAM, another format of the cache."""
    if what.pipeline_parallel > 1 or what.offloaded_bytes or what.expert_layers_in_ram:
        return None
    work = what.workload
    if not serves(what, _CACHES):
        return None
    argv = (
        "lmdeploy", "serve", "api_server", what.model,
        *options(
            ("--model-format", _MODEL_FORMATS.get((work.weights or "").partition("-")[0])),
            ("--tp", more_than_one(what.tensor_parallel)),
            ("--session-len", work.context),
            ("--quant-policy", _CACHES.get(work.kv_cache or "")),
            ("--max-batch-size", work.max_sequences),
            ("--cache-max-entry-count", work.memory_fraction),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"lmdeploy {_VERSION}")


RUNTIME = Runtime(
    id="lmdeploy",
    version=_VERSION,
    source="the lmdeploy 0.18.0 wheel: lmdeploy/cli, lmdeploy/messages.py, METADATA",
    as_of="2026-09-28",
    rank=50,
    proposed="installed",
    # no minimum compute capability is published that holds for every engine and format
    platforms=(Platform(vendor="nvidia"),),
    systems=("linux",),
    needs_gpu=True,
    distributions=("lmdeploy",),
    programs=("lmdeploy",),
    families=("plain", "mxfp4", "fp8", "group"),
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=_CACHES,
    cache_ladder=("bf16", "int8", "int4"),
    cache_block=64,
    reservation=Reservation(fraction=0.8, of="free-after-weights"),
    sequences_option="--max-batch-size",
    tensor_parallel=True,
    fp8_arithmetic=True,
    own_options=("speculative", "speculative_tokens"),
    memory=_memory,
    pace=server.native_pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-32B-AWQ",
            workload=Workload(
                method="inference", runtime="lmdeploy", weights="awq", context=8192, kv_cache="int8", max_sequences=4
            ),
            gpus=2,
        ),
        line=LaunchLine(
            argv=(
                "lmdeploy", "serve", "api_server", "Qwen/Qwen3-32B-AWQ", "--model-format", "awq", "--tp", "2",
                "--session-len", "8192", "--quant-policy", "8", "--max-batch-size", "4",
            ),
            valid_for="lmdeploy 0.18.0",
        ),
    ),
)  # fmt: skip
