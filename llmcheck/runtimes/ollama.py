"""Ollama: one llama-server process for each GGUF model; the default context depends on the GPUs' memory."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import ggml
from llmcheck.runtimes.behaviour.interface import CACHE_16_BIT, JETSON, Example, Platform, Runtime
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, more_than_one, serves, variables
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB

_VERSION = "0.33.0-rc2"
_CACHES = {**CACHE_16_BIT, "q8_0": "q8_0", "q4_0": "q4_0"}


def _default_context(gpu_bytes: int) -> int:
    """``server/routes.go``: by the memory of all GPUs together."""
    if gpu_bytes < 23 * GIB:
        return 4096
    return 32_768 if gpu_bytes < 47 * GIB else 262_144


def _launch(what: Launch) -> LaunchLine | None:
    """Its server has the settings, and ``ollama run`` none of them. It places layers and experts by itself.

    None for a file, which ``ollama create`` has to take in first, and for a format of the cache that it has not."""
    if what.is_path:
        return None
    work = what.workload
    cache = _CACHES.get(work.kv_cache or "")
    if not serves(what, _CACHES, tags=True):
        return None
    flash = 0 if work.flash_attention is False else None if cache is None else 1
    model = f"hf.co/{what.model}:{what.quantisation}" if what.quantisation else what.model
    settings = variables(
        ("OLLAMA_CONTEXT_LENGTH", work.context),
        ("OLLAMA_KV_CACHE_TYPE", cache),
        ("OLLAMA_FLASH_ATTENTION", flash),
        ("OLLAMA_NUM_PARALLEL", more_than_one(work.batch)),
        ("OLLAMA_SCHED_SPREAD", 1 if what.gpus > 1 else None),
    )
    return LaunchLine(
        argv=("ollama", "run", model),
        environment=settings,
        service=("ollama", "serve"),
        valid_for=f"ollama {_VERSION}",
    )


RUNTIME = Runtime(
    id="ollama",
    version=_VERSION,
    source="ollama/ollama@fb307609: docs/gpu.mdx, docs/faq.mdx, envconfig/config.go, server/routes.go",
    as_of="2026-08-21",
    rank=25,
    proposed="installed",
    # AMD GPUs that ROCm does not support, and Intel's, run with Vulkan
    platforms=(
        Platform(vendor="nvidia", min_compute_capability=(5, 0), embedded=JETSON),
        Platform(vendor="amd"),
        Platform(vendor="intel"),
        Platform(vendor="apple"),
    ),
    torch=False,
    library="ollama",
    programs=("ollama",),
    families=ggml.FAMILIES,
    gguf_file="computes",
    files="gguf",
    caches=("ollama",),
    sees_shell=False,
    ladder=ggml.LADDER,
    common_ladder=ggml.COMMON_LADDER,
    four_bits="q4_k_m",
    cache_formats=_CACHES,
    cache_ladder=("fp16", "q8_0", "q4_0"),
    cache_block=ggml.BLOCK,
    offloads=True,
    computes_in_ram=True,
    counts_gpu_layers=True,
    embedding_in_ram=True,
    collectives=False,
    context_gib=ggml.CONTEXT,
    default_context=_default_context,
    state_bits=32,
    memory=ggml.memory,
    cache_terms=ggml.cache_terms,
    pace=ggml.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="qwen3:32b",
            workload=Workload(method="inference", runtime="ollama", weights="q4_k_m", context=8192, kv_cache="q8_0"),
        ),
        line=LaunchLine(
            argv=("ollama", "run", "qwen3:32b"),
            environment={
                "OLLAMA_CONTEXT_LENGTH": "8192",
                "OLLAMA_KV_CACHE_TYPE": "q8_0",
                "OLLAMA_FLASH_ATTENTION": "1",
            },
            service=("ollama", "serve"),
            valid_for="ollama 0.33.0-rc2",
        ),
    ),
)  # fmt: skip
