"""Bytes that autograd stores for the backward pass: of each layer, and at the loss."""

from __future__ import annotations

from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.training_choices import element_size, frozen_base, stream_size, training_behaviour
from llmcheck.fit.shapes import matrices
from llmcheck.fit.use import ModelUse
from llmcheck.schema.workload import Workload

ACTIVATIONS = (
    "stored activations of each layer: Korthikanti et al. (arXiv 2205.05198), with gated feed-forward and grouped"
    " queries; the peak at the loss or in the backward pass"
)


def activation_bytes_per_token(use: ModelUse, part: GpuPart, sequence: int, *, recomputing: bool = False) -> float:
    """Bytes per token that one layer stores for its backward pass if nothing of it is recomputed, on one GPU.

    Tensor parallelism divides all of it: what has the hidden width is divided by sequence (sequence parallelism, the
    way of Megatron-LM and FSDP2). ``sequence``: tokens of each sequence. ``recomputing``: the peak while a layer is
    recomputed and its backward pass runs.
    """
    size, stream = element_size(use.workload), _stream(use, part)
    found = norm_bytes(use, stream, 3) + norm_bytes(use, stream, matrices.branches(use.architecture) - 1)
    found += _attention_bytes(use, sequence, recomputing) + _feed_forward_bytes(use, stream)
    if frozen_base(use.workload):
        found += sum(_adapter_inputs(use, size, stream))
    return found / part.tensor


def edge_bytes_per_token(use: ModelUse, part: GpuPart) -> float:
    """Bytes per token that the norm before the output projection stores, on the GPU that has it."""
    return norm_bytes(use, _stream(use, part), 1) / part.tensor if part.last else 0.0


def _stream(use: ModelUse, part: GpuPart) -> float:
    return stream_size(use, part.data * part.context)


def stored_bytes_per_token(use: ModelUse, part: GpuPart, sequence: int) -> float:
    """Bytes per token and layer that are stored from the forward to the backward pass, the mean over layers.

    With ``Workload.checkpointing`` the input of each block; the selective ways store more (``schema.workload``).
    """
    kept, way = activation_bytes_per_token(use, part, sequence), use.workload.checkpointing
    if way is False or way == "selective":
        return kept
    block_input = _stream(use, part) * use.architecture.hidden / part.tensor
    if way == "selective-layer":
        return (block_input + kept) / 2
    if way == "selective-op":
        return block_input + _products_of_policy(use) / part.tensor
    return block_input


def _products_of_policy(use: ModelUse) -> float:
    """Of the products q, k, v, o, gate, up, down every second one is stored, and what attention gives."""
    size, model = element_size(use.workload), use.architecture
    queries, keys = matrices.attention_width(model), matrices.cached_width(model)
    heads = max((group.heads for group in model.attention), default=1)
    feed_forward = matrices.inner_width(model) + (model.hidden if model.gated else 0)
    return size * (2 * queries + keys + feed_forward) + 4.0 * heads


def _keeps_no_inputs(workload: Workload) -> bool:
    """Frozen matrices have no gradient, so their inputs are not stored."""
    return frozen_base(workload) and workload.adapter != "scale"


def norm_bytes(use: ModelUse, stream: float, products: int) -> float:
    """Bytes per token of one norm, whose output ``products`` matrices multiply. Gated models have RMSNorm, others a
    fused LayerNorm.

    An RMSNorm of several operations stores its input in 32 bits; where its weights are trained, what they scale and
    what they give too. ``stream``: bytes of an element between the layers; a 32-bit one is narrowed for each product.
    Measured tensor by tensor: ``benchmarks/results/h100-80gb-sxm``.
    """
    size, hidden, gated = element_size(use.workload), use.architecture.hidden, use.architecture.gated
    fused = bool(use.workload.compiled) or not gated
    found = (size if fused else 4.0) * hidden
    if _keeps_no_inputs(use.workload):
        return found
    copies = products if stream > size and not fused else 1
    return found + ((0.0 if fused else stream) + copies * size) * hidden


def _attention_bytes(use: ModelUse, sequence: int, recomputing: bool) -> float:
    """Queries, keys, values and output. torch.compile recomputes repeated heads in the backward pass."""
    size, behaviour, work = element_size(use.workload), training_behaviour(use), use.workload
    queries, keys = matrices.attention_width(use.architecture), matrices.cached_width(use.architecture)
    heads = max((group.heads for group in use.architecture.attention), default=1)
    repeated = behaviour.repeats_grouped_heads and not work.compiled
    found = 2 * size * queries + 2 * size * (queries if repeated else keys) + 4.0 * heads
    if work.flash_attention is False:
        # softmax of the scores in 32 and in 16 bits; during the backward pass of a layer their gradients too
        if recomputing:
            found += heads * sequence * (12.0 + size)
        elif work.checkpointing != "selective":
            found += heads * sequence * (4.0 + size)
    if behaviour.keeps_fused_qkv:
        found += size * (queries + keys)
    return found


