"""Memory and speed of servers, which allocate for their largest step: one chunk of a prompt and many sequences."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.runtimes.behaviour.interface import CURRENT, GpuMemory, Pace
from llmcheck.runtimes.behaviour.pace import has_hbm
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.units import GIB

_WORKSPACE = (
    "cuBLAS and the engine: LMDeploy shows 1.3 to 1.5 GiB in addition to weights and cache, context and prompt included"
)
# Qwen2.5's speed benchmark with vLLM on an A100: 0.5B to 72B, bf16, GPTQ and AWQ, 1 to 30,720 tokens, 1 to 4 GPUs.
PACE = Pace(
    bandwidth_share=Band(0.72, 0.86, 0.95),
    layer_overhead=Band(150e-6, 105e-6, 55e-6),
    launch_of_format={"gptq": 1.2, "awq": 1.25},
    flops_share=Band(0.4, 0.6, 0.75),
    cache_share=Band(0.3, 0.45, 0.8),
    prompt_chunk=2048,
    sequence_overhead=Band(60e-6, 25e-6, 5e-6),
)


_GDDR = replace(PACE, bandwidth_share=Band(0.74, 0.9, 0.97))
"""As in llama.cpp, one sequence uses more of GDDR's bandwidth than of HBM's."""
_SINCE_HOPPER = replace(PACE, layer_overhead=Band(110e-6, 60e-6, 25e-6))
"""Graphs are replayed faster: an 8B model in bf16 at about 140 tokens/s on an H100."""
_HOPPER_NAMES = r"\b(?:[HB][1-3]00|H20|GH200|GB[23]00|MI3\d\d[AX]?)"


def pace(gpus: Sequence[Gpu], _version: tuple[int, ...] = CURRENT, _compiled: bool = False) -> Pace:
    """By the generation of the GPUs."""
    import re  # imported when a speed is computed, not when runtimes are listed

    if any(re.search(_HOPPER_NAMES, gpu.name or "", re.IGNORECASE) for gpu in gpus):
        return _SINCE_HOPPER
    return PACE if has_hbm(gpus) else _GDDR


_NATIVE = replace(PACE, layer_overhead=Band(90e-6, 38e-6, 15e-6), launch_of_format={})


def native_pace(_gpus: Sequence[Gpu], _version: tuple[int, ...] = CURRENT, _compiled: bool = False) -> Pace:
    """Engines whose layers are few large kernels of their own: ExLlama, LMDeploy's TurboMind, TensorRT-LLM.

    ExLlama's README: 7B in 4 bits at about 160 tokens/s on an RTX 4090, 33B at 45."""
    return _NATIVE


def chunk_bytes(gpu: GpuMemory, chunk: int) -> float:
    """Peak bytes of temporary tensors in one layer for ``chunk`` tokens, or for all tokens where there are fewer."""
    tokens = min(chunk, max(gpu.context * gpu.batch, 1))
    return gpu.layer_bytes(tokens, tokens)


def chunk_terms(gpu: GpuMemory, chunk: int) -> list[Term]:
    """Activations and workspace of a server that processes ``chunk`` prompt tokens at once."""
    size = chunk_bytes(gpu, chunk) + 10.0 * min(gpu.max_sequences, gpu.batch) * gpu.architecture.vocab
    source = f"temporary tensors of the largest layer for {chunk:,} tokens"
    return [
        term("activations", "one chunk of a prompt", size, source, low=size * 0.6, high=size * 1.5),
        term("overhead", "workspace", 0.1 * GIB, _WORKSPACE, low=0, high=0.6 * GIB),
    ]


def default_chunk(gpu: GpuMemory) -> int:
    """Tokens of a prompt that vLLM processes at once: more where it prepares for more sequences (large GPUs)."""
    return 8192 if gpu.max_sequences >= 1024 else 2048
