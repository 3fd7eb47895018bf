"""vLLM: a server that reserves a share of each GPU and keeps a paged KV cache in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, more_than_one, options, serves, variables
from llmcheck.schema.estimate import Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB

_VERSION = "0.33.0"
_FRACTION = 0.9
"""The default ``--gpu-memory-utilization`` before 0.20; since then it is 0.92. The launch line passes 0.9, so that the
server reserves what was estimated."""
_CACHES = {
    **CACHE_16_BIT, "fp8": "fp8", "fp8_e4m3": "fp8_e4m3", "fp8_e5m2": "fp8_e5m2",
    "int8": "int8_per_token_head", "int4": "int4_per_token_head",
}  # fmt: skip
_LARGE = 70 * GIB
_PROFILE = (
    "vLLM's profile run: 38 bytes per vocabulary entry and sequence, as its log shows for four vocabularies; a fifth"
    " suggests half of that"
)


def _memory(gpu: GpuMemory) -> list[Term]:
    # per entry: 32-bit logits, their sorted copy, 64-bit indices, probabilities, their sum, masks
    sampler = 38.0 * gpu.max_sequences * gpu.architecture.vocab
    size = max(sampler, server.chunk_bytes(gpu, server.default_chunk(gpu)))
    return [
        term("activations", "profile run", size, _PROFILE, low=size * 0.45, high=size * 1.2),
        term("overhead", "CUDA graphs", 0.1 * GIB, "vLLM's log: -0.4 to 0.4 GiB", low=0, high=0.6 * GIB),
    ]


def _default_sequences(gpus: Sequence[Gpu]) -> int:
    """``engine/arg_utils.py``: more on GPUs of 70 GiB and more, except A100 and GB10."""

    def is_large(gpu: Gpu) -> bool:
        return (gpu.memory_total or 0) >= _LARGE and not any(name in (gpu.name or "") for name in ("A100", "GB10"))

    return 1024 if gpus and all(map(is_large, gpus)) else 256


def _launch(what: Launch) -> LaunchLine | None:
    """A GGUF file and bitsandbytes take plug-ins of vLLM's, which the line supposes to be installed.

    None for one file of a GGUF repository, and for a cache in a format that it has not."""
    work = what.workload
    if not serves(what, _CACHES):
        return None
    quantised = "fp8" if what.quantises_on_load and work.weights == "fp8" else None
    argv = (
        "vllm", "serve", what.model,
        *options(
            ("--quantization", quantised),
            ("--tensor-parallel-size", more_than_one(what.tensor_parallel)),
            ("--pipeline-parallel-size", more_than_one(what.pipeline_parallel)),
            ("--max-model-len", work.context),
            ("--max-num-seqs", work.max_sequences),
            ("--kv-cache-dtype", _CACHES.get(work.kv_cache or "")),
            ("--cpu-offload-gb", math.ceil(what.offloaded_bytes / GIB) or None),
            ("--cpu-offload-params", "experts" if what.expert_layers_in_ram else None),
            ("--gpu-memory-utilization", work.memory_fraction or _FRACTION),
        ),
    )  # fmt: skip
    stages = ",".join(map(str, what.stage_layers)) or None
    return LaunchLine(
        argv=argv, environment=variables(("VLLM_PP_LAYER_PARTITION", stages)), valid_for=f"vllm {_VERSION}"
    )


RUNTIME = Runtime(
    id="vllm",
    version=_VERSION,
    source="the vllm 0.33.0 wheel; its installation guide for cards and systems",
    as_of="2026-11-01",
    rank=10,
    platforms=(
        Platform(vendor="nvidia", min_compute_capability=(7, 5), min_driver="580"),
        Platform(
            vendor="amd",
            gfx=("gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1101", "gfx1150", "gfx1151", "gfx1200", "gfx1201"),
            build="its own index has wheels for ROCm, for Python 3.12 and glibc 2.35 or newer",
        ),
        Platform(vendor="intel", build="it is built from source for XPU"),
        Platform(vendor="habana", build="its plug-in vllm-gaudi goes with Intel's own PyTorch"),
    ),
    systems=("linux",),
    library="vllm",
    distributions=("vllm",),
    programs=("vllm",),
    families=(*TORCH_FAMILIES, "nvfp4"),
    made_on_load=("fp8",),
    gguf_file="computes",
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=_CACHES,
    cache_ladder=("bf16", "fp8"),
    cache_block=16,
    reservation=Reservation(fraction=_FRACTION, of="total"),
    sequences_option="--max-num-seqs",
    default_sequences=_default_sequences,
    tensor_parallel=True,
    pipeline_parallel=True,
    fp8_arithmetic=True,
    pads_mxfp4=True,
    memory=_memory,
    pace=server.pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="Qwen/Qwen3-32B-AWQ",
            workload=Workload(
                method="inference", runtime="vllm", weights="awq", context=8192, max_sequences=4, kv_cache="fp8"
            ),
            gpus=2,
        ),
        line=LaunchLine(
            argv=(
                "vllm", "serve", "Qwen/Qwen3-32B-AWQ", "--tensor-parallel-size", "2", "--max-model-len", "8192",
                "--max-num-seqs", "4", "--kv-cache-dtype", "fp8", "--gpu-memory-utilization", "0.9",
            ),
            valid_for="vllm 0.33.0",
        ),
    ),
)  # fmt: skip
