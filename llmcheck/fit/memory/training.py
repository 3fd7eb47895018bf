"""Terms of one GPU in training: weights, gradients, optimizer states, stored activations, and the peak of a step."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.fit.memory.activations import (
    ACTIVATIONS,
    activation_bytes_per_token,
    edge_bytes_per_token,
    loss_bytes_per_token,
    stored_bytes_per_token,
)
from llmcheck.fit.memory.inference import context_term, weight_terms
from llmcheck.fit.memory.sharding import GATHER, Gathered, gathered
from llmcheck.fit.memory.states import STATES, Trained, adapter_weights, states_of_trained, trained_of
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.training_choices import frozen_base, has_sharding_engine, quantised_base_in_fp32
from llmcheck.fit.shapes.weights import StoredWeights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Term, term
from llmcheck.units import GIB, MIB

_STEP = "torch's foreach AdamW copies the weights; with a 32-bit master copy the gradients are converted to 32 bits"
_NCCL = "NCCL: 0.4 GiB (vLLM's log) to 1.5 GiB (torch.distributed after its first barrier)"
_IN_FLIGHT = 2
"""Layers whose activations are on the GPU while they move to RAM: one that moves and one that is computed."""


def ram_terms(use: ModelUse) -> list[Term]:
    """Terms in RAM for all GPUs: with ``Workload.offload`` gradients and optimizer states, with ``all`` weights too;
    with ``activation_offload`` what is stored for the backward pass."""
    workload = use.workload
    found = _activations_in_ram(use) if workload.activation_offload else []
    if workload.offload in (None, "none"):
        return found
    frozen = frozen_base(workload)
    own = states_of_trained(use, workload.gpus or 1)
    trained = adapter_weights(use) if frozen else use.architecture.parameters.total
    found += [
        term("gradients", "gradients, in RAM", trained * own.gradient, STATES),
        term("optimizer", "optimizer states, in RAM", trained * (own.optimizer_high + own.master), STATES),
    ]
    if workload.offload == "all":
        own_weights = use.stored.total if frozen or own.weight == 2.0 else trained * own.weight
        size = own_weights + (trained * own.weight if frozen else 0)
        found.append(term("weights", "weights, in RAM", size, use.weight_format.source))
    return found


def _activations_in_ram(use: ModelUse) -> list[Term]:
    stored = stored_bytes_per_token(use, GpuPart(), use.context) * use.context * use.batch * use.architecture.layers
    return [term("activations", "stored activations, in RAM", stored * (use.workload.gpus or 1), ACTIVATIONS)]


def terms(use: ModelUse, part: GpuPart, stored: StoredWeights) -> list[Term]:
    """All terms of the GPU that has this part of the model. ``stored``: bytes of all weights."""
    trained = trained_of(use, part)
    on_gpu = 0.0 if trained.offload == "all" else 1.0 / trained.shards(3)
    found = _weights(use, part, stored, trained, on_gpu)
    gradients, states_terms = _states(use, trained)
    around = gathered(use, part, trained, stored)
    found += [*states_terms, *_peak(use, part, trained, gradients, around)]
    return found + _overheads(use, part, stored)


def _overheads(use: ModelUse, part: GpuPart, stored: StoredWeights) -> list[Term]:
    found = []
    if use.weight_format.family in {"bnb-4bit", "int8", "group"}:
        one_matrix = 2 * stored.largest / part.tensor
        source = "one matrix at a time is converted to 16 bits"
        found.append(term("overhead", "dequantisation buffer", one_matrix, source, low=0, high=2 * one_matrix))
    source = "cuBLAS: 8 to 32 MiB per stream and its copies"
    found.append(term("overhead", "workspace", 40 * MIB, source, low=0, high=160 * MIB))
    found.append(context_term())
    if part.gpus > 1 or has_sharding_engine(use.workload):
        name = "communication buffers"
        found.append(term("overhead", name, 0.8 * GIB, _NCCL, low=0.3 * GIB, high=1.6 * GIB, part="communication"))
    return found


def _weights(use: ModelUse, part: GpuPart, stored: StoredWeights, trained: Trained, on_gpu: float) -> list[Term]:
    """``on_gpu``: the fraction of this GPU's part that stays on it."""
    own, frozen = trained.states, frozen_base(use.workload)
    wide = 1.0 if frozen else own.weight * 8 / use.weight_format.bits
    found = weight_terms(use, stored, part, on_gpu * wide)
    if not frozen and own.copy and on_gpu:
        source = "autocast converts each weight once in a step and stores it for the backward pass"
        looked_up = use.architecture.parameters.embedding / part.tensor if part.first else 0.0
        tied = not use.architecture.parameters.head
        size = own.copy * (trained.trained - (0.0 if tied else looked_up))
        found.append(term("weights", "copies in 16 bits", size, source))
    if quantised_base_in_fp32(use):
        more = on_gpu * 2 * (trained.edge + use.architecture.parameters.other * part.layers / part.tensor)
        source = "PEFT's prepare_model_for_kbit_training"
        sure = 1.0 if use.workload.base_in_fp32 else 0.0  # else it may be a trainer that undoes it
        found.append(term("weights", "embeddings and norms in 32 bits", more, source, low=sure * more))
        if part.last:
            size, source = 2 * trained.head, "autocast converts it for its product, whose backward pass needs it"
            found.append(term("weights", "output projection in 16 bits", size, source, low=sure * size))
    if trained.adapters:
        source = f"rank x (inputs + outputs), {own.weight:.0f} bytes each"
        found.append(term("weights", "adapters", on_gpu * trained.adapters * own.weight, source))
    return found


