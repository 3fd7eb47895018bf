"""mlx-lm: Apple silicon, where GPU and processors share one memory, and CUDA."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour import eager
from llmcheck.runtimes.behaviour.interface import Example, Launch, Pace, Platform, Runtime
from llmcheck.schema.estimate import Band
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload

_PACE = Pace(
    reading=Band(0.45, 0.70, 0.90), launching=Band(120e-6, 50e-6, 20e-6), computing=Band(0.15, 0.4, 0.75)
)  # fmt: skip


def _pace(_gpus: Sequence[Gpu]) -> Pace:
    return _PACE


def _launch(what: Launch) -> tuple[str, ...] | None:
    return ("mlx_lm.server", "--model", what.model, "--decode-concurrency", str(max(what.workload.batch, 1)))


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
    own_family="mlx",
    usual_on=("apple",),
    ladder=("bf16", "mlx-8bit", "mlx-4bit"),
    four_bits="mlx-4bit",
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
