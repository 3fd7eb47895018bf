"""What one GPU holds while a model answers: its part of weights and cache, and what each runtime needs beside them."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.fit.memory.terms import GIB, MIB, Share, term
from llmcheck.fit.shapes import kv_cache, matrices, weights
from llmcheck.fit.shapes.formats import Format
from llmcheck.fit.shapes.weights import Stored
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Term
from llmcheck.schema.workload import Workload

CONTEXT = "GPU context and kernels"
CACHING = "allocator cache and fragmentation"
COMMUNICATION = "communication buffers"
COMPUTE = "compute buffer"
DEFAULT_CONTEXT = 8192
CONTEXT_SOURCE = (
    "0.47 GiB measured on an A100 with lazily loaded kernels (torch 2.1), up to 0.9 when they are loaded eagerly"
)
_DEQUANTISE = "the largest quantised matrix in 16 bits, twice while it is loaded or cast (bitsandbytes)"
_PROMPT = (
    "what is alive at once in the layer that needs most (feed-forward: its branches and four copies of the hidden"
    " state), or logits in 16 and 32 bits"
)
_TABLES = "sine and cosine of every position in every layer (transformers before 4.45)"
_CACHED_BLOCKS = "freed blocks that the allocator keeps: 1 to 24 % of what moves"
_PROFILE = (
    "vLLM's profile run: 38 bytes per vocabulary entry and sequence slot, as its log shows for four vocabularies;"
    " the rest of the pool suggests half of it for one more"
)
_WORKSPACE = (
    "cuBLAS and the engine's own: LMDeploy shows 1.3 to 1.5 GiB beside weights and cache, context and prompt included"
)
_GRAPH = (
    "llama.cpp's graph of 512 tokens in 32 bits: scores of all heads over the context without flash attention, else"
    " logits, mask and feed-forward"
)
OLD_Q2_K = 0.16
"""Until 2024 llama.cpp's Q2_K gave the wide feed-forward matrices Q3_K: 12 to 15 % more."""
UBATCH = 512
"""llama.cpp's default ``--ubatch-size``."""
SERVED = ("vllm", "sglang", "tgi", "tensorrt-llm")
TENSOR_PARALLEL = ("vllm", "sglang", "tgi", "tensorrt-llm")


def context_of(architecture: Architecture, workload: Workload) -> int:
    if workload.context is not None:
        return max(workload.context, 0)
    if workload.prompt is not None:
        return max(workload.prompt, 0)
    return min(DEFAULT_CONTEXT, architecture.context or DEFAULT_CONTEXT)


def whole_logits(workload: Workload) -> bool:
    """transformers kept the logits of every token of the prompt until 4.45."""
    return workload.runtime in (None, "transformers") and version(workload) < (4, 45)


def version(workload: Workload) -> tuple[int, ...]:
    text = workload.runtime_version or ""
    parts = tuple(int(part) for part in text.split(".") if part.isdigit())
    return parts[:2] if len(parts) >= 2 else (99, 0)


def terms(architecture: Architecture, workload: Workload, share: Share, stored: Stored) -> list[Term]:
    form = weights.chosen(architecture, workload)
    found = weight_terms(architecture, workload, stored, share)
    found += _cache_terms(architecture, workload, share)
    runtime = workload.runtime or "transformers"
    if runtime == "llama.cpp":
        found += _llama_cpp(architecture, workload, share)
    elif runtime in SERVED:
        found += _server(architecture, workload, share)
    else:
        found += _eager(architecture, workload, share)
    found += _dequantised(form, runtime, stored.largest / share.tensor)
    if runtime == "mlx":
        return found
    found.append(term("overhead", CONTEXT, 0.5 * GIB, CONTEXT_SOURCE, low=0.3 * GIB, high=0.95 * GIB))
    if share.tensor > 1 and runtime != "llama.cpp":
        found.append(
            term(
                "overhead",
                COMMUNICATION,
                0.5 * GIB,
                "NCCL's channels and all-reduce workspace: 0.42 GiB beside one GPU's in vLLM's own log",
                low=0.2 * GIB,
                high=1.6 * GIB,
            )
        )
    return found


def _dequantised(form: Format, runtime: str, largest: float) -> list[Term]:
    """What turns matrices back into 16 bits, one at a time. ``largest``: elements of the largest."""
    name = "dequantisation buffer"
    if form.family == "bnb-4bit":
        return [term("overhead", name, 4 * largest, _DEQUANTISE, low=2 * largest, high=6 * largest)]
    if form.family == "int8":
        source = "outlier columns and the 16-bit copy of one matrix (bitsandbytes)"
        return [term("overhead", name, 3 * largest, source, low=largest, high=6 * largest)]
    if form.name.startswith("gptq") and runtime == "transformers":
        return [term("overhead", name, 2 * largest, "ExLlama's kernels keep room for one matrix in 16 bits", low=0)]
    return []


