"""What one GPU holds while a model is trained: states, saved activations, and the moment that needs most."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.fit.memory.inference import (
    CACHING,
    COMMUNICATION,
    CONTEXT,
    CONTEXT_SOURCE,
    version,
    weight_terms,
    whole_logits,
)
from llmcheck.fit.memory.terms import GIB, MIB, Share, term
from llmcheck.fit.shapes import formats, matrices, weights
from llmcheck.fit.shapes.matrices import Matrix
from llmcheck.fit.shapes.weights import Stored
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Term
from llmcheck.schema.workload import Precision, Sharding, Workload

DEFAULT_SEQUENCE = 2048
DEFAULT_RANK = 16
STATES = "ZeRO (arXiv 1910.02054): bytes per trained weight of parameters, gradients and optimizer states"
SAVED = (
    "what autograd keeps of each layer: Korthikanti et al. (arXiv 2205.05198), with gated feed-forward and grouped"
    " queries; the most that is alive at the loss or in the backward pass"
)
_GATHER = "FSDP: two blocks and the embedding at a time; DeepSpeed: its default buckets (5e8 elements)"
_CACHED_BLOCKS = "freed blocks that the allocator keeps: 1 % (Megatron) to 24 % (FSDP, QLoRA) where both are printed"
_STEP = "torch's AdamW over lists copies the weights; with a master copy the gradients are turned into 32 bits"
_NCCL = "NCCL: 0.4 GiB (vLLM's log) to 1.5 GiB (torch.distributed after its first barrier)"


class States(Struct, frozen=True, kw_only=True):
    """Bytes per trained weight."""

    weight: float
    gradient: float
    optimizer: float
    optimizer_high: float
    master: float
    step: float
    """Temporary copies of the optimizer's step."""


def frozen_base(workload: Workload) -> bool:
    return workload.method in {"lora", "qlora"}


def precision(workload: Workload) -> Precision:
    if workload.precision is not None:
        return workload.precision
    return "bf16" if frozen_base(workload) else "mixed"


def sharding_of(workload: Workload) -> Sharding:
    """Adapters are small, so each GPU keeps its own; a whole model's states are cut."""
    return workload.sharding or ("ddp" if frozen_base(workload) else "fsdp")


def states(workload: Workload, kind: str) -> States:
    """``kind`` is the precision: ``mixed`` has a 32-bit master copy beside 16-bit weights."""
    size = 4.0 if kind == "fp32" else 2.0
    moment = 2.0 if kind == "bf16" else 4.0
    name = workload.optimizer or "adamw"
    optimizer, high = {
        "adamw": (2 * moment, 2 * moment),
        "adamw-fused": (2 * moment, 2 * moment),
        # one byte and a 32-bit constant per 256 values; half a byte and one per 128
        "adamw-8bit": (2 * (1 + 4 / 256), 2 * (1 + 4 / 256)),
        "adamw-4bit": (2 * (0.5 + 4 / 128), 2 * (0.5 + 4 / 128)),
        # unified memory: the driver moves it to RAM when the GPU is full
        "paged-adamw": (0.0, 2 * moment),
        "paged-adamw-8bit": (0.0, 2 * (1 + 4 / 256)),
        "adafactor": (0.02, 0.1),
        "sgd": (0.0, moment),
        "lion": (moment, moment),
    }[name]
    master = 4.0 if kind == "mixed" and not name.endswith(("8bit", "4bit")) else 0.0
    # torch's AdamW over lists copies the weights; who keeps a master copy turns the gradients into 32 bits
    gradient = 4.0 if workload.gradients == "fp32" else size
    step = size if name == "adamw" else 0.0
    if kind == "mixed":
        step = 4.0 if gradient == size else 0.0
    return States(weight=size, gradient=gradient, optimizer=optimizer, optimizer_high=high, master=master, step=step)


def targeted(matrix: Matrix, targets: str) -> bool:
    if targets == "qv":
        return matrix.role in {"q", "v", "qkv", "mla"}
    if targets == "attention":
        return matrix.role in {"q", "k", "v", "o", "qkv", "mla"}
    if targets == "mlp":
        return matrix.role in {"gate", "up", "down"}
    return matrix.role != "router"


def adapter_weights(architecture: Architecture, workload: Workload) -> int:
    """Weights of the low-rank matrices: rank x (inputs + outputs) of each target."""
    hidden = architecture.hidden
    if workload.adapter == "prefix":
        return architecture.layers * (10 * hidden + 1)
    targets = workload.lora_targets or "all-linear"
    rank = workload.lora_rank if workload.lora_rank is not None else DEFAULT_RANK
    total = 0
    for matrix in matrices.matrices(architecture):
        if not targeted(matrix, targets):
            continue
        copies = max(matrix.experts, 1)
        outputs = matrix.elements // max(matrix.columns, 1) // copies
        if workload.adapter == "scale":
            total += matrix.layers * copies * 2 * outputs
            continue
        total += matrix.layers * copies * rank * (matrix.columns + outputs)
        if workload.adapter == "dora":
            total += matrix.layers * copies * outputs
    return total


