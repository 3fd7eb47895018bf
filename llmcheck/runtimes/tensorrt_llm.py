"""TensorRT-LLM: NVIDIA's server."""

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

_VERSION = "1.2.1"
_CHUNK = 8192
"""Its default ``--max_num_tokens``."""
_CACHES = {**CACHE_16_BIT, "fp8": None}


def _memory(gpu: GpuMemory) -> list[Term]:
    return server.chunk_terms(gpu, _CHUNK)


def _launch(what: Launch) -> LaunchLine | None:
    """None for what only a YAML file can say: the cache's format and uneven stages; weights in RAM it has not."""
    work = what.workload
    if not serves(what, CACHE_16_BIT) or what.stage_layers:
        return None
    if what.offloaded_bytes or what.expert_layers_in_ram:
        return None
    argv = (
        "trtllm-serve", what.model,
        *options(
            ("--tp_size", more_than_one(what.tensor_parallel)),
            ("--pp_size", more_than_one(what.pipeline_parallel)),
            ("--max_batch_size", work.max_sequences),
            ("--max_seq_len", work.context),
            ("--free_gpu_memory_fraction", work.memory_fraction),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"tensorrt-llm {_VERSION}")


RUNTIME = Runtime(
    id="tensorrt-llm",
    version=_VERSION,
    source="TensorRT-LLM 1.2.1: trtllm-serve's options, its list of supported hardware",
    as_of="2026-04-30",
    rank=60,
    proposed="installed",
    platforms=(Platform(vendor="nvidia", min_compute_capability=(8, 0)),),
    systems=("linux",),
    needs_gpu=True,
    in_container=True,
    library="tensorrt-llm",
    distributions=("tensorrt-llm",),
    programs=("trtllm-serve",),
    families=(*TORCH_FAMILIES, "nvfp4"),
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=_CACHES,
    cache_ladder=("bf16", "fp8"),
    cache_block=32,
    # free_gpu_memory_fraction: of what weights and buffers leave free
    reservation=Reservation(fraction=0.9, of="free-after-weights"),
    sequences_option="--max_batch_size",
    tensor_parallel=True,
    pipeline_parallel=True,
    fp8_arithmetic=True,
    own_options=("speculative", "speculative_tokens"),
    memory=_memory,
    pace=server.native_pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-8B",
            workload=Workload(
                method="inference", runtime="tensorrt-llm", context=16384, max_sequences=16, memory_fraction=0.9
            ),
        ),
        line=LaunchLine(
            argv=(
                "trtllm-serve", "Qwen/Qwen3-8B", "--max_batch_size", "16", "--max_seq_len", "16384",
                "--free_gpu_memory_fraction", "0.9",
            ),
            valid_for="tensorrt-llm 1.2.1",
        ),
    ),
)  # fmt: skip
