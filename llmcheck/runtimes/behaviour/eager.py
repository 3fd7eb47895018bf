"""Memory and speed of eager PyTorch: operations run one by one, and a tensor is freed when its variable is."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.runtimes.behaviour.interface import Eager, GpuMemory, Pace, Version
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.units import MIB

_PROMPT = (
    "the larger of: tensors alive at once in the largest layer (feed-forward: its branches and four copies of the"
    " hidden state), logits in 16 and 32 bits"
)
_TABLES = "transformers before 4.45 keeps sine and cosine of every position in every layer"
_REST = "PyTorch's allocator: a large tensor's segment is rounded up to 2 MiB, and a rest below 1 MiB stays with it"
_CUBLAS = 8.125 * MIB
_WORKSPACE = "cuBLAS: 8.1 MiB for each stream and handle, 32 MiB on Hopper"
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


def plain(_version: Version) -> Eager:
    """The logits of the last prompt token, and a cache that grows layer by layer."""
    return Eager()


def memory(gpu: GpuMemory) -> list[Term]:
    """Of ``plain``."""
    return terms(gpu, plain(gpu.version))


def terms(gpu: GpuMemory, habits: Eager) -> list[Term]:
    """Temporary tensors at the peak, beyond the cache of the whole context, and what the libraries keep."""
    model, batch, work = gpu.architecture, gpu.batch, gpu.workload
    whole = gpu.cache_bytes(gpu.context, model.attention)
    after_prompt = whole if work.static_cache else gpu.cache_bytes(gpu.prompt, model.attention)
    at_once = min(gpu.prompt, habits.chunk or gpu.prompt)
    layer = gpu.layer_bytes(batch * at_once, gpu.prompt)
    if habits.chunk and gpu.prompt > habits.chunk:
        # the mask of a step over all that is cached, and one layer's keys that are copied into a longer tensor
        layer += 2.0 * batch * at_once * gpu.prompt + after_prompt / max(gpu.layers, 1) / 2
    logits = _logits(gpu, at_once, habits)
    decoding = 0.0
    if gpu.context > gpu.prompt:
        grown = 0.0 if work.static_cache else whole if habits.two_caches else whole / max(gpu.layers, 1) / 2
        decoding = grown + (batch * model.vocab * 6.0 if gpu.last else 0)

    def beyond_cache(scale: float) -> float:
        # the new cache is sure; what else lives beside it depends on the order of operations
        return max(after_prompt + scale * max(layer, logits), whole + scale * decoding) - whole

    expected = beyond_cache(1.0)
    name = "tensors of the prompt"
    found = [term("activations", name, expected, _PROMPT, low=beyond_cache(0.88), high=beyond_cache(1.15))]
    found += _while_loading(gpu, whole + expected) if not habits.all_logits else []
    if habits.rotary_tables:
        found += _rotary_tables(gpu)
    if habits.loads_by_tensor:
        rest = gpu.loading_rest()
        if rest:
            found.append(term("overhead", "rest of large blocks", rest, _REST, low=0))
    found.append(term("overhead", "workspace", _CUBLAS, _WORKSPACE, low=0, high=96 * MIB))
    return found


def _logits(gpu: GpuMemory, tokens: int, habits: Eager) -> float:
    """Bytes: 2 for each logit and 4 for its 32-bit copy. ``tokens``: of one prompt, at once."""
    model, batch = gpu.architecture, gpu.batch
    if gpu.last:
        rows = batch * tokens if habits.all_logits else batch
        return rows * model.vocab * 6.0 + (rows * model.hidden * 2.0 if habits.all_logits else 0.0)
    # accelerate copies the output of the last GPU to the first one
    return batch * tokens * model.vocab * 4.0 if habits.all_logits and gpu.first else 0.0


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
