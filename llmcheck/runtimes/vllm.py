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
    version_of,
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
from llmcheck.units import GIB

_VERSION = "0.33.0"
_FRACTION = 0.9
"""The default ``--gpu-memory-utilization`` before 0.20; since then it is 0.92. The launch line passes 0.9, so that the
server reserves what was estimated."""
_CACHES = {
    **CACHE_16_BIT, "fp8": "fp8", "fp8_e4m3": "fp8_e4m3", "fp8_e5m2": "fp8_e5m2",
    "int8": "int8_per_token_head", "int4": "int4_per_token_head", "nvfp4": "nvfp4",
}  # fmt: skip
_OPTIONS = ("max_batched_tokens", "prefix_caching", "cuda_graphs", "lora_slots", "images", "speculative")
_LARGE = 70 * GIB
_SEQUENCES = 256
"""Its default ``--max-num-seqs`` on GPUs of less than ``_LARGE``."""
_PROFILE = (
    "vLLM's profile run: the largest of one step of max_num_batched_tokens, the largest image, and the sampler with 38"
    " bytes per vocabulary entry and sequence (its log for five vocabularies); other samplers take half of that"
)
_WINDOWS_SINCE = (0, 10)
"""Before this version layers with a window were given pages for the whole context."""
_FIRST_ENGINE = (0, 8)
"""Before this version a prompt was computed at once."""


def _step(gpu: GpuMemory) -> int:
    """Tokens of one step, on a GPU of less than 70 GiB where the number of sequences does not say more."""
    usual = max(2048, gpu.context) if gpu.version < _FIRST_ENGINE else server.default_chunk(gpu)
    return gpu.workload.max_batched_tokens or _with_image(usual, gpu.architecture, gpu.workload)


def _with_image(tokens: int, architecture: Architecture, work: Workload) -> int:
    """An image is not divided, so that a step holds the largest one: the next power of two."""
    encoder = None if work.images is False else architecture.image_encoder
    return tokens if encoder is None else max(tokens, 1 << (encoder.tokens - 1).bit_length())


def _default_step(gpus: Sequence[Gpu], architecture: Architecture, work: Workload) -> int | None:
    """``get_batch_defaults`` of ``engine/arg_utils.py``; None for versions that computed a prompt at once."""
    if version_of(work.runtime_version) < _FIRST_ENGINE:
        return None
    least = min((gpu.memory_total or 0 for gpu in gpus), default=0)
    large = _default_sequences(gpus) > _SEQUENCES
    return _with_image(16_384 if large and least >= 160 * GIB else 8192 if large else 2048, architecture, work)


def _memory(gpu: GpuMemory) -> list[Term]:
    # per entry: 16-bit and 32-bit logits, their sorted copy, 64-bit indices, probabilities, their sum, masks
    step = min(_step(gpu), gpu.max_sequences * max(gpu.context, 1))
    vocab = gpu.architecture.vocab if gpu.last else 0
    sampler = 38.3 * gpu.max_sequences * vocab + 2.0 * step * gpu.architecture.hidden
    encoding, waiting = server.image_bytes(gpu) if server.sees(gpu) and gpu.first else (0.0, 0.0)
    size = waiting + max(sampler, gpu.layer_bytes(step, step), encoding)
    least = waiting + max(0.45 * sampler, 0.8 * gpu.layer_bytes(step, step), encoding / gpu.tensor)
    return [
        term("activations", "profile run", size, _PROFILE, low=least, high=size * 1.25),
        *server.graph_terms(gpu),
    ]


def _cache_terms(gpu: GpuMemory) -> list[Term]:
    """Recurrent states: one that is computed, one that prefix caching keeps, one for each proposed token."""
    proposed = gpu.workload.speculative_tokens or (1 if gpu.workload.speculative else 0)
    kept = gpu.workload.prefix_caching is not False and gpu.version >= _KEEPS_STATES_SINCE
    if gpu.version < _WINDOWS_SINCE:
        return server.paged_cache(gpu, step=gpu.context, block=16, copies=1 + proposed)
    return server.paged_cache(gpu, step=_step(gpu), block=16, copies=1 + kept + proposed)


_KEEPS_STATES_SINCE = (0, 16)
"""Since this version prefix caching is on for models with recurrent states."""


def _default_sequences(gpus: Sequence[Gpu]) -> int:
    """``engine/arg_utils.py``: more on GPUs of 70 GiB and more, except A100 and GB10."""

    def is_large(gpu: Gpu) -> bool:
        return (gpu.memory_total or 0) >= _LARGE and not any(name in (gpu.name or "") for name in ("A100", "GB10"))

    return 1024 if gpus and all(map(is_large, gpus)) else _SEQUENCES


def _launch(what: Launch) -> LaunchLine | None:
    """A GGUF file and bitsandbytes take plug-ins of vLLM's, which the line supposes to be installed.

    None for one file of a GGUF repository, and for a cache in a format that it has not."""
    work = what.workload
    if not serves(what, _CACHES, also=_OPTIONS) or not proposes_by_itself(work):
        return None
    proposed = f'{{"method": "mtp", "num_speculative_tokens": {work.speculative_tokens or 1}}}'
    quantised = "fp8" if what.quantises_on_load and work.weights == "fp8" else None
    argv = (
        "vllm", "serve", what.model,
        *options(
            ("--quantization", quantised),
            ("--tensor-parallel-size", more_than_one(what.tensor_parallel)),
            ("--pipeline-parallel-size", more_than_one(what.pipeline_parallel)),
            ("--max-model-len", work.context),
            ("--max-num-seqs", work.max_sequences),
            ("--max-num-batched-tokens", work.max_batched_tokens),
            ("--kv-cache-dtype", _CACHES.get(work.kv_cache or "")),
            ("--cpu-offload-gb", math.ceil(what.offloaded_bytes / GIB) or None),
            ("--cpu-offload-params", "experts" if what.expert_layers_in_ram else None),
            ("--gpu-memory-utilization", work.memory_fraction or _FRACTION),
            ("--speculative-config", proposed if work.speculative else None),
            ("--max-loras", work.lora_slots),
            ("--max-lora-rank", work.lora_rank if work.lora_slots else None),
        ),
        *flags(
            ("--enable-lora", work.lora_slots is not None),
            ("--no-enable-prefix-caching", work.prefix_caching is False),
            ("--enforce-eager", work.cuda_graphs is False),
            ("--language-model-only", work.images is False),
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
    glibc_min="2.31",
    python_min="3.11",
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
    # Triton compiles no 8-bit floats with four exponent bits for older GPUs
    cache_capability={"fp8": (8, 9), "fp8_e4m3": (8, 9), "nvfp4": (10, 0)},
    cache_block=16,
    reservation=Reservation(fraction=_FRACTION, of="total", context_beside=True),
    sequences_option="--max-num-seqs",
    default_sequences=_default_sequences,
    default_step=_default_step,
    tensor_parallel=True,
    pipeline_parallel=True,
    fp8_arithmetic=True,
    pads_mxfp4=True,
    own_options=("speculative", "speculative_tokens"),
    memory=_memory,
    cache_terms=_cache_terms,
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
