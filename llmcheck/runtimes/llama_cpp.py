"""llama.cpp: GGUF files on any GPU, and on the CPUs the layers that do not fit on the GPUs."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import ggml
from llmcheck.runtimes.behaviour.interface import JETSON, Example, Platform, Runtime
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, flags, options, proposes_by_itself, serves, share
from llmcheck.schema.workload import Workload

_VERSION = "b11434"
_OPTIONS = ("ubatch", "kv_unified", "swa_full", "split_mode", "kv_cache_values", "images", "speculative")
_LOAD_MODES = {True: "mmap", False: "none"}


def _launch(what: Launch) -> LaunchLine | None:
    """Layers and experts that are not named are placed by ``--fit``, which naming any of them turns off.

    None for a format of the cache that it has not, and for what the Python package cannot do."""
    if what.python_binding:
        return _binding(what)
    work = what.workload
    slots = max(work.batch, 1)
    cache = ggml.CACHES.get(work.kv_cache or "")
    if not serves(what, ggml.CACHES, tags=True, also=_OPTIONS) or not proposes_by_itself(work):
        return None
    model = ("-m", what.model) if what.is_path else ("-hf", ":".join(filter(None, (what.model, what.quantisation))))
    argv = (
        "llama-server", *model,
        *options(
            # of all slots together
            ("-c", None if work.context is None else work.context * (1 if work.kv_unified else slots)),
            ("-dev", "none" if not what.gpus else None),
            ("-ngl", what.gpu_layers),
            ("--n-cpu-moe", what.expert_layers_in_ram),
            ("-sm", work.split_mode or ("layer" if what.tensor_split else None)),
            ("-ts", ",".join(map(share, what.tensor_split)) or None),
            ("-ctk", cache),
            ("-ctv", ggml.CACHES.get(work.kv_cache_values or "") or cache),
            ("-ub", work.ubatch),
            ("-fa", "off" if work.flash_attention is False else None),
            ("-np", slots),
            ("--spec-type", "draft-mtp" if work.speculative else None),
            ("--spec-draft-n-max", work.speculative_tokens),
            ("-lm", None if what.memory_map is None else _LOAD_MODES[what.memory_map]),
        ),
        *flags(
            ("-kvu", bool(work.kv_unified)), ("--swa-full", bool(work.swa_full)), ("--no-mmproj", work.images is False)
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"llama.cpp {_VERSION}")


_BINDING_VERSION = "0.3.36"
_TYPES = {"bf16": None, "fp16": None, "fp32": "0", "q8_0": "8", "q5_1": "7", "q5_0": "6", "q4_1": "3", "q4_0": "2"}
"""Numbers of ggml's types (ggml.h), which the Python package takes instead of their names."""


def _binding(what: Launch) -> LaunchLine | None:
    """The server of llama-cpp-python. It has no option for experts in RAM, and serves one sequence at a time."""
    work = what.workload
    if not serves(what, _TYPES, tags=True) or what.expert_layers_in_ram or work.batch > 1:
        return None
    if not what.is_path and what.quantisation is None:
        return None
    file = what.model if what.is_path else f"*{what.quantisation}.gguf"
    cache = _TYPES.get(work.kv_cache or "")
    argv = (
        "python", "-m", "llama_cpp.server",
        *options(
            ("--hf_model_repo_id", None if what.is_path else what.model),
            ("--model", file),
            ("--n_ctx", work.context),
            # all layers, which is not the default
            ("--n_gpu_layers", -1 if what.gpu_layers is None and what.gpus else what.gpu_layers or 0),
            ("--type_k", cache),
            ("--type_v", cache),
            # a quantised cache needs it, and it is off unless it is named
            ("--flash_attn", "false" if work.flash_attention is False else "true"),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"llama-cpp-python {_BINDING_VERSION}")


RUNTIME = Runtime(
    id="llama.cpp",
    has_binding=True,
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
    files="gguf",
    caches=("huggingface", "llama.cpp"),
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
    across_vendors="Vulkan",
    layer_split=True,
    embedding_in_ram=True,
    collectives=False,
    context_gib=ggml.CONTEXT,
    own_options=(
        "ubatch", "kv_unified", "swa_full", "split_mode", "kv_cache_values", "speculative", "speculative_tokens",
    ),
    state_bits=32,
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
