"""llama.cpp: GGUF files on any GPU, and on the CPUs the layers that do not fit on the GPUs."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import ggml
from llmcheck.runtimes.behaviour.interface import Example, Launch, Runtime, options
from llmcheck.schema.workload import Workload


def _launch(what: Launch) -> tuple[str, ...] | None:
    work = what.workload
    cache, slots = ggml.CACHES.get(work.kv_cache or ""), max(work.batch, 1)
    # -c is divided over the slots; --fit chooses the number of layers on the GPUs, and the context if none is given
    return (
        "llama-server", "-m", what.model,
        *options(
            ("-c", None if work.context is None else work.context * slots),
            ("-fa", "off" if work.flash_attention is False else None),
            ("-ctk", cache),
            ("-ctv", cache),
            ("-np", slots),
        ),
    )  # fmt: skip


RUNTIME = Runtime(
    id="llama.cpp",
    version="b11434",
    source="ggml-org/llama.cpp b11434: common/arg.cpp, docs/build.md",
    as_of="2026-10-06",
    rank=20,
    families=ggml.FAMILIES,
    native_family="gguf",
    gguf_file="computes",
    ladder=ggml.LADDER,
    common_ladder=ggml.COMMON_LADDER,
    four_bits="q4_k_m",
    cache_formats=ggml.CACHES,
    cache_ladder=("fp16", "q8_0", "q4_0"),
    cache_block=ggml.BLOCK,
    offloads=True,
    experts_in_ram=True,
    computes_in_ram=True,
    counts_gpu_layers=True,
    embedding_in_ram=True,
    collectives=False,
    memory=ggml.memory,
    cache_terms=ggml.cache_terms,
    pace=ggml.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen3-32B-Q4_K_M.gguf",
            workload=Workload(
                method="inference", runtime="llama.cpp", weights="q4_k_m", context=8192, kv_cache="q8_0"
            ),
        ),
        argv=(
            "llama-server", "-m", "Qwen3-32B-Q4_K_M.gguf", "-c", "8192", "-ctk", "q8_0", "-ctv", "q8_0", "-np", "1",
        ),
    ),
)  # fmt: skip
