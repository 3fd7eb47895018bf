"""mlx-lm: Apple silicon, whose GPU and CPUs share one memory, and CUDA."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour import eager, training_pace
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
    CURRENT,
    Eager,
    Example,
    GpuMemory,
    Pace,
    Platform,
    Runtime,
)
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, options, serves
from llmcheck.schema.estimate import Band, Term
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload

_VERSION = "0.32.2"
_PACE = Pace(
    bandwidth_share=Band(0.65, 0.82, 0.95), layer_overhead=Band(130e-6, 80e-6, 30e-6),
    flops_share=Band(0.4, 0.62, 0.8), cache_share=Band(0.3, 0.5, 0.8), prompt_chunk=2048, training=training_pace.LEAN,
)  # fmt: skip
_CACHES = {**CACHE_16_BIT, "int8": "8", "int4": "4"}


_STEP = 2048
"""Its default ``--prefill-step-size``, in tokens."""


def _memory(gpu: GpuMemory) -> list[Term]:
    """A prompt is read in steps, and the cache of a step is computed before the next."""
    return eager.terms(gpu, Eager(loads_by_tensor=False, chunk=_STEP))


def _pace(_gpus: Sequence[Gpu], _version: tuple[int, ...] = CURRENT, _compiled: bool = False) -> Pace:
    return _PACE


def _launch(what: Launch) -> LaunchLine | None:
    """The cache grows with the context, which has no option. None for several GPUs: they are of several Macs, listed
    in a file; and for a format of the cache that it has not."""
    bits = _CACHES.get(what.workload.kv_cache or "")
    if what.gpus > 1 or not serves(what, _CACHES):
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
    rank=45,
    proposed="installed",
    platforms=(Platform(vendor="apple"), Platform(vendor="nvidia")),
    systems=("darwin", "linux"),
    torch=False,
    glibc_min="2.35",
    library="mlx-lm",
    distributions=("mlx-lm",),
    programs=("mlx_lm.server",),
    families=("plain", "mxfp4", "nvfp4", "mlx"),
    native_family="mlx",
    default_on=("apple",),
    ladder=("bf16", "mlx-8bit", "mlx-4bit"),
    four_bits="mlx-4bit",
    cache_formats=_CACHES,
    cache_block=256,
    gpu_context=False,
    collectives=False,
    own_options=("speculative", "speculative_tokens"),
    memory=_memory,
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
