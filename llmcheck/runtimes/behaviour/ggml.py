"""Memory, formats and speed of ggml, the library of llama.cpp and Ollama."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.runtimes.behaviour.interface import CACHE_16_BIT, CURRENT, GpuMemory, Pace
from llmcheck.runtimes.behaviour.pace import has_hbm
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.gpu import capability_of
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
# gpt-oss-20b at 391 tokens/s on an RTX PRO 6000 (its pull request 16991, 2025), and on a DGX Spark (build 6918).
_GDDR = Pace(
    bandwidth_share=Band(0.77, 0.885, 0.97),
    layer_overhead=Band(75e-6, 45e-6, 20e-6),
    flops_share=Band(0.45, 0.65, 0.85),
    experts_factor=1,
    cache_share=Band(0.4, 0.62, 0.85),
    prompt_chunk=UBATCH,
    activation_bytes=160,
    score_bytes=28,
    attention_share=Band(0.22, 0.42, 0.65),
    stage_overhead=250e-6,
)
_HBM_SHARE = Band(0.46, 0.58, 0.75)
_BY_VENDOR: dict[str, dict[str, Band]] = {
    "apple": {"bandwidth_share": Band(0.66, 0.9, 1.0), "layer_overhead": Band(260e-6, 165e-6, 90e-6)},
    # 106 tokens/s and prompts at 3,200 with Llama 3 8B in Q4_K_M on an RX 7900 XTX (pull request 26284, 2026)
    "amd": {"bandwidth_share": Band(0.48, 0.64, 0.85), "flops_share": Band(0.3, 0.5, 0.7)},
}
_SLOW_CACHE = {"apple": (Band(0.09, 0.13, 0.2), Band(0.12, 0.3, 0.6))}
"""Share of the bandwidth at which the cache is read, without flash attention and with it."""
_BEFORE_AMPERE = Band(0.5, 0.68, 0.9)
"""Share of the bandwidth of NVIDIA's cards before compute capability 8.0: 56 tokens/s with Llama 2 7B in Q4_0 on a P40
(pull request 4766)."""
_K_QUANTS = ("q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq")
"""Formats with two levels of scales. An M1 Pro, Max or Ultra unpacks them more slowly than its memory delivers them: an
M1 Max makes 34 and 4.1 tokens/s of 8B and 70B where its memory would give 78 and 9.4; in Q4_0, 61 of 7B's 94."""
_BEFORE_GRAPHS = (24, 6)
"""llama.cpp has builds and no versions: year and month stand for one, ``24.5``. Since this month a step is a CUDA
graph, and 4-bit weights are multiplied as they are in prompts too."""


def pace(gpus: Sequence[Gpu], version: tuple[int, ...] = CURRENT, _compiled: bool = False) -> Pace:
    """By the memory of the GPUs: unified (Apple), HBM or GDDR."""
    import re  # imported when a speed is computed, not when runtimes are listed

    old, found = version < _BEFORE_GRAPHS, _GDDR
    if old:
        found = replace(
            found, layer_overhead=Band(120e-6, 88e-6, 60e-6), cache_share=Band(0.15, 0.27, 0.4), activation_bytes=300,
            dequantises_from=dict.fromkeys(("q", "iq"), 32),
        )  # fmt: skip
    for vendor in (gpu.vendor for gpu in gpus if gpu.vendor in _BY_VENDOR):
        found = replace(found, **_BY_VENDOR[vendor])
        if vendor not in _SLOW_CACHE:
            return found
        cache = _SLOW_CACHE[vendor][0 if old else 1]
        found = replace(found, cache_share=cache, dequantises_from={})
        if any(re.search(r"\bM1 (?:Pro|Max|Ultra)\b", gpu.name or "") for gpu in gpus):
            slow = dict.fromkeys(_K_QUANTS, 0.56)
            return replace(found, bandwidth_of_format=slow, flops_share=Band(0.35, 0.48, 0.66))
        return replace(found, bandwidth_of_format=dict.fromkeys(_K_QUANTS, 0.93))
    oldest = min((capability_of(gpu) or (8, 0) for gpu in gpus), default=(8, 0))
    if oldest < (7, 0):  # without tensor cores it multiplies 8-bit integers as they are
        return replace(
            found, bandwidth_share=_BEFORE_AMPERE, flops_share=Band(0.5, 0.85, 1.2), dequantises_from={}
        )  # fmt: skip
    if oldest < (8, 0):
        return replace(found, bandwidth_share=_BEFORE_AMPERE)
    if has_hbm(gpus):  # the small products of one sequence cannot use all of its bandwidth
        return replace(found, bandwidth_share=_HBM_SHARE, layer_overhead=Band(130e-6, 105e-6 if old else 75e-6, 40e-6))
    if any("geforce" in (gpu.name or "").lower() for gpu in gpus):
        # their published rate sums in 32 bits; llama.cpp sums in 16 bits, at twice that rate
        return replace(found, flops_share=Band(1.0, 1.42, 1.8))
    return found


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
