"""mlx-lm: Apple silicon, whose GPU and CPUs share one memory, and CUDA."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour import eager
from llmcheck.runtimes.behaviour.interface import CACHE_16_BIT, Example, Launch, Pace, Platform, Runtime, options
from llmcheck.schema.estimate import Band
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload

_PACE = Pace(
    bandwidth_share=Band(0.45, 0.70, 0.90), layer_overhead=Band(120e-6, 50e-6, 20e-6), flops_share=Band(0.15, 0.4, 0.75)
)  # fmt: skip
_CACHES = {**CACHE_16_BIT, "int8": "8", "int4": "4"}


def _pace(_gpus: Sequence[Gpu]) -> Pace:
    return _PACE


def _launch(what: Launch) -> tuple[str, ...] | None:
    work = what.workload
    return (
        "mlx_lm.server", "--model", what.model,
        *options(
            ("--decode-concurrency", max(work.batch, 1)),
            ("--kv-bits", _CACHES.get(work.kv_cache or "")),
        ),
    )  # fmt: skip


RUNTIME = Runtime(
    id="mlx",
    version="0.32.2",
    source="the mlx-lm 0.32.2 wheel; extras of mlx 0.32.4: cpu, cuda12, cuda13",
    as_of="2026-10-31",
    rank=45,
    proposed="installed",
    platforms=(Platform(vendor="apple"), Platform(vendor="nvidia")),
    systems=("darwin", "linux"),
    families=("plain", "mxfp4", "mlx"),
    native_family="mlx",
    default_on=("apple",),
    ladder=("bf16", "mlx-8bit", "mlx-4bit"),
    four_bits="mlx-4bit",
    cache_formats=_CACHES,
    gpu_context=False,
    collectives=False,
    memory=eager.memory,
    pace=_pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="mlx-community/Qwen3-8B-4bit",
            workload=Workload(method="inference", runtime="mlx", weights="mlx-4bit", batch=4),
        ),
        argv=("mlx_lm.server", "--model", "mlx-community/Qwen3-8B-4bit", "--decode-concurrency", "4"),
    ),
)
