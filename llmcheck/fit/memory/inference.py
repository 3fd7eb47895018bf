"""Terms of one GPU in inference: its part of the weights and the KV cache, and what the runtime adds."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.shapes import kv_cache, matrices
from llmcheck.fit.shapes.formats import Format
from llmcheck.fit.shapes.weights import StoredWeights
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import GpuMemory, Runtime, version_of
from llmcheck.schema.architecture import Attention
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.units import GIB

CONTEXT_SOURCE = (
    "0.47 GiB measured on an A100 with lazily loaded kernels (torch 2.1), up to 0.9 when they are loaded eagerly;"
    " llama.cpp's log leaves 0.2 to 0.6 GiB unaccounted"
)
_DEQUANTISE = "bitsandbytes: the largest quantised matrix in 16 bits, two copies while it is loaded or cast"
_CACHED = (
    "freed blocks that PyTorch's allocator keeps for reuse and frees before memory runs out: its documented rules,"
    " simulated tensor by tensor; other orders of operations and other lengths leave other blocks"
)
_STATE = "the state of each recurrent layer and the last inputs of its convolution, the same at any length"
_NCCL = "NCCL's channels and all-reduce workspace: vLLM's log shows 0.42 GiB more than on one GPU"
OLD_Q2_K = 0.16
"""Upper end for Q2_K files: until 2024 llama.cpp used Q3_K for gate and up, which makes them 12 to 15 % larger."""
SEQUENCES = 256
"""Sequences that a server's sampler allocates memory for, unless the workload names a number."""


def terms(use: ModelUse, part: GpuPart, stored: StoredWeights) -> list[Term]:
    """All terms of the GPU that has this part of the model. ``stored``: bytes of all weights."""
    runtime, gpu = use.runtime, gpu_memory(use, part)
    found = weight_terms(use, stored, part)
    found += _cache_terms(use, part, gpu)
    found += runtime.memory(gpu)
    found += _adapters(use, part)
    if use.workload.speculative is not None:
        from llmcheck.fit.memory import speculative  # a rare use

        found += speculative.terms(use, part)
    found += _dequantised(use, runtime, stored.largest / part.tensor)
    if runtime.gpu_context:
        found.append(context_term(runtime))
    if part.tensor > 1 and runtime.collectives:
        name = "communication buffers"
        found.append(
            term("overhead", name, 0.5 * GIB, _NCCL, low=0.2 * GIB, high=1.6 * GIB, part="communication")
        )  # fmt: skip
    return found


def cached_blocks(use: ModelUse, part: GpuPart) -> list[Term]:
    """What PyTorch's allocator holds beyond what is allocated at the peak; [] where none is simulated."""
    habits = use.runtime.eager
    if habits is None or not use.is_inference:
        return []
    from llmcheck.fit.memory.eager_run import cached_blocks  # a simulation, which the planner does without

    size = cached_blocks(use, part, habits(version_of(use.workload.runtime_version)))
    if not size:
        return []
    return [term("overhead", "cached blocks", size, _CACHED, low=0.6 * size, high=1.25 * size, part="allocator")]


_LORA = "vLLM's slots of adapters in 16 bits: rank x inputs on each GPU, rank x outputs divided over them"


def _adapters(use: ModelUse, part: GpuPart) -> list[Term]:
    """Places for adapters of all matrices that a server holds, whether they are filled or not."""
    slots = use.workload.lora_slots
    if slots is None:
        return []
    rank, inputs, outputs = use.workload.lora_rank or 16, 0, 0
    for matrix in matrices.matrices(use.architecture):
        if matrix.role != "router":
            copies = max(matrix.experts, 1)
            inputs += matrix.layers * copies * matrix.columns
            outputs += matrix.layers * matrix.elements // max(matrix.columns, 1)
    size = 2.0 * slots * rank * (inputs + outputs / part.tensor) * part.layers
    return [term("weights", "slots of adapters", size, _LORA, low=0.8 * size, high=1.3 * size)]


def context_term(runtime: Runtime | None = None) -> Term:
    """What a process allocates on a GPU before any tensor: the context, and kernels as they are loaded.

    ``runtime``: None for plain PyTorch.
    """
    size = Band(0.3, 0.5, 0.95) if runtime is None else runtime.context_gib
    return term(
        "overhead", "GPU context and kernels", size.expected * GIB, CONTEXT_SOURCE,
        low=size.low * GIB, high=size.high * GIB, part="context",
    )  # fmt: skip