def _states(use: ModelUse, trained: Trained) -> tuple[float, list[Term]]:
    """Bytes of gradients on this GPU, and the terms of gradients and optimizer states."""
    own = trained.states
    here = trained.trained if trained.offload == "none" else 0.0
    with_gradient = here
    if use.workload.optimizer_in_backward:  # the largest that exists at a time
        with_gradient = min(here, max(trained.layer, trained.edge if not trained.adapters else 0.0))
    gradients = with_gradient * own.gradient / trained.shards(2)
    optimizer = here * (own.optimizer + own.master) / trained.shards(1)
    highest = here * (own.optimizer_high + own.master) / trained.shards(1)
    # Megatron's log and torchao's table are 0 to 5 % above the arithmetic: alignment and temporary tensors
    return (
        gradients,
        [
            term("gradients", "gradients", gradients, STATES, low=0.98 * gradients, high=1.06 * gradients),
            term("optimizer", "optimizer states", optimizer, STATES, low=0.98 * optimizer, high=1.06 * highest),
        ],
    )


def _peak(use: ModelUse, part: GpuPart, trained: Trained, gradients: float, around: Gathered) -> list[Term]:
    """The terms of the peak of a step without the gradients: activations, logits, gathered weights, copies.

    A step has three moments: the loss, with all that is stored; the backward pass of the last layer, with its temporary
    tensors and the gradient of the output projection; its end, with all gradients. Megatron-LM and several
    micro-batches in flight have gradients throughout.
    """
    work, layers = use.workload, use.architecture.layers * part.layers
    tokens = use.context * use.batch / part.context
    stored = tokens * stored_bytes_per_token(use, part, use.context)
    kept = stored * (min(_IN_FLIGHT, layers) if work.activation_offload else layers * part.in_flight)
    one = tokens * activation_bytes_per_token(use, part, use.context, recomputing=True)
    if work.checkpointing in (False, "selective"):
        one = 0.0  # it is among what is kept
    loss = tokens * loss_bytes_per_token(use, part) if part.last else 0.0
    last_norm = tokens * edge_bytes_per_token(use, part)
    throughout = gradients if part.in_flight > 1 or work.gradients == "fp32" else 0.0
    head = 0.0 if trained.adapters or not part.last else trained.head * trained.states.gradient / trained.shards(2)
    of_head = max(throughout, min(head, gradients) if trained.offload == "none" else 0.0)
    moments = (
        _Moment("the loss", of_head if work.chunked_loss else throughout, kept + last_norm, loss, around.at_loss),
        _Moment("the last layer's backward pass", of_head, kept + one, 0.0, around.in_backward),
        _Moment("the end of the backward pass", gradients, max(one, stored), 0.0, around.in_backward),
    )
    peak = max(moments, key=lambda each: each.total)
    found = peak.terms(gradients, around)
    copied = trained.trained * trained.states.step / trained.shards(1) if trained.offload == "none" else 0.0
    copies = gradients + copied + around.at_step - max(peak.total, gradients + sum(t.expected for t in found))
    if copies > 0:
        found.append(term("overhead", "copies at the optimizer's step", copies, _STEP, low=0, high=copies * 1.1))
    return found


class _Moment(Struct, frozen=True):
    """Bytes at one moment of a step."""

    name: str
    gradients: float
    stored: float
    loss: float
    gathered: float

    @property
    def total(self) -> float:
        return self.gradients + self.stored + self.loss + self.gathered

    def terms(self, gradients: float, around: Gathered) -> list[Term]:
        """Without the gradients, of which there are more at another moment: ``gradients``."""
        activations = self.stored + self.loss
        # what is not there yet of the gradients is made of the memory that activations leave
        rest = max(activations - (gradients - self.gradients), 0.0)
        loss = min(self.loss, rest)
        stored, found = rest - loss, []
        if loss:
            source = "logits, softmax and gradients in 16 and 32 bits: by the trainer's version, and what is fused"
            found.append(
                term("activations", "logits and their gradients", loss, source, low=0.8 * loss, high=1.35 * loss)
            )
        source = f"{ACTIVATIONS}; here {self.name}"
        name = "activations, without gradients"
        found.append(term("activations", name, stored, source, low=0.8 * stored, high=1.25 * stored))
        if self.gathered:
            name, most = "gathered weights and buckets", max(1.2 * self.gathered, around.high)
            found.append(term("overhead", name, self.gathered, GATHER, low=0.7 * self.gathered, high=most))
        return found
