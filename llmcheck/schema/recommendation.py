"""The answer to "which models shall I run here": the best of them, and why each of the others is not among them."""

from __future__ import annotations

import datetime
from typing import Literal, get_args

from msgspec import Struct

from llmcheck.schema.estimate import Band, Loss, Plan
from llmcheck.tables.evaluation import Scale

SCHEMA = "llmcheck.recommend/1"
Task = Literal["chat", "code", "reason", "vision", "embed", "finetune"]
TASKS: tuple[str, ...] = get_args(Task)
LeftOutReason = Literal[
    "wrong-task", "shapes-unknown", "short-context", "no-gpu", "does-not-fit", "memory-unknown", "large-loss",
    "too-slow", "speed-unknown", "no-evidence", "solved-nothing", "dominated",
]  # fmt: skip
"""``no-gpu``: it takes one to train. ``large-loss``: it fits only in a format that loses much. ``speed-unknown``: part
of it lies in RAM, and how fast that is is not known. ``solved-nothing``: it solved no task of the benchmark."""
SpeedOf = Literal["answer", "prompt", "training"]
"""Which tokens per second decide: those written, those read (models for embeddings), or those trained on."""


class QualityFigure(Struct, frozen=True, kw_only=True):
    """What a public evaluation measured of the model as it is published."""

    value: float
    """In ``unit``; higher is better."""
    benchmark: str
    """Name of the test."""
    unit: str
    """``%`` or points."""
    evaluator: str
    """Who ran it."""
    setting: str | None = None
    """``thinking on``, ...; None where the source does not say."""
    source: str
    """Where it was published."""
    as_of: datetime.date
    """Date of the snapshot."""


class RecommendedModel(Struct, frozen=True, kw_only=True):
    """One row: a release, the best way to run it here, and what is known of its quality."""

    id: str
    """Repository of the original release."""
    plan: Plan
    """How to run it, or to fine-tune it."""
    tokens_per_second: Band | None
    """Of what ``speed_of`` of the whole answer says; None where it is not known."""
    longest_context: int | None
    """Tokens: the longest of repeated doublings of the plan's context with the same verdict; None for training."""
    quality: QualityFigure | None
    """On the scale of the whole answer; None for a model without a public figure on it."""
    loss: Loss | None
    """By the plan's weight format; None where none was published."""
    loss_source: str | None = None
    """Where the loss was published; None where ``loss`` is."""
    licence: str | None
    """Its name; None where no source has it."""
    gated: bool | None
    """Whether its terms have to be accepted before it can be downloaded; None where no source says it."""
    released: str | None = None
    """Year and month."""


class LeftOut(Struct, frozen=True, kw_only=True):
    """A model that is not recommended. Of the figures those are given that belong to the reason."""

    id: str
    """Repository of the original release."""
    reason: LeftOutReason
    """Why it is left out, as a code."""
    dominated_by: str | None = None
    """A recommended model that is at least as good, as fast and as long, and better in one of them."""
    needed_bytes: int | None = None
    """At least: its weights in the smallest format without a large loss."""
    available_bytes: int | None = None
    """Memory of GPUs and RAM together."""
    weights: str | None = None
    """The format that loses much, or in which it is too slow or dominated."""
    tokens_per_second: float | None = None
    """Expected; None where it does not belong to the reason."""
    quality: float | None = None
    """On the scale of the whole answer; None as there."""
    longest_context: int | None = None
    """Tokens; None as there."""


class Recommendations(Struct, frozen=True, kw_only=True):
    """The models to run on one machine for one task, and why the others are not among them."""

    schema: str = SCHEMA
    """Name and version of this document."""
    task: Task
    """What the models are for."""
    prefer: Literal["balanced", "quality", "speed", "context"]
    """What decides between plans and orders the models."""
    machine: str
    """In words: ``2 x RTX 4090 (24.0 GiB), 64 GB RAM``."""
    context: int | None
    """Tokens that were asked for; None: the usual ones."""
    scale: Scale | None
    """The one benchmark and snapshot by which the models are compared; None where none covers what fits."""
    speed_of: SpeedOf
    """What ``tokens_per_second`` counts."""
    least_tokens_per_second: float | None
    """Slower ones are left out; None where the task has no such floor."""
    models: tuple[RecommendedModel, ...]
    """None is worse than another in quality, speed and context at once; the preferred first."""
    left_out: tuple[LeftOut, ...]
    """Every listed model that is not recommended."""
    why: str | None = None
    """The model that was asked about; the answer is then about it alone."""
    memory_known: bool = True
    """False: nothing can be said, for the memory of the machine could not be read."""

    @property
    def exit_code(self) -> int:
        """0 where a model is recommended; 1 where none is; 3 where the machine's memory is not known."""
        if self.models:
            return 0
        return 1 if self.memory_known else 3