def weight_terms(
    architecture: Architecture, workload: Workload, stored: Stored, share: Share, scale: float = 1.0
) -> list[Term]:
    form = weights.chosen(architecture, workload)
    slack = 0.0 if stored.exact else 0.06 if architecture.estimated else 0.01 if form.family == "gguf" else 0.005
    above = max(slack, OLD_Q2_K if form.name == "q2_k" and not stored.exact else 0.0)
    source = source_of(stored, form)
    rows = [("blocks", stored.layers * share.layers)]
    in_ram = workload.runtime == "llama.cpp" and workload.method == "inference"
    if stored.head:
        if share.first and not in_ram:
            rows.append(("embedding", stored.embedding))
        if share.last:
            rows.append(("output projection", stored.head))
    elif share.last if in_ram else share.first or (share.last and workload.method != "inference"):
        rows.append(("embedding, also the output projection", stored.embedding))
    if stored.vision and share.first:
        rows.append(("vision tower", stored.vision))
    return [
        term(
            "weights",
            name,
            size * scale / share.tensor,
            source,
            low=size * scale / share.tensor * (1 - slack),
            high=size * scale / share.tensor * (1 + above),
        )
        for name, size in rows
    ]


def source_of(stored: Stored, form: Format) -> str:
    return "exact bytes in the file's header" if stored.exact else form.source


def in_ram(architecture: Architecture, workload: Workload) -> int:
    """Bytes of weights that llama.cpp keeps in RAM even with every layer on the GPU: the token embedding."""
    if workload.runtime != "llama.cpp" or workload.method != "inference":
        return 0
    return weights.of(architecture, workload).embedding


def cached(architecture: Architecture, workload: Workload, tokens: int, share: Share) -> float:
    """Cached heads are cut over the GPUs of tensor parallelism as far as there are heads."""
    heads = max((g.kv_heads for g in architecture.attention if g.kind == "attention"), default=1)
    parts = min(share.tensor, max(heads, 1))
    whole = kv_cache.size(architecture, tokens, max(workload.batch, 1), workload.kv_cache)
    return whole * share.layers / parts


