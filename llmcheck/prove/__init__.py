"""Checks that do work: products of matrices, copies, reads, messages. Nothing here runs unless it is asked for.

Each module of ``checks`` is one check, and its file name is its id (``-`` for ``_``). It has ``CHECK``, ``EXAMPLE``,
``jobs(request) -> tuple[Job, ...]``, which says what to start, or raises ``NotPossible`` or ``NotApplicable``, and
``read(outputs, request) -> tuple[Measurement, ...]``. ``running`` starts it in processes of its own, and kills them at
the deadline.

The programs in ``children`` run in the project's interpreter. They import the standard library and torch, nothing of
llmcheck, and answer with lines of JSON (see ``child``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from llmcheck import registry
from llmcheck.schema.machine import Machine
from llmcheck.schema.measurement import Measurement

Device = Literal["auto", "cuda", "cpu"]
"""``cuda``: the GPUs, also AMD's, which torch calls so; ``auto``: those, and the processor where there are none."""
_CHECKS = "llmcheck.prove.checks"


class NotPossible(Exception):  # noqa: N818 - no error: an answer
    """Why a check cannot run here, in a few words: something that it needs is missing."""


class NotApplicable(NotPossible):
    """There is nothing on this machine that the check is about."""


CANNOT, NOT_APPLICABLE = 4, 5
"""Exit codes of our own programs for the two; the last line that they print says why."""


class Request(Struct, frozen=True, kw_only=True):
    """What the user asked for, and what is known of the machine."""

    machine: Machine = Machine()
    python: str
    """The interpreter that torch is looked for in; it may be run."""
    own_python: str
    """The interpreter that runs llmcheck."""
    seconds: float = 2.0
    """How long a check may measure, without its start."""
    deadline: float = 20.0
    """Seconds after which a check is killed."""
    device: Device = "auto"
    path: str | None = None
    """The folder in which a file to read is looked for; None: where models are stored, and where this process is."""
    write: bool = False
    """A temporary file may be written there, where there is no large file."""
    peer: tuple[str, int | None] | None = None
    """Another host and port that waits for this one; None: both ends are here."""
    listen: tuple[str, int] | None = None
    """The address at which this host waits for another; None: it does not."""
    rendezvous: tuple[str, int] | None = None
    """Host and port of the first node of an all-reduce over several; None: this node alone."""
    nodes: int = 1
    """How many nodes take part in it."""
    node: int = 0
    """The number of this one among them."""


class Job(Struct, frozen=True, kw_only=True):
    """A program to start."""

    argv: tuple[str, ...]
    after: float = 0.0
    """Seconds after the first one."""


class Check(Struct, frozen=True, kw_only=True):
    """What a check is."""

    title: str
    """What it does, in words."""
    quantities: tuple[str, ...]
    """What it measures, as ``data/prove_rates.csv`` names it."""
    on_gpus: bool = False
    """It is about GPUs: without one it shows less, or nothing."""
    needs_torch: bool = False
    program: str | None = None
    """A program on PATH that it starts. Such a check runs only where it is named."""


class Example(Struct, frozen=True, kw_only=True):
    """An output of the programs of a check, and what it says."""

    outputs: tuple[str, ...]
    expected: Mapping[str, float]
    """The lowest rate of each quantity."""


def ids() -> tuple[str, ...]:
    """The checks, in the order in which they run: GPUs first, tools last."""
    known = (name.replace("_", "-") for name in registry.names(_CHECKS))
    return tuple(sorted(known, key=lambda name: (check(name).program is not None, not check(name).on_gpus, name)))


def check(name: str) -> Check:
    """What the check of this id is."""
    found: Check = registry.load(_CHECKS, name.replace("-", "_")).CHECK
    return found


def jobs(name: str, request: Request) -> tuple[Job, ...]:
    """What the check starts. Raises NotPossible."""
    found: tuple[Job, ...] = registry.load(_CHECKS, name.replace("-", "_")).jobs(request)
    return found


def read(name: str, outputs: tuple[str, ...], request: Request) -> tuple[Measurement, ...]:
    """What the outputs of its programs say, which may have been cut off anywhere."""
    found: tuple[Measurement, ...] = registry.load(_CHECKS, name.replace("-", "_")).read(outputs, request)
    return found