def ram_terms(architecture: Architecture, workload: Workload) -> list[Term]:
    """What ``offload`` moves, over all GPUs: gradients and states, and with ``all`` the weights."""
    if workload.offload in (None, "none"):
        return []
    frozen = frozen_base(workload)
    own = states(workload, "fp32" if frozen and workload.precision is None else precision(workload))
    trained = adapter_weights(architecture, workload) if frozen else architecture.parameters.total
    found = [
        term("gradients", "gradients, in RAM", trained * own.gradient, STATES),
        term("optimizer", "optimizer states, in RAM", trained * (own.optimizer_high + own.master), STATES),
    ]
    if workload.offload == "all":
        size = weights.of(architecture, workload).total + (trained * own.weight if frozen else 0)
        found.append(term("weights", "weights, in RAM", size, weights.chosen(architecture, workload).source))
    return found


def sequence_of(architecture: Architecture, workload: Workload) -> int:
    if workload.context is not None:
        return max(workload.context, 0)
    return min(DEFAULT_SEQUENCE, architecture.context or DEFAULT_SEQUENCE)


def saved(architecture: Architecture, workload: Workload, share: Share, sequence: int, *, whole: bool = False) -> float:
    """Bytes per token that one layer keeps for its backward pass; ``whole``: though it is recomputed."""
    hidden = architecture.hidden
    size = 4.0 if precision(workload) == "fp32" else 2.0
    queries, keys = matrices.attention_width(architecture), matrices.cached_width(architecture)
    heads = max((g.heads for g in architecture.attention), default=1)
    inner = matrices.dense_width(architecture) + architecture.experts_active * architecture.expert_intermediate
    frozen = frozen_base(workload) and workload.adapter != "scale"
    compiled = bool(workload.compiled)
    gated = architecture.gated

    # norms: RMSNorm computes in 32 bits; a gated model has RMSNorm, others LayerNorm, which is one kernel
    norm = size * hidden if compiled or not gated else 4.0 * hidden
    if not frozen:
        norm += size * hidden if compiled or not gated else 2 * size * hidden
    # and the residual stream in 16 bits, which LayerNorm keeps as its input
    replicated = 2 * norm + (2 * size * hidden if gated else 0.0)

    # attention: queries, keys, values and what they give. Eager code repeats the keys and values of grouped heads;
    # a compiler computes that again, and transformers leaves it to the kernel since 4.48
    repeated = not compiled and (workload.runtime in {"torchtune", "litgpt"} or version(workload) < (4, 48))
    attention = 2 * size * queries + 2 * size * (queries if repeated else keys) + 4.0 * heads
    if workload.flash_attention is False:
        # scores as softmax gives them, in 32 bits and in 16; while one layer goes back, their gradients too
        if whole:
            attention += heads * sequence * (12.0 + size)
        elif workload.checkpointing != "selective":
            attention += heads * sequence * (4.0 + size)
    if workload.runtime == "litgpt":
        attention += size * (queries + keys)  # one fused matrix gives all three, and the values are a view of it

    # feed-forward: gate, its activation, up and their product
    gated_branches = 3.0 if frozen or compiled else 4.0
    branches = gated_branches if gated else 1.0 if frozen else 2.0
    feed_forward = branches * size * inner

    if frozen_base(workload):
        copies, widths = _adapter_inputs(architecture, workload, hidden, queries, inner, size)
        replicated += copies
        feed_forward += widths
    return replicated + (attention + feed_forward) / share.tensor


