"""mlx-lm: Apple silicon, where GPU and processors share one memory, and CUDA."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour import eager
from llmcheck.runtimes.behaviour.interface import Example, Pace, Platform, Runtime
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, options, serves
from llmcheck.schema.estimate import Band
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload

_VERSION = "0.32.2"
_CACHE_BITS = {"q8_0": 8, "int8": 8, "q4_0": 4, "int4": 4}
_PACE = Pace(
    reading=Band(0.45, 0.70, 0.90), launching=Band(120e-6, 50e-6, 20e-6), computing=Band(0.15, 0.4, 0.75)
)  # fmt: skip


def _pace(_gpus: Sequence[Gpu]) -> Pace:
    return _PACE


def _launch(what: Launch) -> LaunchLine | None:
    """The cache grows with the context, which has no option. None for several GPUs: they are of several Macs, listed
    in a file; and for a format of the cache that it has not."""
    bits = _CACHE_BITS.get(what.workload.kv_cache or "")
    if what.gpus > 1 or not serves(what, _CACHE_BITS):
        return None
    argv = (
        "mlx_lm.server", "--model", what.model,
        *options(
            ("--decode-concurrency", max(what.workload.batch, 1)),
            ("--kv-bits", bits),
            # without it the first 5,000 tokens stay in 16 bits
            ("--quantized-kv-start", None if bits is None else 0),
        ),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"mlx-lm {_VERSION}")


RUNTIME = Runtime(
    id="mlx",
    version=_VERSION,
    source="the mlx-lm 0.32.2 wheel; extras of mlx 0.32.4: cpu, cuda12, cuda13",
    as_of="2026-10-31",
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
        line=LaunchLine(
            argv=("mlx_lm.server", "--model", "mlx-community/Qwen3-8B-4bit", "--decode-concurrency", "4"),
            valid_for="mlx-lm 0.32.2",
        ),
    ),
)  # fmt: skip
