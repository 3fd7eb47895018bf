"""vLLM: a server that takes a share of each card and pages its KV cache in it."""

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
from llmcheck.schema.estimate import Term, term
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB

_VERSION = "0.33.0"
_FRACTION = 0.9
"""``--gpu-memory-utilization`` until 0.20, which the launch line names."""
_PROFILE = (
    "vLLM's profile run: 38 bytes per vocabulary entry and sequence slot, as its log shows for four vocabularies;"
    " the rest of the pool suggests half of it for one more"
)


def _memory(gpu: GpuMemory) -> list[Term]:
    # 32-bit logits, sorted copy, 64-bit indices, probabilities, their sum and masks: 38 bytes per entry
    sampler = 38.0 * gpu.max_sequences * gpu.architecture.vocab
    size = max(sampler, server.chunk_bytes(gpu, server.usual_chunk(gpu)))
    return [
        term("activations", "profile run", size, _PROFILE, low=size * 0.45, high=size * 1.2),
        term("overhead", "CUDA graphs", 0.1 * GIB, "vLLM's log: -0.4 to 0.4 GiB", low=0, high=0.6 * GIB),
    ]


def _launch(what: Launch) -> LaunchLine | None:
    """A GGUF file and bitsandbytes take plug-ins of vLLM's, which the line supposes to be installed.

    None for one file of a GGUF repository, and for a cache in fewer bits than 8."""
    work = what.workload
    if not serves(what, ("fp8",)):
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
            ("--kv-cache-dtype", "fp8" if work.kv_cache == "fp8" else None),
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
    platforms=(
        Platform(vendor="nvidia", min_compute_capability=(7, 5)),
        Platform(
            vendor="amd",
            gfx=("gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1101", "gfx1150", "gfx1151", "gfx1200", "gfx1201"),
        ),
        Platform(vendor="intel"),
        Platform(vendor="habana"),
    ),
    systems=("linux",),
    families=TORCH_FAMILIES,
    gguf_file="computes",
    ladder=SERVER_LADDER,
    four_bits="awq",
    cache_ladder=("bf16", "fp8"),
    cache_block=16,
    reservation=Reservation(fraction=_FRACTION, of="total"),
    sequences_option="--max-num-seqs",
    # engine/arg_utils.py; its logs on H100 show the memory of as many
    large_card_sequences=1024,
    tensor_parallel=True,
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
