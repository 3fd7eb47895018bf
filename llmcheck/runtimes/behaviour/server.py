"""Memory and speed of servers, which allocate for their largest step: one chunk of a prompt and many sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.runtimes.behaviour.interface import CURRENT, GpuMemory, Pace
from llmcheck.runtimes.behaviour.pace import has_hbm
from llmcheck.schema.architecture import Attention
from llmcheck.schema.estimate import Band, Term, term
from llmcheck.schema.machine import Gpu
from llmcheck.units import GIB

_WORKSPACE = (
    "cuBLAS and the engine: LMDeploy shows 1.3 to 1.5 GiB in addition to weights and cache, context and prompt included"
)
# Qwen2.5's speed benchmark with vLLM on an A100: 0.5B to 72B, bf16, GPTQ and AWQ, 1 to 30,720 tokens, 1 to 4 GPUs.
PACE = Pace(
    bandwidth_share=Band(0.72, 0.86, 0.95),
    layer_overhead=Band(150e-6, 105e-6, 55e-6),
    launch_of_format={"gptq": 1.2, "awq": 1.25},
    flops_share=Band(0.4, 0.6, 0.75),
    cache_share=Band(0.3, 0.45, 0.8),
    prompt_chunk=2048,
    sequence_overhead=Band(60e-6, 25e-6, 5e-6),
)


_GDDR = replace(PACE, bandwidth_share=Band(0.74, 0.9, 0.97))
"""As in llama.cpp, one sequence uses more of GDDR's bandwidth than of HBM's."""
_SINCE_HOPPER = replace(PACE, layer_overhead=Band(110e-6, 60e-6, 25e-6))
"""Graphs are replayed faster: an 8B model in bf16 at about 140 tokens/s on an H100."""
_HOPPER_NAMES = r"\b(?:[HB][1-3]00|H20|GH200|GB[23]00|MI3\d\d[AX]?)"


def pace(gpus: Sequence[Gpu], _version: tuple[int, ...] = CURRENT, _compiled: bool = False) -> Pace:
    """By the generation of the GPUs."""
    import re  # imported when a speed is computed, not when runtimes are listed

    if any(re.search(_HOPPER_NAMES, gpu.name or "", re.IGNORECASE) for gpu in gpus):
        return _SINCE_HOPPER
    return PACE if has_hbm(gpus) else _GDDR


_NATIVE = replace(PACE, layer_overhead=Band(90e-6, 38e-6, 15e-6), launch_of_format={})


def native_pace(_gpus: Sequence[Gpu], _version: tuple[int, ...] = CURRENT, _compiled: bool = False) -> Pace:
    """Engines whose layers are few large kernels of their own: ExLlama, LMDeploy's TurboMind, TensorRT-LLM.

    ExLlama's README: 7B in 4 bits at about 160 tokens/s on an RTX 4090, 33B at 45."""
    return _NATIVE


def chunk_bytes(gpu: GpuMemory, chunk: int) -> float:
    """Peak bytes of temporary tensors in one layer for ``chunk`` tokens, or for all tokens where there are fewer."""
    tokens = min(chunk, max(gpu.context * gpu.batch, 1))
    return gpu.layer_bytes(tokens, tokens)


def chunk_terms(gpu: GpuMemory, default: int, *, graphs: bool = True) -> list[Term]:
    """Activations and workspace of a server that processes ``max_batched_tokens`` prompt tokens at once.

    ``default``: of that option. ``graphs``: it records its steps as CUDA graphs.
    """
    chunk = gpu.workload.max_batched_tokens or default
    size = chunk_bytes(gpu, chunk) + 10.0 * min(gpu.max_sequences, gpu.batch) * gpu.architecture.vocab
    source = f"temporary tensors of the largest layer for {chunk:,} tokens"
    return [
        term("activations", "one chunk of a prompt", size, source, low=size * 0.6, high=size * 1.5),
        *image_terms(gpu),
        *(graph_terms(gpu) if graphs else ()),
        term("overhead", "workspace", 0.1 * GIB, _WORKSPACE, low=0, high=0.6 * GIB),
    ]


def default_chunk(gpu: GpuMemory) -> int:
    """Tokens of a prompt that vLLM processes at once: more where it prepares for more sequences (large GPUs)."""
    return 8192 if gpu.max_sequences >= 1024 else 2048


# --- images ---

_IMAGE = (
    "the encoder's largest layer for the patches of the largest image, in 16 bits; it is divided over GPUs in some"
    " versions and whole on each in others"
)


def sees(gpu: GpuMemory) -> bool:
    """Whether an encoder of images is loaded."""
    return gpu.architecture.image_encoder is not None and gpu.workload.images is not False


