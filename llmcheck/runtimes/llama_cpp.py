"""llama.cpp: GGUF files on any GPU, and on the CPUs the layers that do not fit on the GPUs."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import ggml
from llmcheck.runtimes.behaviour.interface import JETSON, Example, Platform, Runtime
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, options, serves, share
from llmcheck.schema.workload import Workload

_VERSION = "b11434"
_LOAD_MODES = {True: "mmap", False: "none"}


def _launch(what: Launch) -> LaunchLine | None:
    """Layers and experts that are not named are placed by ``--fit``, which naming any of them turns off.

    None for a format of the cache that it has not."""
    work = what.workload
    slots = max(work.batch, 1)
    cache = ggml.CACHES.get(work.kv_cache or "")
    if not serves(what, ggml.CACHES, tags=True):
        return None
    model = ("-m", what.model) if what.is_path else ("-hf", ":".join(filter(None, (what.model, what.quantisation))))
    argv = (
        "llama-server", *model,
        *options(
            # of all slots together
            ("-c", None if work.context is None else work.context * slots),
            ("-dev", "none" if not what.gpus else None),
            ("-ngl", what.gpu_layers),
            ("--n-cpu-moe", what.expert_layers_in_ram),
            ("-ts", ",".join(map(share, what.tensor_split)) or None),
            ("-ctk", cache),
            ("-ctv", cache),
            ("-fa", "off" if work.flash_attention is False else None),
            ("-np", slots),
            ("-lm", None if what.memory_map is None else _LOAD_MODES[what.memory_map]),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"llama.cpp {_VERSION}")


RUNTIME = Runtime(
    id="llama.cpp",
    version=_VERSION,
    source="ggml-org/llama.cpp b11434: common/arg.cpp, docs/build.md",
    as_of="2026-10-06",
    rank=20,
    # CUDA, HIP, Vulkan and Metal; its other back ends are for vendors that are not known here
    platforms=(
        Platform(vendor="nvidia", embedded=JETSON),
        Platform(vendor="amd"),
        Platform(vendor="intel"),
        Platform(vendor="apple"),
    ),
    torch=False,
    library="llama-cpp",
    distributions=("llama-cpp-python",),
    programs=("llama-server", "llama-cli"),
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
            model="Qwen/Qwen3-32B-GGUF",
            quantisation="Q4_K_M",
            workload=Workload(
                method="inference", runtime="llama.cpp", weights="q4_k_m", context=8192, kv_cache="q8_0"
            ),
        ),
        line=LaunchLine(
            argv=(
                "llama-server", "-hf", "Qwen/Qwen3-32B-GGUF:Q4_K_M", "-c", "8192", "-ctk", "q8_0", "-ctv", "q8_0",
                "-np", "1",
            ),
            valid_for="llama.cpp b11434",
        ),
    ),
)  # fmt: skip
