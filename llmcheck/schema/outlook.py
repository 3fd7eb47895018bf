"""What the first screen answers: which sizes of model run here and how, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from llmcheck.schema.estimate import FitVerdict, MethodKind, Plan

Task = Literal["inference", "fine-tuning", "pre-training"]
NextKind = Literal["repair", "install", "run", "other-hardware", "undetermined"]
Usefulness = Literal["good", "slow", "none"]
FaultKind = Literal["driver", "gpu", "python", "package", "disk"]


class Cards(Struct, frozen=True, kw_only=True):
    """GPUs that would hold it, idle and all alike."""

    count: int
    """Number of GPUs."""
    memory_gb: int
    """Of each, as it is sold."""


class CardsForSize(Struct, frozen=True, kw_only=True):
    """The smallest cards for one task with one size of model; the same for every machine."""

    task: Task
    """What is done with the model."""
    parameters: str
    """The size, as the tiers name it."""
    enough: tuple[Cards, ...]
    """One card first, then a number of smaller ones; () where not even eight of the largest do."""


class SizePlan(Struct, frozen=True, kw_only=True):
    """The best way to do one task with one size of model on this machine."""

    task: Task
    """What is done with the model."""
    parameters: str
    """As the tiers name it: ``7B``, or the id of a known model."""
    tiers: tuple[str, ...]
    """Ids of the profiles that name this task and size."""
    verdict: FitVerdict
    """``fits-with-offload``: with a part in RAM, or all of it."""
    use: Usefulness
    """``good``: at a speed to read along, or a training that fits; ``slow``: slower, with weights that lose little;
    ``none``: it does not fit, or only in a way that nobody would choose."""
    kind: MethodKind | None = None
    """The method of training; None where it does not fit, and for inference."""
    plan: Plan | None = None
    """How; None where it does not fit."""
    days: float | None = None
    """Of a pre-training run; None for other tasks, or where it is not known."""
    enough: tuple[Cards, ...] = ()
    """Where ``use`` is ``none``: what would do, one card first; () for pre-training, and where nothing would."""


class Fault(Struct, frozen=True, kw_only=True):
    """What has to be repaired before anything else is worth judging."""

    kind: FaultKind
    """What is broken; ``gpu``: a variable hides them all by mistake; ``package``: an installed one that every tier
    needs; ``disk``: it is full."""
    message: str
    """One sentence."""
    remedy: str | None = None
    """What to do; None where nothing is known to help."""


class NextStep(Struct, frozen=True, kw_only=True):
    """What to do next with this machine."""

    kind: NextKind
    """``repair``: see ``fault``; ``install``: libraries are missing, then ``launch``; ``run``: ``launch``;
    ``other-hardware``: no size runs here; ``undetermined``: the memory of the GPUs is not known."""
    tier: str | None = None
    """Id of the profile that the step is about; None for a repair."""
    fault: Fault | None = None
    """None where nothing is broken."""
    missing: tuple[str, ...] = ()
    """Names of the libraries that the tier needs and that are not installed."""
    install: tuple[str, ...] | None = None
    """The command that prints the installation as a script; None where nothing is missing."""
    hint: str | None = None
    """What would allow more, and is not needed: a newer driver. None for nothing."""
    model: str | None = None
    """Repository of a model of the tier's size, the best by public evaluations that runs here; None for none."""
    plan: Plan | None = None
    """How that model is run; None where there is no ``model``."""
    launch: tuple[str, ...] | None = None
    """The command that runs it, in the judged environment; None where there is no ``model``."""
    launch_environment: Mapping[str, str] = {}
    """Variables of ``launch_service`` where there is one, else of ``launch``."""
    launch_service: tuple[str, ...] = ()
    """A program that has to run, with ``launch_environment``, before ``launch`` is started; () for none."""
    program: str | None = None
    """A program of ``launch`` that neither is on PATH nor comes with ``install``; None where there is none."""
    library: str | None = None
    """Id of the library in the catalogue that says how to get ``program``."""
    launch_valid_for: str | None = None
    """Program and version whose options ``launch`` has."""
