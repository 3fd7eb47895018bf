"""Memory and speed of eager PyTorch: operations run one by one, and a tensor is freed when its variable is."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.runtimes.behaviour import training_pace
from llmcheck.runtimes.behaviour.interface import CURRENT, Eager, GpuMemory, Pace, Version
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