def _cache_terms(architecture: Architecture, workload: Workload, share: Share) -> list[Term]:
    tokens = context_of(architecture, workload)
    here = cached(architecture, workload, tokens, share)
    own = kv_cache.size(architecture, tokens, max(workload.batch, 1), workload.kv_cache) * share.layers / share.tensor
    found = [term("kv_cache", "keys and values", own, kv_cache.SOURCE)]
    if here > own:
        found.append(
            term("overhead", "copies of the cache", here - own, "more GPUs than cached heads: each holds a copy")
        )
    if workload.runtime == "llama.cpp":
        found += _ring(architecture, workload, share, tokens)
    block = {"vllm": 16, "sglang": 1, "tgi": 1, "tensorrt-llm": 32, "llama.cpp": 256}.get(workload.runtime or "", 1)
    padded = -(-tokens // block) * block
    if padded > tokens:
        more = cached(architecture, workload, padded, share) - here
        found.append(term("overhead", "padding of the cache", more, f"blocks of {block} tokens"))
    return found


def _ring(architecture: Architecture, workload: Workload, share: Share, tokens: int) -> list[Term]:
    """llama.cpp keeps a micro-batch beside each sliding window, in whole blocks of 256."""
    held = []
    for group in architecture.attention:
        if group.kind != "state" and group.window is not None and group.window < tokens:
            cells = -(-(group.window + UBATCH) // 256) * 256
            held.append(replace(group, window=min(cells, tokens)))
        else:
            held.append(group)
    if tuple(held) == architecture.attention:
        return []
    wider = cached(replace(architecture, attention=tuple(held), tensors=None), workload, tokens, share)
    more = wider - cached(architecture, workload, tokens, share)
    source = "llama.cpp's cache of sliding windows: the window and a micro-batch, in blocks of 256"
    return [term("overhead", "a micro-batch beside the windows", more, source)]


def transient(architecture: Architecture, workload: Workload, tokens: int, prompt: int) -> float:
    """The most that one layer of the prompt holds at a time, in bytes, of one GPU without tensor parallelism."""
    hidden = architecture.hidden
    size = 4 if (workload.weights or "") in {"fp32", "float32", "f32"} or workload.precision == "fp32" else 2
    inner = max(matrices.dense_width(architecture), architecture.experts_active and architecture.expert_intermediate)
    kept = matrices.branches(architecture)
    # the layer's input, the model's input, the residual and the normed input stay while the branches are computed
    feed_forward = (kept * inner + 4 * hidden) * size
    queries, keys = matrices.attention_width(architecture), matrices.cached_width(architecture)
    attention = float((3 * hidden + 4 * queries + 4 * keys) * size)
    if workload.flash_attention is False:
        heads = max((g.heads for g in architecture.attention), default=1)
        attention += heads * prompt * (2 * size + 4)
    norm = hidden * (2 * size + 8)
    return tokens * max(feed_forward, attention, norm)


def _eager(architecture: Architecture, workload: Workload, share: Share) -> list[Term]:
    """transformers and what works like it: every tensor is an allocation that lives as long as its name."""
    context = context_of(architecture, workload)
    prompt = min(context, workload.prompt) if workload.prompt is not None else context
    batch = max(workload.batch, 1)
    old = whole_logits(workload)
    held = cached(architecture, workload, context, share)
    after_prompt = cached(architecture, workload, prompt, share)
    layer = transient(architecture, workload, batch * prompt, prompt) / share.tensor
    logits = 0.0
    if share.last:
        logits = (batch * prompt if old else batch) * architecture.vocab * 6.0
        if old:
            logits += batch * prompt * architecture.hidden * 4.0
    if old and share.first and not share.last:
        # accelerate brings what the last GPU computed back to the first one
        logits = batch * prompt * architecture.vocab * 4.0
    copy = held if old else held / max(architecture.layers * share.layers, 1) / 2
    later = copy + (batch * architecture.vocab * 6.0 if share.last else 0)

    def beside(scale: float) -> float:
        return max(after_prompt + scale * max(layer, logits), held + scale * later) - held

    beside_cache = beside(1.0)
    peak = held + beside_cache
    name = "the prompt's tensors beside its cache"
    found = [term("activations", name, beside_cache, _PROMPT, low=beside(0.88), high=beside(1.15))]
    awq = weights.chosen(architecture, workload).name.startswith("awq")
    loaded = 2.0 * architecture.parameters.embedding - peak
    if share.first and not architecture.parameters.head and awq and not old and loaded > 0:
        source = "the output projection is there while it is loaded, before it is tied to the embedding"
        found.append(term("overhead", "the embedding while it is loaded", loaded, source))
    if old and architecture.context:
        width = max((g.head_dim for g in architecture.attention), default=0)
        tables = 4.0 * architecture.context * width * architecture.layers * share.layers
        found.append(term("overhead", "rotary tables", tables, _TABLES, low=0))
    found.append(term("overhead", "workspace", 24 * MIB, "cuBLAS: 8 MiB and more per stream", low=0, high=96 * MIB))
    found.append(term("overhead", CACHING, 0.05 * peak, _CACHED_BLOCKS, low=0, high=0.24 * peak))
    return found


def _server(architecture: Architecture, workload: Workload, share: Share) -> list[Term]:
    """A server reserves for its largest step: the sampler's buffers over the vocabulary, or one chunk of prompt."""
    runtime = workload.runtime or "vllm"
    sequences = workload.max_sequences or 256
    sequences = max(sequences, workload.batch)
    # 32-bit logits, sorted copy, 64-bit indices, probabilities, their sum and masks: 38 bytes per entry
    sampler = 38.0 * sequences * architecture.vocab
    chunk = 8192 if runtime in {"sglang", "tensorrt-llm"} or sequences >= 1024 else 2048
    context = context_of(architecture, workload)
    tokens = min(chunk, max(context * max(workload.batch, 1), 1))
    layer = transient(architecture, workload, tokens, tokens) / share.tensor
    if runtime == "vllm":
        size = max(sampler, layer)
        found = [term("activations", "profile run", size, _PROFILE, low=size * 0.45, high=size * 1.2)]
        found.append(term("overhead", "CUDA graphs", 0.1 * GIB, "vLLM's log: -0.4 to 0.4 GiB", low=0, high=0.6 * GIB))
        return found
    logits = 10.0 * min(sequences, max(workload.batch, 1)) * architecture.vocab
    source = f"the layer that needs most over {chunk:,} tokens"
    found = [
        term(
            "activations",
            "one chunk of prompt",
            layer + logits,
            source,
            low=(layer + logits) * 0.6,
            high=(layer + logits) * 1.5,
        )
    ]
    found.append(term("overhead", "workspace", 0.1 * GIB, _WORKSPACE, low=0, high=0.6 * GIB))
    return found


def compute_buffer(architecture: Architecture, workload: Workload, share: Share) -> float:
    """llama.cpp's graph for one micro-batch of 512 tokens, on one GPU."""
    context = context_of(architecture, workload) * max(workload.batch, 1)
    context = -(-context // 256) * 256
    rows = 4.0 * min(UBATCH, max(context, 1))
    hidden, heads = architecture.hidden, max((g.heads for g in architecture.attention), default=1)
    inner = max(
        matrices.dense_width(architecture), architecture.expert_intermediate * max(architecture.experts_active, 1)
    )
    feed_forward = rows * (4 * hidden + 2 * inner)
    if workload.flash_attention is False:
        attention = rows * context * (heads + 1) + rows * 4 * hidden
    else:
        attention = rows * context * 1.5 + rows * (4 * hidden + 2 * matrices.attention_width(architecture))
    logits = rows * (architecture.vocab + hidden) if share.last else 0.0
    return max(feed_forward, attention, logits)


def host_buffer(architecture: Architecture, workload: Workload) -> float:
    """What llama.cpp's graph holds in RAM when all layers are on the GPU: the mask and the embedded tokens."""
    context = context_of(architecture, workload) * max(workload.batch, 1)
    context = -(-context // 256) * 256
    return 4.0 * min(UBATCH, max(context, 1)) * (context + architecture.hidden)


def _llama_cpp(architecture: Architecture, workload: Workload, share: Share) -> list[Term]:
    size = compute_buffer(architecture, workload, share)
    return [term("activations", COMPUTE, size, _GRAPH, low=size * 0.8, high=size * 1.3)]
