"""What was computed for the workload of a profile on one machine."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.schema.estimate import Band, FitVerdict, MethodKind, Plan


class Cards(Struct, frozen=True, kw_only=True):
    """GPUs that would hold a model by themselves."""

    gpus: int
    """How many of them."""
    gpu: str
    """Their name."""
    memory_gb: float | None
    """Advertised memory of each, in GB; None for GPUs of the machine's own kind."""


class ComputedMethod(Struct, frozen=True, kw_only=True):
    """One method of running the workload of a profile, for one model, on one machine."""

    parameters: str
    """The model as the profile names it: a size such as ``70B``, or the id of a known model."""
    method: str
    """In words: ``q4_k_m``, ``full with AdamW``, ``QLoRA``."""
    kind: MethodKind = "weights"
    """What it is, for programs."""
    verdict: FitVerdict
    """Whether it fits on this machine."""
    reason: str | None = None
    """Why it does not fit on the GPUs, or is not known, in words; None where it does."""
    total: int
    """Bytes that it needs, on GPUs and in RAM."""
    weights: int
    """Bytes of ``total`` that are weights."""
    ram: int = 0
    """Bytes of ``total`` in RAM."""
    gpus: int = 0
    """Number of GPUs that are used, or would be if it fitted."""
    gpu: str | None = None
    """Their name; None without a GPU, or where it is not known."""
    cards: int | None = None
    """Number of GPUs of this kind on which it would fit; None where that was not computed, or no number would do."""
    tokens_per_second: Band | None = None
    """Decoding of one sequence, or training on all GPUs; None where it does not fit or is not known."""
    days: Band | None = None
    """Duration of a training run; None for other workloads, or where it is not known."""
    cost_usd: Band | None = None
    """US dollars to rent the GPUs for that run; None where ``days`` is, or no offer has them."""
    plan: Plan | None = None
    """How it is done; None where it does not fit."""
    held_by: tuple[Cards, ...] = ()
    """Where no method fits for the model: cards on which one does, the machine's own kind first; () where that was not
    computed, or one machine cannot have enough of them."""