def _adapter_inputs(
    architecture: Architecture, workload: Workload, hidden: int, queries: int, inner: int, size: float
) -> tuple[float, float]:
    """Bytes per token of what adapters and quantised matrices keep: of hidden width, and of inner width."""
    targets = workload.lora_targets or "all-linear"
    adapter = workload.adapter or "lora"
    narrow = wide = 0.0
    # PEFT's adapters are in 32 bits and cast their input, each its own; LitGPT's dropout keeps a copy and a mask
    cast = 4.0 if workload.runtime in (None, "transformers") and workload.precision != "bf16" else size
    own = cast > size
    if adapter in {"lora", "dora"}:
        if targets != "mlp":
            count = {"qv": 2, "attention": 3}.get(targets, 3)
            narrow += cast * hidden * (count if own else 1)
            if targets != "qv":
                narrow += cast * queries if own else 0.0
            if workload.runtime == "litgpt":
                narrow += hidden
        if targets in {"all-linear", "mlp"}:
            narrow += cast * hidden * (matrices.branches(architecture) - 1 if own else 1)
            wide += cast * inner
        if adapter == "dora":
            narrow += size * 2 * queries
    elif adapter == "scale":
        narrow += size * (3 * queries + 2 * hidden)
        wide += size * (matrices.branches(architecture) - 1) * inner
    if workload.method == "qlora":
        # bitsandbytes keeps the input of every matrix, though none of them is trained
        plain = targets == "qv" and adapter in {"lora", "dora"}
        if adapter in {"prefix", "scale"} or plain or targets == "attention":
            narrow += size * hidden * 2
            wide += size * inner
        elif targets == "mlp":
            narrow += size * hidden
    return narrow, wide


def loss_bytes(workload: Workload) -> float:
    """Bytes per token and vocabulary entry at the loss, gradients included."""
    if workload.chunked_loss:
        return 4.0
    if workload.runtime == "torchtune":
        return 12.0
    if workload.runtime == "litgpt":
        return 10.0
    # logits in 16 bits, softmax and gradient in 32; before 4.45 the 32-bit logits and their shifted gradient as well
    return 16.0 if whole_logits(workload) else 12.0


def recomputed(workload: Workload) -> bool:
    """Each block keeps its input only: what fine-tuning guides do where nothing is said."""
    return workload.checkpointing is None or workload.checkpointing is True


