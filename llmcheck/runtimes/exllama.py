"""ExLlamaV3, served by tabbyAPI: EXL3 weights of 1 to 8 bits on NVIDIA GPUs."""

from __future__ import annotations

from llmcheck.runtimes.behaviour import server
from llmcheck.runtimes.behaviour.interface import (
    CACHE_16_BIT,
    Example,
    GpuMemory,
    Platform,
    Runtime,
)
from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, options, serves, share
from llmcheck.schema.estimate import Term, term
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB

_VERSION = "1.6.5"
_CHUNK = 2048
"""tabbyAPI's default ``chunk_size``."""
_CACHES = {**CACHE_16_BIT, "q8_0": "8,8", "int8": "8,8", "q4_0": "4,4", "int4": "4,4"}
"""Values of ``--cache-mode``: bits of keys, bits of values."""


def _memory(gpu: GpuMemory) -> list[Term]:
    reserve = term("overhead", "reserve of the automatic split", 96e6, "tabbyAPI's default autosplit_reserve", low=0)
    return [*server.chunk_terms(gpu, _CHUNK, graphs=False), reserve]


def _launch(what: Launch) -> LaunchLine | None:
    """Run in tabbyAPI's folder. None for a repository: it loads folders, so the model has to be downloaded first."""
    work = what.workload
    if not what.is_path or not serves(what, _CACHES):
        return None
    folder, _, name = what.model.rpartition("/")
    cache = None if work.context is None else -(-work.context * max(work.batch, 1) // 256) * 256
    argv = (
        "python", "main.py", "--model-dir", folder or ("/" if what.model.startswith("/") else "."),
        "--model-name", name,
        *options(
            ("--cache-size", cache),
            ("--max-seq-len", work.context),
            ("--cache-mode", _CACHES.get(work.kv_cache or "")),
            ("--cpu-moe-offload-layers", what.expert_layers_in_ram),
        ),
        *(("--gpu-split", *(share(each / GIB) for each in what.gpu_bytes)) if what.gpu_bytes else ()),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=f"exllamav3 {_VERSION}")


RUNTIME = Runtime(
    id="exllama",
    version=_VERSION,
    source="the exllamav3 1.6.5 wheel; theroyallab/tabbyAPI@e632af4, whose parser accepted the launch line",
    as_of="2026-10-25",
    rank=70,
    proposed="named",
    platforms=(Platform(vendor="nvidia", min_compute_capability=(8, 0)),),
    systems=("linux", "windows"),
    needs_gpu=True,
    distributions=("exllamav3",),
    families=("exl3",),
    caches=(),
    native_family="exl3",
    ladder=("exl3-8.0", "exl3-6.0", "exl3-5.0", "exl3-4.0", "exl3-3.0", "exl3-2.0"),
    four_bits="exl3-4.0",
    cache_formats=_CACHES,
    cache_ladder=("fp16", "int8", "int4"),
    cache_block=256,
    layer_split=True,
    collectives=False,
    memory=_memory,
    pace=server.native_pace,
    launch=_launch,
    example=Example(
        launch=Launch(
            model="models/Qwen3-32B-exl3-4.0bpw",
            is_path=True,
            workload=Workload(
                method="inference", runtime="exllama", weights="exl3-4.0", context=8192, kv_cache="int8"
            ),
        ),
        line=LaunchLine(
            argv=(
                "python", "main.py", "--model-dir", "models", "--model-name", "Qwen3-32B-exl3-4.0bpw",
                "--cache-size", "8192", "--max-seq-len", "8192", "--cache-mode", "8,8",
            ),
            valid_for="exllamav3 1.6.5",
        ),
    ),
)  # fmt: skip