def image_terms(gpu: GpuMemory) -> list[Term]:
    """Temporary tensors while one image is encoded, and its tokens, which wait for the decoder."""
    if not sees(gpu) or not gpu.first:
        return []
    size, waiting = image_bytes(gpu)
    name = "one image in the encoder"
    return [
        term("activations", name, size + waiting, _IMAGE, low=size / gpu.tensor + waiting, high=1.3 * size + waiting)
    ]


def image_bytes(gpu: GpuMemory) -> tuple[float, float]:
    """Bytes of the encoder's temporary tensors for the largest image, and of its tokens in the decoder's width."""
    encoder = gpu.architecture.image_encoder
    if encoder is None:
        return 0.0, 0.0
    patches = encoder.tokens * encoder.patches
    # three hidden states; queries, keys, values and result, or gate, up and their product; pixels in 32 and in 16 bits
    each = 3 * encoder.hidden + max(4 * encoder.hidden, 3 * encoder.intermediate) + 3 * encoder.pixels
    return 2.0 * patches * each, 2.0 * encoder.tokens * gpu.architecture.hidden


# --- recorded steps ---

_GRAPHS = (
    "the pool that recorded steps share, and their nodes: logs show 0.1 to 0.4 GiB on one or two GPUs, 1.5 for a"
    " model of 27B with a draft"
)


def graph_terms(gpu: GpuMemory) -> list[Term]:
    """CUDA graphs: they share one pool of memory for their largest step, and have nodes for each layer."""
    if gpu.workload.cuda_graphs is False:
        return []
    return [term("overhead", "CUDA graphs", 0.1 * GIB, _GRAPHS, low=0, high=0.6 * GIB)]


# --- paged cache ---

_WINDOWS = "a sliding window and the tokens of one step, in whole pages and one more"
_PAGES = (
    "all layers have pages of equal bytes, as large as a recurrent state; groups of layers have equally many layers"
)


def paged_cache(gpu: GpuMemory, *, step: int, block: int, copies: float = 1.0) -> list[Term]:
    """What a paged cache takes beyond the shapes: whole pages, windows with the tokens of one step, groups of layers.

    ``step``: tokens of one step. ``block``: tokens of a page. ``copies``: recurrent states of each sequence.
    """
    groups = [group for group in gpu.architecture.attention if group.layers > group.shares_cache]
    states = [group for group in groups if group.kind == "state" and group.state]
    attending = [group for group in groups if group.kind != "state"]
    if not states and all(group.window is None or group.window >= gpu.context for group in attending):
        return []
    per_token = max((_of_one_layer(gpu, group, 1) for group in attending), default=0.0)
    largest = max((_of_one_layer(gpu, group, 1) for group in states), default=0.0)
    if states and per_token:
        block = max(math.ceil(largest / per_token / 16) * 16, block)
    counts = _layers_of_groups(groups)

    def beyond_shapes(members: Sequence[Attention]) -> float:
        taken = sum(counts[group] * _page_bytes(gpu, group, step, block, per_token, copies) for group in members)
        return taken - gpu.cache_bytes(gpu.context, tuple(members))

    found = [
        term("overhead", "pages of windows and groups of layers", beyond_shapes(attending), _WINDOWS, part="cache"),
        term("overhead", "copies and pages of recurrent states", beyond_shapes(states), _PAGES, part="state"),
    ]
    return [each for each in found if each.expected]


def _of_one_layer(gpu: GpuMemory, group: Attention, tokens: int) -> float:
    return gpu.cache_bytes(tokens, (replace(group, layers=1, shares_cache=0, window=None, compressed=0),))


def _page_bytes(gpu: GpuMemory, group: Attention, step: int, block: int, per_token: float, copies: float) -> float:
    """Bytes of one layer of this group, for all sequences."""
    if group.kind == "state":
        return copies * max(_of_one_layer(gpu, group, 1), per_token * block)
    if group.window is not None and group.window < gpu.context:
        pages = math.ceil(min(group.window - 1 + step, gpu.context) / block) + 1
    else:
        pages = math.ceil(gpu.context / block)
    return _of_one_layer(gpu, group, pages * block)


def _layers_of_groups(groups: Sequence[Attention]) -> dict[Attention, int]:
    """Layers that each group is counted with. Groups of several kinds are divided into equal ones, the last of which is
    filled up (vLLM's hybrid cache)."""
    own = {group: group.layers - group.shares_cache for group in groups}
    if len(own) < 2:
        return own
    least, most = min(own.values()), max(own.values())
    each = most if most < 1.25 * least else least
    return {group: math.ceil(count / each) * each for group, count in own.items()}
