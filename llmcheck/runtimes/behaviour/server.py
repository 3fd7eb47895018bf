"""Memory and speed of servers, which allocate for their largest step: one chunk of a prompt and many sequences."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour.interface import CURRENT, GpuMemory, Pace
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.units import GIB

_WORKSPACE = (
    "cuBLAS and the engine: LMDeploy shows 1.3 to 1.5 GiB in addition to weights and cache, context and prompt included"
)
# Qwen2.5's speed benchmark with vLLM on an A100: 0.5B to 72B, bf16, GPTQ and AWQ, 1 to 30,720 tokens, 1 to 4 GPUs.
PACE = Pace(
    bandwidth_share=Band(0.72, 0.86, 0.95),
    layer_overhead=Band(160e-6, 115e-6, 40e-6),
    flops_share=Band(0.4, 0.6, 0.75),
    cache_share=Band(0.3, 0.45, 0.8),
    prompt_chunk=2048,
)


def pace(gpus: Sequence[Gpu], version: tuple[int, ...] = CURRENT, compiled: bool = False) -> Pace:
    """The same on all GPUs."""
    return PACE


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
