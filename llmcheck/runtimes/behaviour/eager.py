"""Memory and speed of eager PyTorch: operations run one by one, and a tensor is freed when its variable is."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.runtimes.behaviour import training_pace
from llmcheck.runtimes.behaviour.interface import CURRENT, GpuMemory, Pace
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.units import MIB

_PROMPT = (
    "the larger of: tensors alive at once in the largest layer (feed-forward: its branches and four copies of the"
    " hidden state), logits in 16 and 32 bits"
)
_TABLES = "transformers before 4.45 keeps sine and cosine of every position in every layer"
_CACHED_BLOCKS = "freed blocks that PyTorch's allocator keeps: 1 to 24 % of what is allocated and freed"
# Published: Qwen2.5's speed benchmark on an A100 (0.5B to 72B, 1 to 30,720 tokens, bf16, GPTQ and AWQ: 0.8 to 1.1 ms a
# layer whatever its size), optimum-benchmark's tables of Llama 2 and Mistral (batches, GPTQ, bitsandbytes).
_PACE = Pace(
    bandwidth_share=Band(0.70, 0.84, 0.95),
    layer_overhead=Band(200e-6, 125e-6, 60e-6),
    flops_share=Band(0.33, 0.47, 0.62),
    experts_factor=4,
    launch=Band(1150e-6, 860e-6, 650e-6),
    launch_of_format={"awq": 1.27, "gptq-8": 1.32, "nf4": 1.55, "fp4": 1.55, "int8": 2.8},
    dequantises_from={"gptq": 8, "nf4": 2, "fp4": 2},
    cache_share=Band(0.55, 0.85, 1.0),
    cache_passes=6,
    repeats_grouped_heads=True,
    score_bytes=16,
    training=training_pace.EAGER,
)
_COPIES_THE_CACHE = (4, 45)
"""The first version of transformers without copies of the whole cache and masks in 32 bits at every step."""
_GPT_FAST = Pace(
    bandwidth_share=Band(0.70, 0.84, 0.95),
    layer_overhead=Band(110e-6, 50e-6, 20e-6),
    flops_share=Band(0.4, 0.55, 0.7),
    experts_factor=2,
    training=training_pace.COMPILED,
)
"""A model compiled with a static cache (gpt-fast, torchao): graphs are replayed, and small operations are fused."""


def pace(_gpus: Sequence[Gpu], version: tuple[int, ...] = CURRENT, compiled: bool = False) -> Pace:
    """The same on all GPUs."""
    if compiled:
        return _GPT_FAST
    return replace(_PACE, cache_passes=9, score_bytes=24) if version < _COPIES_THE_CACHE else _PACE


def lean_pace(_gpus: Sequence[Gpu], _version: tuple[int, ...] = CURRENT, compiled: bool = False) -> Pace:
    """Of models written for one trainer or runtime, with fewer operations in a layer and a cache that is not copied.

    LitGPT's quantisation guide: Falcon-7B on an A100 at 48 tokens/s in bf16, 38 in nf4, 13 in int8."""
    own = _GPT_FAST if compiled else _PACE
    launch = None if compiled else Band(900e-6, 640e-6, 450e-6)
    return replace(
        own, launch=launch, launch_of_format={"nf4-dq": 1.6, "fp4-dq": 1.9, "nf4": 1.27, "fp4": 1.27, "int8": 3.8},
        cache_passes=2, repeats_grouped_heads=not compiled,
        training=training_pace.COMPILED if compiled else training_pace.LEAN,
    )  # fmt: skip


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