def gpu_memory(use: ModelUse, part: GpuPart) -> GpuMemory:
    """The sizes from which a runtime computes its own terms."""
    work, context = use.workload, use.context

    def cache_bytes(tokens: int, groups: tuple[Attention, ...]) -> float:
        return cache_on_gpu(use, groups, tokens, part)

    def layer_bytes(tokens: int, sequence: int) -> float:
        return peak_layer_bytes(use, tokens, sequence, part.tensor)

    def loading_rest() -> float:
        from llmcheck.fit.memory.loading import added_by_allocator  # only for runtimes that load in this way

        return added_by_allocator(use.architecture, use.weight_format) * part.layers / part.tensor

    return GpuMemory(
        architecture=use.architecture,
        weights=use.weight_format.name,
        batch=use.batch,
        context=context,
        prompt=context if work.prompt is None else min(context, work.prompt),
        max_sequences=max(work.max_sequences or SEQUENCES, use.batch),
        flash_attention=work.flash_attention is not False,
        version=version_of(work.runtime_version),
        layers=use.architecture.layers * part.layers,
        tensor=part.tensor,
        first=part.first,
        last=part.last,
        attention_width=matrices.attention_width(use.architecture),
        dense_width=matrices.dense_width(use.architecture),
        cache_bytes=cache_bytes,
        layer_bytes=layer_bytes,
        loading_rest=loading_rest,
        workload=work,
    )


def _dequantised(use: ModelUse, runtime: Runtime, largest: float) -> list[Term]:
    """Buffers for matrices that are converted to 16 bits one at a time. ``largest``: elements of the largest."""
    form, name = use.weight_format, "dequantisation buffer"
    if form.family == "bnb-4bit":
        return [term("overhead", name, 4 * largest, _DEQUANTISE, low=2 * largest, high=6 * largest)]
    if form.family == "int8":
        source = "outlier columns and the 16-bit copy of one matrix (bitsandbytes)"
        return [term("overhead", name, 3 * largest, source, low=largest, high=6 * largest)]
    # the kernels read 4 bits only
    if form.name.startswith("gptq-4bit") and runtime.dequantises_group:
        return [_exllama_buffers(use, largest)]
    return []


_EXLLAMA_ROWS = 2048 * 8
"""Prompt tokens times sequences that the scratch space of version 2 is made for (AutoGPTQ and Optimum)."""


