"""The answers of ``llmcheck fit`` that set several side by side: methods of fine-tuning, or machines."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.schema.estimate import EXIT_CODES, Band, Fit, FitVerdict, MethodKind, Plan, PlanMemory
from llmcheck.schema.workload import Method


class MethodFit(Struct, frozen=True, kw_only=True):
    """One method of fine-tuning a model on one machine."""

    kind: MethodKind
    """What it is, for programs."""
    method: Method
    """Value of ``--method``."""
    verdict: FitVerdict
    """Whether it fits on this machine, with the help that costs nothing where that is needed."""
    reason: str
    """Why, in one sentence that needs no context."""
    memory: PlanMemory
    """What it needs."""
    gpus: int
    """Number of GPUs that are used, or would be."""
    short_bytes: int | None = None
    """Bytes that the fullest GPU lacks, or the RAM; None where it fits, or where it is not memory that is missing."""
    tokens_per_second: Band | None = None
    """Of all GPUs together; None where it does not fit or is not known."""
    days: Band | None = None
    """Duration of a run of ``Workload.tokens``; None without them."""
    plan: Plan | None = None
    """How it is done; None where it does not fit."""
    argv: tuple[str, ...]
    """The ``llmcheck fit`` that shows it in full."""
    options: tuple[str, ...]
    """What to add to the command line that was given; () where an option that was named is not for this method."""


class Methods(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck fit MODEL --method all``."""

    schema: str = "llmcheck.fit-methods/1"
    """Format of this document and its version."""
    model: str
    """Name of the model."""
    machine: str
    """In words."""
    context: int
    """Tokens of each sequence."""
    methods: tuple[MethodFit, ...]
    """From the one that changes every weight to the one that needs least memory."""
    assumptions: tuple[str, ...] = ()
    """What was assumed, in sentences."""

    @property
    def exit_code(self) -> int:
        """0 where a method fits, 1 where none does, 3 where the memory of the machine is not known."""
        codes = {EXIT_CODES[each.verdict] for each in self.methods}
        return 0 if 0 in codes else 3 if 3 in codes else 1


class MachineFit(Struct, frozen=True, kw_only=True):
    """The answer for one of several machines."""

    given: str
    """As ``--machine`` named it."""
    verdict: FitVerdict
    """Whether the model fits there."""
    reason: str
    """Why, in one sentence that needs no context."""
    fit: Fit | None
    """What ``llmcheck fit`` says of it alone; None where the runtime that was named does not run there."""


class Machines(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck fit MODEL`` with several ``--machine``."""

    schema: str = "llmcheck.fit-machines/1"
    """Format of this document and its version."""
    model: str
    """Name of the model."""
    machines: tuple[MachineFit, ...]
    """In the order in which they were named."""

    @property
    def exit_code(self) -> int:
        """0 where it fits on every machine, 1 where it does not fit on one, 3 where that is not known of one."""
        codes = {EXIT_CODES[each.verdict] for each in self.machines}
        return next((code for code in (1, 3) if code in codes), 0)