def zero_stage(workload: Workload, share: Share) -> int:
    if share.data <= 1:
        return 0
    return {"none": 0, "ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3, "fsdp": 3, "fsdp1": 3}[sharding_of(workload)]


def _by_engine(workload: Workload) -> bool:
    """DeepSpeed and FSDP, asked for by name, have their buffers and NCCL's on one GPU as well."""
    return workload.sharding not in (None, "none", "ddp")


class _Part(Struct, frozen=True, kw_only=True):
    """What one GPU's part of the model is, before it is sharded."""

    edge: float
    """Weights of embedding and output projection, as a count; so are the next two."""
    adapters: float
    trained: float
    states: States
    stage: int
    """Of ZeRO: 1 cuts the states, 2 the gradients too, 3 the weights too."""
    data: int
    offload: str

    def cut(self, stage: int) -> int:
        """Over how many GPUs what belongs to this stage is cut."""
        return self.data if self.stage >= stage else 1


def _part(architecture: Architecture, workload: Workload, share: Share) -> _Part:
    counts, frozen = architecture.parameters, frozen_base(workload)
    part = share.layers / share.tensor
    edge = ((counts.embedding if share.first else 0) + (counts.head if share.last else 0)) / share.tensor
    local = (counts.total - counts.embedding - counts.head) * part + edge
    adapters = adapter_weights(architecture, workload) * part if frozen else 0.0
    beside = edge if workload.trained_embeddings else 0.0
    return _Part(
        edge=edge,
        adapters=adapters,
        trained=adapters + beside if frozen else local,
        states=states(workload, "fp32" if frozen and workload.precision is None else precision(workload)),
        stage=zero_stage(workload, share),
        data=share.data,
        offload=workload.offload or "none",
    )


def terms(architecture: Architecture, workload: Workload, share: Share, stored: Stored) -> list[Term]:
    part = _part(architecture, workload, share)
    on_gpu = 0.0 if part.offload == "all" else 1.0 / part.cut(3)
    found = _weights(architecture, workload, share, stored, part, on_gpu)
    full = sum(t.expected for t in found) / on_gpu if on_gpu else stored.total * share.layers / share.tensor
    gradients, optimizer, states_terms = _states(part)
    peak, moment_terms = _moments(architecture, workload, share, part, gradients)
    gathered = _gathered(
        architecture, workload, share, full, architecture.parameters.total * share.layers / share.tensor
    )
    found += [*states_terms, *moment_terms]
    if gathered:
        name = "gathered weights and buckets"
        found.append(term("overhead", name, gathered, _GATHER, low=gathered * 0.85, high=gathered * 1.2))
    if weights.chosen(architecture, workload).family in {"bnb-4bit", "int8", "group"}:
        one_matrix = 2 * stored.largest / share.tensor
        source = "one matrix in 16 bits at a time"
        found.append(term("overhead", "dequantisation buffer", one_matrix, source, low=0, high=2 * one_matrix))
    source = "cuBLAS: 8 to 32 MiB per stream and its copies"
    found.append(term("overhead", "workspace", 40 * MIB, source, low=0, high=160 * MIB))
    moving = peak + optimizer
    found.append(term("overhead", CACHING, 0.04 * moving, _CACHED_BLOCKS, low=0, high=0.12 * moving))
    found.append(term("overhead", CONTEXT, 0.5 * GIB, CONTEXT_SOURCE, low=0.3 * GIB, high=0.95 * GIB))
    if share.gpus > 1 or _by_engine(workload):
        found.append(term("overhead", COMMUNICATION, 0.8 * GIB, _NCCL, low=0.3 * GIB, high=1.6 * GIB))
    return found


def _weights(
    architecture: Architecture, workload: Workload, share: Share, stored: Stored, part: _Part, on_gpu: float
) -> list[Term]:
    """``on_gpu``: which fraction of this GPU's part lies on it all the time."""
    found = weight_terms(architecture, workload, stored, share, on_gpu)
    if workload.method == "qlora" and workload.runtime in (None, "transformers"):
        more = on_gpu * 2 * (part.edge + architecture.parameters.other * share.layers / share.tensor)
        source = "PEFT's prepare_model_for_kbit_training"
        found.append(term("weights", "embeddings and norms in 32 bits", more, source, low=0))
    if part.adapters:
        source = f"rank x (inputs + outputs), {part.states.weight:.0f} bytes each"
        found.append(term("weights", "adapters", on_gpu * part.adapters * part.states.weight, source))
    return found


def _states(part: _Part) -> tuple[float, float, list[Term]]:
    """Bytes of gradients and of the optimizer's states on this GPU, and their terms."""
    own = part.states
    here = part.trained if part.offload == "none" else 0.0
    gradients = here * own.gradient / part.cut(2)
    optimizer = here * (own.optimizer + own.master) / part.cut(1)
    highest = here * (own.optimizer_high + own.master) / part.cut(1)
    # Megatron's log and torchao's table lie 0 to 5 % above the arithmetic: alignment, and tensors at the step
    return (
        gradients,
        optimizer,
        [
            term("gradients", "gradients", gradients, STATES, low=0.98 * gradients, high=1.06 * gradients),
            term("optimizer", "optimizer states", optimizer, STATES, low=0.98 * optimizer, high=1.06 * highest),
        ],
    )


def _moments(
    architecture: Architecture, workload: Workload, share: Share, part: _Part, gradients: float
) -> tuple[float, list[Term]]:
    """Bytes of gradients and activations at the moment that needs most, and what they are beside the gradients."""
    sequence = sequence_of(architecture, workload)
    tokens = sequence * max(workload.batch, 1)
    layers = architecture.layers * share.layers
    if recomputed(workload):
        kept = 2.0 * architecture.hidden * tokens * layers * share.in_flight
    else:
        kept = tokens * saved(architecture, workload, share, sequence) * layers * share.in_flight
    one = tokens * saved(architecture, workload, share, sequence, whole=True)
    at_loss = loss_bytes(workload) * tokens * architecture.vocab / share.tensor if share.last else 0.0
    hold = gradients if share.in_flight > 1 else 0.0
    backward = hold + kept + one if recomputed(workload) else 0.0
    peak = max(hold + kept + at_loss, backward, gradients + one, gradients)
    activations = peak - gradients
    name = "activations and logits beside the gradients"
    found = [term("activations", name, activations, SAVED, low=activations * 0.8, high=activations * 1.15)]
    copied = part.trained * part.states.step / part.cut(1) if part.offload == "none" else 0.0
    copies = gradients + copied - peak
    if copies > 0:
        found.append(term("overhead", "copies at the optimizer's step", copies, _STEP, low=0, high=copies * 1.1))
    return peak, found


def _gathered(architecture: Architecture, workload: Workload, share: Share, full: float, count: float) -> float:
    """Bytes of what is brought together for a moment from other GPUs or from RAM, or leaves in buckets."""
    offload = workload.offload or "none"
    name = sharding_of(workload)
    if share.data <= 1 and not _by_engine(workload):
        name = "none"
    size = formats.weights("bf16").bits / 8
    if name == "fsdp1" and frozen_base(workload) and share.data > 1:
        return full * (1 + 2.0 / max(architecture.layers * share.layers, 1))
    if name in {"zero3", "fsdp", "fsdp1"} or offload == "all":
        blocks = 2.0 / max(architecture.layers * share.layers, 1)
        edge = max(architecture.parameters.embedding, architecture.parameters.head) * size / share.tensor
        whole = count * size if name == "zero3" else full
        return min(whole, blocks * whole + edge)
    if name == "ddp":
        return 0.0 if frozen_base(workload) else count * size
    return min(count, 1e9) * size if name in {"zero1", "zero2"} or offload == "optimizer" else 0.0
