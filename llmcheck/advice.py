"""What to do about a report: the steps of an installation and the machines that could be rented instead."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.correction import Correction
from llmcheck.offer import Offer


class TorchBuild(Struct, frozen=True, kw_only=True):
    """Which build of PyTorch runs on a machine, and why."""

    tag: str
    """``cpu``, ``cu126``, ``cu132``, ``rocm7.2``, ``mps``, ..."""
    index_url: str | None
    """None where PyPI's own wheel is that build."""
    requirement: str
    """PEP 508, with a floor that was resolved."""
    reason: str


class Step(Struct, frozen=True, kw_only=True):
    command: str
    """One line of POSIX shell, every argument quoted."""
    reason: str


class Environment(Struct, frozen=True, kw_only=True):
    """The steps that fill one Python environment, in order."""

    name: str
    """``shared``, or the name of a library that cannot share one."""
    python: str
    """The interpreter that the commands address."""
    steps: tuple[Step, ...]


class Plan(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.plan/1"
    target: str
    """What was asked for."""
    environments: tuple[Environment, ...]
    satisfied: tuple[str, ...]
    """Library ids that are there already."""
    notes: tuple[str, ...]
    """What a person should know before pasting: choices made, names that mislead, what cannot be installed here."""


class RankedOffer(Struct, frozen=True, kw_only=True):
    offer: Offer
    passes: bool
    """Its machine passes the profile's documented hardware, as far as the offer states it."""
    fits_by_arithmetic: bool
    """It also has the memory that a correction of the documented figure asks for."""
    nodes: int
    """How many of this instance the profile takes; more than 1 only for clusters."""
    price_hour: float | None
    """US dollars for all nodes; None for a subscription."""
    unknown: tuple[str, ...]
    """Requirement ids that the offer does not state, so that nobody can vouch for them."""
    warnings: tuple[str, ...]
    """Messages of the findings that pass with a warning."""
    corrections: tuple[Correction, ...] = ()


class Offers(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.offers/1"
    profile: str
    offers: tuple[RankedOffer, ...]
    """Cheapest first, one per provider."""
    documented: tuple[RankedOffer, ...] = ()
    """The offers that the document names, whether or not they pass."""
    notes: tuple[str, ...] = ()


class Advice(Struct, frozen=True, kw_only=True):
    """The next step for one profile."""

    profile: str
    reason: str
    """Why this profile is the one to talk about."""
    plan: Plan | None = None
    offer: RankedOffer | None = None
    """The cheapest machine that would pass, where this one's hardware does not."""
    tip: str | None = None
