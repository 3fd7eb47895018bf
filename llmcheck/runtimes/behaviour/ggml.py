"""Memory, formats and speed of ggml, the library of llama.cpp and Ollama."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.runtimes.behaviour.interface import CACHE_16_BIT, GpuMemory, Pace
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu

FAMILIES = ("plain", "mxfp4", "gguf")
LADDER = ("bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "iq3_xxs", "q2_k", "iq2_xs")
COMMON_LADDER = tuple(name for name in LADDER if not name.startswith("iq"))
"""Without the formats that need an importance matrix, which most repositories do not publish."""
UBATCH = 512
"""llama.cpp's default ``--ubatch-size``, in tokens."""
CONTEXT = Band(0.2, 0.4, 0.6)
"""GiB that llama.cpp's breakdown of memory leaves unaccounted: the context, its few kernels, cuBLAS' workspace."""
BLOCK = 256
"""llama.cpp pads a context to a multiple of this many tokens."""
CACHES = {
    **CACHE_16_BIT, "fp32": "f32", "q8_0": "q8_0", "q5_1": "q5_1", "q5_0": "q5_0", "q4_1": "q4_1", "q4_0": "q4_0",
    "iq4_nl": "iq4_nl",
}  # fmt: skip
"""Values of ``-ctk`` and ``-ctv``."""
_GRAPH = (
    "llama.cpp's graph of one micro-batch in 32 bits: without flash attention the scores of all heads over the context,"
    " else the mask in 32 and 16 bits and, in the same place or behind it, logits or feed-forward"
)
# llama-bench on Llama 3 8B and 70B, RTX 3070 to H100 and M1 Max to M3 Max (May 2024,
# github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference); Llama 2 7B on Apple silicon (llama.cpp's discussion 4167);
# gpt-oss-20b at 391 tokens/s on an RTX PRO 6000 (its pull request 16991, 2025). The published rate of GeForce
# cards accumulates in 32 bits; llama.cpp multiplies 8-bit integers or accumulates in 16 bits, so it can exceed it.
_BY_VENDOR = {
    "apple": Pace(
        bandwidth_share=Band(0.65, 0.86, 0.97), layer_overhead=Band(350e-6, 160e-6, 60e-6),
        flops_share=Band(0.15, 0.4, 0.75),
        experts_factor=1,
    )
}  # fmt: skip
_HBM = Pace(
    bandwidth_share=Band(0.40, 0.54, 0.85),
    layer_overhead=Band(120e-6, 75e-6, 30e-6),
    flops_share=Band(0.08, 0.2, 0.5),
    experts_factor=1,
)
_GDDR = Pace(
    bandwidth_share=Band(0.70, 0.88, 0.98),
    layer_overhead=Band(150e-6, 90e-6, 25e-6),
    flops_share=Band(0.4, 0.75, 1.15),
    experts_factor=1,
)
_HBM_NAMES = (
    r"\b(?:P100|V100|A30|A800|[ABH][1-3]00|H20|GH200|GB[23]00|MI\d+[AX]?|Max 1\d00|Gaudi)"
)  # fmt: skip
"""GPUs with HBM: the small products of one sequence cannot use all of their bandwidth."""


def pace(gpus: Sequence[Gpu]) -> Pace:
    """By the memory of the GPUs: unified (Apple), HBM or GDDR."""
    import re  # imported when a speed is computed, not when runtimes are listed

    for gpu in gpus:
        if gpu.vendor in _BY_VENDOR:
            return _BY_VENDOR[gpu.vendor]
    has_hbm = any(re.search(_HBM_NAMES, gpu.name or "", re.IGNORECASE) for gpu in gpus)
    return _HBM if has_hbm else _GDDR


def memory(gpu: GpuMemory) -> list[Term]:
    """The compute buffer, which llama.cpp allocates once for the largest graph."""
    least, size = compute_buffer(gpu)
    name = "compute buffer"
    return [term("activations", name, size, _GRAPH, low=0.85 * least, high=size * 1.15, part="compute-buffer")]


def compute_buffer(gpu: GpuMemory) -> tuple[float, float]:
    """Bytes of the tensors of llama.cpp's graph that are alive at once, for one micro-batch on one GPU.

    The least, where the logits take the place of the masks, and the usual, where they come to lie behind them.
    """
    model = gpu.architecture
    sequences = 1 if gpu.workload.kv_unified else gpu.batch
    context = -(-gpu.context * sequences // BLOCK) * BLOCK
    rows = 4.0 * min(gpu.workload.ubatch or UBATCH, max(context, 1))
    heads = max((group.heads for group in model.attention), default=1)
    inner = max(gpu.dense_width, model.expert_intermediate * max(model.experts_active, 1))
    feed_forward = rows * (4 * model.hidden + 2 * inner)
    attention = rows * (4 * model.hidden + 2 * gpu.attention_width)
    logits = rows * (model.vocab + model.hidden) if gpu.last else 0.0
    if not gpu.flash_attention:
        scores = rows * context * (heads + 1) + rows * 4 * model.hidden
        largest = max(feed_forward, scores, logits)
        return largest, largest
    masks = rows * context * 1.5
    least = max(feed_forward, masks + attention, logits)
    # ggml's allocator takes the smallest hole: that of short masks is none
    behind = max(logits, attention, feed_forward)
    return least, masks + behind if masks > 0.5 * behind else least


def cache_terms(gpu: GpuMemory) -> list[Term]:
    """llama.cpp caches a sliding window and one micro-batch, rounded up to ``BLOCK`` tokens; [] without windows.

    A unified cache has the windows of all sequences, with ``swa_full`` each window has the whole context.
    """
    groups, work = gpu.architecture.attention, gpu.workload
    windows = gpu.batch if work.kv_unified else 1

    def kept(window: int) -> int:
        tokens = windows * window + (work.ubatch or UBATCH)
        return gpu.context if work.swa_full else min(-(-tokens // BLOCK) * BLOCK, gpu.context)

    wider = tuple(
        replace(group, window=kept(group.window))
        if group.kind != "state" and group.window is not None and group.window < gpu.context
        else group
        for group in groups
    )
    if wider == groups:
        return []
    more = gpu.cache_bytes(gpu.context, wider) - gpu.cache_bytes(gpu.context, groups)
    source = "llama.cpp caches a sliding window and one micro-batch, rounded up to 256 tokens"
    return [term("overhead", "a micro-batch for the sliding windows", more, source, part="cache")]
