"""Memory and speed of eager PyTorch: operations run one by one, and a tensor is freed when its variable is."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour.interface import GpuMemory, Pace
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.units import MIB

_PROMPT = (
    "the larger of: tensors alive at once in the largest layer (feed-forward: its branches and four copies of the"
    " hidden state), logits in 16 and 32 bits"
)
_TABLES = "transformers before 4.45 keeps sine and cosine of every position in every layer"
_CACHED_BLOCKS = "freed blocks that PyTorch's allocator keeps: 1 to 24 % of what is allocated and freed"
# Published: Qwen2.5's speed benchmark on an A100 (0.5B to 72B: 47, 40, 25, 17, 8.7 tokens/s).
PACE = Pace(
    bandwidth_share=Band(0.50, 0.75, 0.90),
    layer_overhead=Band(900e-6, 400e-6, 150e-6),
    flops_share=Band(0.2, 0.42, 0.65),
    experts_factor=4,
)


def pace(_gpus: Sequence[Gpu]) -> Pace:
    """The same on all GPUs."""
    return PACE


def memory(gpu: GpuMemory) -> list[Term]:
    """A version that computes the logits of the last prompt token only."""
    return _terms(gpu, old=False)


def memory_with_all_logits(gpu: GpuMemory) -> list[Term]:
    """A version that computes the logits of every prompt token, and copies the KV cache when it grows."""
    return _terms(gpu, old=True)


def _terms(gpu: GpuMemory, *, old: bool) -> list[Term]:
    """``old``: transformers before 4.45."""
    model, batch = gpu.architecture, gpu.batch
    cache = gpu.cache_bytes(gpu.context, model.attention)
    after_prompt = gpu.cache_bytes(gpu.prompt, model.attention)
    layer = gpu.layer_bytes(batch * gpu.prompt, gpu.prompt)
    logits = _logits(gpu, old=old)
    copy = cache if old else cache / max(gpu.layers, 1) / 2
    decoding = copy + (batch * model.vocab * 6.0 if gpu.last else 0)

    def beyond_cache(scale: float) -> float:
        return max(after_prompt + scale * max(layer, logits), cache + scale * decoding) - cache

    expected = beyond_cache(1.0)
    peak = cache + expected
    name = "tensors of the prompt"
    found = [term("activations", name, expected, _PROMPT, low=beyond_cache(0.88), high=beyond_cache(1.15))]
    found += _while_loading(gpu, peak) if not old else _rotary_tables(gpu)
    found.append(term("overhead", "workspace", 24 * MIB, "cuBLAS: 8 MiB and more per stream", low=0, high=96 * MIB))
    name = "allocator cache and fragmentation"
    found.append(term("overhead", name, 0.05 * peak, _CACHED_BLOCKS, low=0, high=0.24 * peak, part="allocator"))
    return found


def _logits(gpu: GpuMemory, *, old: bool) -> float:
    """Bytes: 2 for each logit and 4 for its 32-bit copy."""
    model, batch = gpu.architecture, gpu.batch
    if gpu.last:
        rows = batch * gpu.prompt if old else batch
        return rows * model.vocab * 6.0 + (rows * model.hidden * 4.0 if old else 0.0)
    # accelerate copies the output of the last GPU to the first one
    return batch * gpu.prompt * model.vocab * 4.0 if old and gpu.first else 0.0


def _while_loading(gpu: GpuMemory, peak: float) -> list[Term]:
    """``peak``: bytes that generation needs later in the same place."""
    counts = gpu.architecture.parameters
    more = 2.0 * counts.embedding - peak
    if not gpu.first or counts.head or not gpu.weights.startswith("awq") or more <= 0:
        return []
    source = "the output projection is allocated while the model loads, before it is tied to the embedding"
    return [term("overhead", "second copy of the embedding while loading", more, source)]


def _rotary_tables(gpu: GpuMemory) -> list[Term]:
    model = gpu.architecture
    if not model.context:
        return []
    width = max((group.head_dim for group in model.attention), default=0)
    return [term("overhead", "rotary tables", 4.0 * model.context * width * gpu.layers, _TABLES, low=0)]
