"""SGLang: a server that takes a share of each card for weights and KV cache."""

from __future__ import annotations

import math

from llmcheck.runtimes.behaviour import server
from llmcheck.runtimes.behaviour.interface import (
    SERVER_LADDER,
    TORCH_FAMILIES,
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


def _memory(gpu: GpuMemory) -> list[Term]:
    return server.chunk_terms(gpu, _CHUNK)


def _launch(what: Launch) -> LaunchLine | None:
    """None for a cache in fewer bits than 8, and for experts in RAM: that takes kt-kernel and weights that were
    converted for it."""
    work = what.workload
    if what.expert_layers_in_ram or not serves(what, ("fp8",)):
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
            ("--kv-cache-dtype", "fp8_e5m2" if work.kv_cache == "fp8" else None),
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
    platforms=(
        Platform(vendor="nvidia", min_compute_capability=(7, 5)),
        Platform(vendor="amd", gfx=("gfx942", "gfx950", "gfx1250")),
        Platform(vendor="intel"),
    ),
    systems=("linux",),
    families=TORCH_FAMILIES,
    gguf_file="computes",
    ladder=SERVER_LADDER,
    four_bits="awq",
    cache_ladder=("bf16", "fp8"),
    # mem_fraction_static of large cards; it is less on small ones
    reservation=Reservation(fraction=0.88, of="total"),
    sequences_option="--max-running-requests",
    tensor_parallel=True,
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
