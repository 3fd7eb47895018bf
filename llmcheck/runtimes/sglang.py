"""SGLang: a server that reserves a share of each GPU for weights and KV cache."""

from __future__ import annotations

import math

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
from llmcheck.schema.estimate import Term
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB

_VERSION = "0.5.23"
_CHUNK = 8192
"""Its default ``--chunked-prefill-size`` on GPUs of 60 to 160 GiB; smaller ones have 2,048 or 4,096."""
_CACHES = {**CACHE_16_BIT, "fp8": "fp8_e5m2", "fp8_e5m2": "fp8_e5m2", "fp8_e4m3": "fp8_e4m3"}


def _memory(gpu: GpuMemory) -> list[Term]:
    return server.chunk_terms(gpu, _CHUNK)


def _launch(what: Launch) -> LaunchLine | None:
    """None for a cache in a format that it has not, and for experts in RAM: that takes kt-kernel and weights that were
    converted for it."""
    work = what.workload
    if what.expert_layers_in_ram or not serves(what, _CACHES):
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
        ),
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
    library="sglang",
    distributions=("sglang",),
    families=(*TORCH_FAMILIES, "nvfp4"),
    made_on_load=("fp8",),
    gguf_file="computes",
    ladder=TORCH_LADDER,
    four_bits="awq",
    cache_formats=_CACHES,
    cache_ladder=("bf16", "fp8"),
    # mem_fraction_static is computed for each GPU: about 0.83 on an 80 GB card, 0.70 to 0.75 on 16 to 24 GB
    reservation=Reservation(fraction=0.88, of="total"),
    sequences_option="--max-running-requests",
    tensor_parallel=True,
    pipeline_parallel=True,
    fp8_arithmetic=True,
    memory=_memory,
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
