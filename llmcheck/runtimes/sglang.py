"""SGLang: a server that reserves a share of each GPU for weights and KV cache."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

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
from llmcheck.runtimes.behaviour.launch import (
    Launch,
    LaunchLine,
    flags,
    more_than_one,
    options,
    proposes_by_itself,
    serves,
    variables,
)
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB, MIB

_VERSION = "0.5.23"
_CHUNK = 8192
"""Its default ``--chunked-prefill-size`` on GPUs of 60 to 160 GiB; smaller ones have 2,048 or 4,096."""
_OPTIONS = ("max_batched_tokens", "prefix_caching", "cuda_graphs", "lora_slots", "speculative")
_CACHES = {**CACHE_16_BIT, "fp8": "fp8_e5m2", "fp8_e5m2": "fp8_e5m2", "fp8_e4m3": "fp8_e4m3", "nvfp4": "nvfp4"}


_TIERS = ((20, 2048, 8, 42), (35, 4096, 48, 50), (60, 4096, 32, 50), (160, 8192, 256, 58))
"""Below so many GiB: tokens of a chunk, sequences of the largest recorded step, recorded sizes of a prompt."""
_LARGEST = (16_384, 512, 66)


def _tier(size: int) -> tuple[int, int, int]:
    """``memory_hook.py``, by the bytes of a GPU."""
    return next(((chunk, batch, sizes) for limit, chunk, batch, sizes in _TIERS if size < limit * GIB), _LARGEST)


def _fraction(size: int, work: Workload) -> float:
    """The default ``--mem-fraction-static``: all but a reserve that is computed from the options, in MiB."""
    chunk, batch, sizes = _tier(size)
    chunk = work.max_batched_tokens or chunk
    gpus = work.tensor_parallel * work.pipeline_parallel
    graphs = 0 if work.cuda_graphs is False else 2 * batch + 8 * sizes
    reserve = 512 + 1.5 * max(chunk, 2048) + 1024 * gpus / 8 + graphs
    if size > 60 * GIB:
        reserve = max(reserve, 10_240)
    return max(1 - reserve * MIB / max(size, 1), 0.05)


def _default_step(gpus: Sequence[Gpu], _architecture: Architecture, _work: Workload) -> int | None:
    sizes = [gpu.memory_total for gpu in gpus if gpu.memory_total]
    return _tier(min(sizes))[0] if sizes else None


_WINDOWED = 0.8
"""Its default ``--swa-full-tokens-ratio``: tokens in the pool of layers with a window, for each of the other layers."""


def _memory(gpu: GpuMemory) -> list[Term]:
    return server.chunk_terms(gpu, _CHUNK)


def _cache_terms(gpu: GpuMemory) -> list[Term]:
    """Layers with a window have a pool of their own, of a fixed share of the tokens of the others."""
    groups = gpu.architecture.attention
    windowed = tuple(group for group in groups if group.window is not None and group.window < gpu.context)
    if not windowed or len(windowed) == len(groups):
        return []
    whole = gpu.cache_bytes(gpu.context, tuple(replace(group, window=None) for group in windowed))
    more = _WINDOWED * whole - gpu.cache_bytes(gpu.context, windowed)
    source = "SGLang: a pool of 0.8 tokens for each token of the other layers (--swa-full-tokens-ratio)"
    return [term("overhead", "pool of the sliding windows", more, source, low=0, part="cache")]


def _launch(what: Launch) -> LaunchLine | None:
    """None for a cache in a format that it has not, and for experts in RAM: that takes kt-kernel and weights that were
    converted for it."""
    work = what.workload
    if what.expert_layers_in_ram or not serves(what, _CACHES, also=_OPTIONS) or not proposes_by_itself(work):
        return None
    quantised = "fp8" if what.quantises_on_load and work.weights == "fp8" else None
    argv = (
        "python", "-m", "sglang.launch_server", "--model-path", what.model,
        *options(
            ("--quantization", quantised),
            ("--tp-size", more_than_one(what.tensor_parallel)),
            ("--pp-size", more_than_one(what.pipeline_parallel)),
            ("--context-length", work.context),
            ("--max-running-requests", work.max_sequences),
            ("--kv-cache-dtype", _CACHES.get(work.kv_cache or "")),
            ("--cpu-offload-gb", math.ceil(what.offloaded_bytes / GIB) or None),
            ("--mem-fraction-static", work.memory_fraction),
            ("--chunked-prefill-size", work.max_batched_tokens),
            ("--speculative-algorithm", "NEXTN" if work.speculative else None),
            ("--max-loras-per-batch", work.lora_slots),
            ("--max-lora-rank", work.lora_rank if work.lora_slots else None),
            ("--cuda-graph-backend-decode", "disabled" if work.cuda_graphs is False else None),
        ),
        *flags(("--enable-lora", work.lora_slots is not None), ("--disable-radix-cache", work.prefix_caching is False)),
    )  # fmt: skip
    stages = ",".join(map(str, what.stage_layers)) or None
    return LaunchLine(
        argv=argv, environment=variables(("SGLANG_PP_LAYER_PARTITION", stages)), valid_for=f"sglang {_VERSION}"
    )


RUNTIME = Runtime(
    id="sglang",
    version=_VERSION,
    source="the sglang 0.5.23 wheel; its documentation for cards",
    as_of="2026-10-30",
    rank=30,
    proposed="installed",
    platforms=(
        Platform(vendor="nvidia", min_compute_capability=(7, 5), min_driver="580"),
        Platform(vendor="amd", gfx=("gfx942", "gfx950", "gfx1250"), build="it has images of its own for ROCm"),
        Platform(vendor="intel", build="it is built from source for XPU"),
    ),
    systems=("linux",),
    glibc_min="2.34",
    python_min="3.11",
    library="sglang",
    distributions=("sglang",),
    families=(*TORCH_FAMILIES, "nvfp4"),
    made_on_load=("fp8",),
    gguf_file="computes",
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=_CACHES,
    cache_ladder=("bf16", "fp8"),
    reservation=Reservation(fraction=0.88, of="weights-and-cache", by_card=_fraction),
    sequences_option="--max-running-requests",
    tensor_parallel=True,
    pipeline_parallel=True,
    fp8_arithmetic=True,
    own_options=("speculative", "speculative_tokens"),
    memory=_memory,
    cache_terms=_cache_terms,
    default_step=_default_step,
    pace=server.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-8B",
            workload=Workload(
                method="inference", runtime="sglang", context=16384, max_sequences=16, memory_fraction=0.85
            ),
        ),
        line=LaunchLine(
            argv=(
                "python", "-m", "sglang.launch_server", "--model-path", "Qwen/Qwen3-8B", "--context-length", "16384",
                "--max-running-requests", "16", "--mem-fraction-static", "0.85",
            ),
            valid_for="sglang 0.5.23",
        ),
    ),
)  # fmt: skip