def _exllama_buffers(use: ModelUse, largest: float) -> Term:
    """One matrix in 16 bits; version 2 of the kernels adds the products of 16,384 rows in 32 bits."""
    source = "ExLlama's kernels for GPTQ: one matrix in 16 bits; version 2 has a scratch space for 16,384 rows too"
    widest = max(m.elements // max(m.columns, 1) // max(m.experts, 1) for m in matrices.matrices(use.architecture))
    one, two = 2.0 * largest, 2.0 * largest + 4.0 * _EXLLAMA_ROWS * widest
    kernel = use.workload.gptq_kernel
    expected = {"exllama": one, "exllamav2": two, "marlin": 0.0, None: one}[kernel]
    low, high = (expected, expected) if kernel else (0.0, two)
    return term("overhead", "dequantisation buffer", expected, source, low=low, high=high)


def weight_terms(use: ModelUse, stored: StoredWeights, part: GpuPart, scale: float = 1.0) -> list[Term]:
    """Terms of the weights. ``scale``: the fraction of this GPU's part that stays on it (sharding gathers the rest)."""
    form = use.weight_format
    slack = 0.0 if stored.exact else max(0.06, form.spread) if use.architecture.estimated else form.spread
    above = max(slack, OLD_Q2_K if form.name == "q2_k" and not stored.exact else 0.0)
    below = max(slack, _without_groups(form) if not stored.exact else 0.0)
    source = source_of(stored, form)
    found = []
    for name, unsharded in _weight_rows(use, stored, part):
        size = unsharded * scale / part.tensor
        found.append(term("weights", name, size, source, low=size * (1 - below), high=size * (1 + above)))
    return found


def _without_groups(form: Format) -> float:
    """Of GPTQ: what scales and zero points take: a file may have them by column alone, and its name does not say so."""
    usual = form.name.startswith("gptq") and ("-g" not in form.name or "-g128" in form.name)
    return (form.bits - int(form.bits)) / form.bits if usual else 0.0


def _weight_rows(use: ModelUse, stored: StoredWeights, part: GpuPart) -> list[tuple[str, float]]:
    """Name and bytes of each kind of weights in this part, before tensor parallelism and sharding."""
    in_ram = 0.0 if part.experts is None else stored.experts * (part.layers - part.experts)
    rows = [("blocks", stored.layers * part.layers - in_ram)]
    in_ram = use.is_inference and use.runtime.embedding_in_ram
    if stored.head:
        if part.first and not in_ram:
            rows.append(("embedding", stored.embedding))
        if part.last:
            rows.append(("output projection", stored.head))
    elif part.last if in_ram else part.first or (part.last and not use.is_inference):
        name = "embedding" if use.architecture.encoder else "embedding, also the output projection"
        rows.append((name, stored.embedding))
    if stored.vision and part.first and use.workload.images is not False:
        rows.append(("vision tower", stored.vision))
    return rows


def source_of(stored: StoredWeights, form: Format) -> str:
    """Where the bytes of the weights come from."""
    return "exact bytes in the file's header" if stored.exact else form.source


def embedding_in_ram(use: ModelUse) -> int:
    """Bytes of the token embedding that stay in RAM even when every layer is on the GPU; 0 in most runtimes."""
    return use.stored.embedding if use.is_inference and use.runtime.embedding_in_ram else 0


def cache_on_gpu(use: ModelUse, groups: tuple[Attention, ...], tokens: int, part: GpuPart) -> float:
    """Bytes of KV cache on one GPU, for ``tokens`` of each sequence and these groups of layers.

    Tensor parallelism divides the cached heads; where there are fewer heads than GPUs, several GPUs have copies.
    Recurrent states are divided by their own heads, of which there are enough.
    """
    heads = max((group.kv_heads for group in groups if group.kind == "attention"), default=1)
    cached, states = _cached(use, groups, tokens), _states(use, groups)
    return part.layers * (cached / min(part.tensor, max(heads, 1)) + states / part.tensor)


def _cached(use: ModelUse, groups: tuple[Attention, ...], tokens: int) -> int:
    """Bytes of keys and values of all sequences, in all layers."""
    attending = tuple(group for group in groups if group.kind != "state")
    sequences = 1 if use.workload.kv_unified else use.batch
    return kv_cache.of_groups(attending, tokens, sequences, use.workload.kv_cache, use.workload.kv_cache_values)


def _states(use: ModelUse, groups: tuple[Attention, ...]) -> int:
    """Bytes of the recurrent states of all sequences, in all layers."""
    recurrent = tuple(group for group in groups if group.kind == "state")
    return kv_cache.of_groups(recurrent, 1, use.batch, use.workload.kv_cache, state_bits=use.runtime.state_bits)


def cache_size(use: ModelUse, tokens: int | None = None) -> int:
    """Bytes of keys, values and states as this runtime stores them. ``tokens``: of each sequence; None: the context."""
    groups = use.architecture.attention
    return _cached(use, groups, use.context if tokens is None else tokens) + _states(use, groups)


KEYS, STATES = "keys and values", "recurrent states"
"""Names of the two terms of the component ``kv_cache``."""


def _cache_terms(use: ModelUse, part: GpuPart, gpu: GpuMemory) -> list[Term]:
    tokens, groups = use.context, use.architecture.attention
    attending = tuple(group for group in groups if group.kind != "state")
    here = cache_on_gpu(use, attending, tokens, part)
    own = _cached(use, groups, tokens) * part.layers / part.tensor
    found = [term("kv_cache", KEYS, own, kv_cache.SOURCE, part="cache")]
    states = _states(use, groups) * part.layers / part.tensor
    if states:
        found.append(term("kv_cache", STATES, states, _STATE, part="state"))
    if here > own:
        source = "more GPUs than cached heads: several GPUs have a copy of each head"
        found.append(term("overhead", "copies of the cache", here - own, source, part="cache"))
    if use.runtime.cache_terms is not None:
        found += use.runtime.cache_terms(gpu)
    block = use.runtime.cache_block
    padded = -(-tokens // block) * block
    if padded > tokens:
        more = cache_on_gpu(use, attending, padded, part) - here
        found.append(term("overhead", "padding of the cache", more, f"blocks of {block} tokens", part="cache"))
    return found


def peak_layer_bytes(use: ModelUse, tokens: int, sequence: int, tensor: int = 1) -> float:
    """Peak bytes of temporary tensors in the largest layer, on one GPU.

    ``tokens``: of all sequences; ``sequence``: of each, squared in attention without flash attention. ``tensor``: GPUs
    that each matrix is divided over, of which each has the hidden state whole.
    """
    architecture, work = use.architecture, use.workload
    hidden = architecture.hidden
    size = 4 if (work.weights or "") in {"fp32", "float32", "f32"} or work.precision == "fp32" else 2
    inner = max(matrices.dense_width(architecture), architecture.experts_active and architecture.expert_intermediate)
    # alive while the branches are computed: model input, layer input, residual, normalised input
    feed_forward = (matrices.branches(architecture) * inner / tensor + 4 * hidden) * size
    queries, keys = matrices.attention_width(architecture), matrices.cached_width(architecture)
    attention = (3 * hidden + (4 * queries + 4 * keys) / tensor) * size
    if work.flash_attention is False:
        heads = max((group.heads for group in architecture.attention), default=0)
        attention += heads * sequence * (2 * size + 4) / tensor
    norm = hidden * (2 * size + 8)
    return tokens * max(feed_forward, attention, norm)


def exact_cache(each: Term, use: ModelUse) -> Term:
    """The term with the KV cache of all GPUs, whose parts were rounded one by one."""
    groups = use.architecture.attention
    size = _states(use, groups) if each.name == STATES else _cached(use, groups, use.context)
    return replace(each, expected=size, low=size, high=size)
