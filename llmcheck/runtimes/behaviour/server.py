"""Memory and pace of servers, which prepare for their largest step: one chunk of prompt, many sequences."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour.interface import GpuMemory, Pace
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.units import GIB

_WORKSPACE = (
    "cuBLAS and the engine's own: LMDeploy shows 1.3 to 1.5 GiB beside weights and cache, context and prompt included"
)
# vLLM: 8B in bf16 at 85 to 90 tokens/s on an A100, about 140 on an H100.
PACE = Pace(reading=Band(0.55, 0.75, 0.92), launching=Band(80e-6, 30e-6, 10e-6), computing=Band(0.3, 0.5, 0.75))


def pace(_gpus: Sequence[Gpu]) -> Pace:
    return PACE


def chunk_bytes(gpu: GpuMemory, chunk: int) -> float:
    """What one layer holds for a chunk of prompt, or for all tokens where they are fewer."""
    tokens = min(chunk, max(gpu.context * gpu.batch, 1))
    return gpu.layer_bytes(tokens, tokens)


def chunk_terms(gpu: GpuMemory, chunk: int) -> list[Term]:
    """``chunk``: tokens of prompt that are read at once."""
    size = chunk_bytes(gpu, chunk) + 10.0 * min(gpu.max_sequences, gpu.batch) * gpu.architecture.vocab
    source = f"the layer that needs most over {chunk:,} tokens"
    return [
        term("activations", "one chunk of prompt", size, source, low=size * 0.6, high=size * 1.5),
        term("overhead", "workspace", 0.1 * GIB, _WORKSPACE, low=0, high=0.6 * GIB),
    ]


def usual_chunk(gpu: GpuMemory) -> int:
    return 8192 if gpu.max_sequences >= 1024 else 2048