def _feed_forward_bytes(use: ModelUse, stream: float) -> float:
    """Gate, its activation, up, and their product. A frozen 4-bit matrix gives what has the width of its input."""
    frozen = _keeps_no_inputs(use.workload)
    gated_branches = 3.0 if frozen or use.workload.compiled else 4.0
    branches = gated_branches if use.architecture.gated else 1.0 if frozen else 2.0
    return branches * (stream if frozen else element_size(use.workload)) * matrices.inner_width(use.architecture)


def _adapter_inputs(use: ModelUse, size: float, stream: float) -> tuple[float, float]:
    """Bytes per token that adapters and quantised matrices store: of hidden width, and of inner width.

    ``size``: bytes of one activation; ``stream``: of one between the layers.
    """
    narrow, wide = _scale_inputs(use, size) if use.workload.adapter == "scale" else _low_rank_inputs(use, size, stream)
    if use.workload.method == "qlora":
        more = _quantised_inputs(use, size)
        return narrow + more[0], wide + more[1]
    return narrow, wide


def _scale_inputs(use: ModelUse, size: float) -> tuple[float, float]:
    hidden, queries = use.architecture.hidden, matrices.attention_width(use.architecture)
    narrow = size * (3 * queries + 2 * hidden)
    return narrow, size * (matrices.branches(use.architecture) - 1) * matrices.inner_width(use.architecture)


def _low_rank_inputs(use: ModelUse, size: float, stream: float) -> tuple[float, float]:
    """Adapters of one width share the input that they multiply. Each has a copy of its own where PEFT converts it to
    32 bits and autocast back to 16, where it is narrowed from a 32-bit stream, and behind a dropout, with a mask of a
    byte. PEFT leaves the input of quantised matrices as it is under autocast."""
    work, behaviour, hidden = use.workload, training_behaviour(use), use.architecture.hidden
    queries, targets = matrices.attention_width(use.architecture), work.lora_targets or "all-linear"
    if work.adapter == "prefix":
        return 0.0, 0.0
    narrow = wide = 0.0
    converted = behaviour.adapters_in_fp32 and work.precision != "bf16" and work.method == "lora"
    dropped = bool(work.lora_dropout)
    own, each = converted or dropped or stream > size, size + (1.0 if dropped else 0.0)
    if targets != "mlp":
        count = 2 if targets == "qv" else 3
        narrow += each * hidden * (count if own else 1)
        if targets != "qv":  # of what attention gives, which is there in 16 bits
            narrow += each * queries if converted or dropped else 0.0
        if behaviour.keeps_dropout_mask and work.lora_dropout is None:
            narrow += hidden
    if targets in {"all-linear", "mlp"}:
        narrow += each * hidden * (matrices.branches(use.architecture) - 1 if own else 1)
        wide += each * matrices.inner_width(use.architecture)
    if work.adapter == "dora":
        narrow += size * 2 * queries
    return narrow, wide


def _quantised_inputs(use: ModelUse, size: float) -> tuple[float, float]:
    """Old versions of bitsandbytes store the input of every quantised matrix; what adapters store is not counted
    again."""
    if not training_behaviour(use).keeps_quantised_inputs:
        return 0.0, 0.0
    work, hidden, targets = use.workload, use.architecture.hidden, use.workload.lora_targets or "all-linear"
    if work.adapter in {"prefix", "scale"} or targets in {"qv", "attention"}:
        return size * hidden * 2, size * matrices.inner_width(use.architecture)
    return (size * hidden, 0.0) if targets == "mlp" else (0.0, 0.0)


def loss_bytes_per_token(use: ModelUse, part: GpuPart) -> float:
    """Bytes per token at the loss, gradients of the logits included. Tensor parallelism divides the vocabulary."""
    work, behaviour = use.workload, training_behaviour(use)
    vocab, hidden = use.architecture.vocab / part.tensor, use.architecture.hidden
    if work.chunked_loss:
        return behaviour.chunked_loss_bytes * vocab + behaviour.chunked_hidden_bytes * hidden
    each = behaviour.compiled_loss_bytes if work.compiled else behaviour.loss_bytes
    if part.tensor > 1 and behaviour.parallel_loss_bytes is not None:
        each = behaviour.parallel_loss_bytes
    return each * vocab
