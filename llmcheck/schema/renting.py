"""Machines to rent: offers judged by a profile or for a model, what they cost, and the file that starts one."""

from __future__ import annotations

import datetime
from typing import Literal

from msgspec import Struct

from llmcheck.schema import estimate
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.workload import Cost, Workload
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import DocumentedOffer, Offer

OLD_DAYS, STALE_DAYS, VERY_STALE_DAYS = 90, 180, 365
"""From these ages on a price gets a note, a warning, and a mark in front of the number. Prices of new providers rose by
20 to 66 % between May and October 2026."""


RankedBy = Literal["hour", "tokens", "total"]


class Gap(Struct, frozen=True, kw_only=True):
    """A requirement that an offer does not meet."""

    id: str
    """Id of the requirement; ``computed``: of the profile's workload."""
    needed: str
    """In words: ``24 GB``."""
    found: str | None
    """In words; None where nothing of it is stated."""
    shortfall: str | None
    """As in a report's finding: ``gpu-memory``, ``ram``, ...; None where it has no code."""
    missing_bytes: int | None
    """How much is missing; None where it is not a size."""


OfferStatus = Literal["pass", "warn", "fail", "unknown"]
WhyNot = Literal["not-documented", "nothing-fits", "too-slow", "no-gpu", "no-cluster", "unknown"]


class RankedOffer(Struct, frozen=True, kw_only=True):
    """A cloud offer, judged by a profile or for a model."""

    offer: Offer
    """The row of the table of offers."""
    passes: bool
    """It is worth renting: it fits, misses no documented figure that it states, and is fast enough to read along."""
    fits: bool
    """``llmcheck check`` does not call its hardware not ready. For a model: there is a plan."""
    fits_by_arithmetic: bool
    """There is a plan for each model of the profile, or for the model that was named."""
    documented: OfferStatus | None = None
    """By the profile's documented hardware alone: ``warn`` where several GPUs have to share what it names of one; None
    for a model."""
    computed: OfferStatus | None = None
    """By arithmetic, as the computed finding of ``check``; None where the profile names no workload."""
    verdict: Literal["ready", "not-ready", "undetermined"] | None = None
    """The hardware verdict of ``check`` on this machine; undetermined: of the disk an offer says nothing, or too
    little, for a larger one can be added. None for a model, and for a profile without hardware."""
    why_not: WhyNot | None = None
    """Why ``fits`` is false; None where it is true."""
    gaps: tuple[Gap, ...] = ()
    """What is required and missing; () for a model."""
    runs: tuple[ComputedMethod, ...] = ()
    """For each model of the profile the best way that fits, or the plain one that does not; () for a model."""
    plan: estimate.Plan | None = None
    """The best plan of the largest model that fits; None where none does."""
    machine: str | None = None
    """The offer as words for ``--machine``; None where its GPU is in no table."""
    argv: tuple[str, ...] = ()
    """The ``llmcheck fit`` that reproduces ``plan``; () without a plan or words."""
    nodes: int
    """How many instances are needed: more than 1 for clusters, and to reach a speed that one alone does not."""
    price_hour: float | None
    """US dollars for all nodes; None for a subscription."""
    is_spot: bool = False
    """The price is that of a machine that may be taken away."""
    price_date: datetime.date | None = None
    """Of the price, as ``offer`` has it; None only in documents of version 0.1."""
    age_days: int | None = None
    """Days from then to now; None where ``price_date`` lies in the future."""
    hours: float | None = None
    """That the job takes on it; None where no job was named, or its speed is not known."""
    setup_hours: float | None = None
    """To start it, install, and download the weights, which are paid too; None where ``hours`` is."""
    total: float | None = None
    """US dollars for all nodes over both; None where ``hours`` is."""
    usd_per_million_tokens: float | None = None
    """Of ``plan`` at its expected speed, of ``batch`` sequences at a time or in training; None where the speed is not
    known."""
    tokens_per_second: float | None = None
    """Of all nodes and all sequences at a time together; None where it is not known."""
    unknown: tuple[str, ...]
    """Ids of requirements that cannot be judged, because the offer does not state the facts."""
    warnings: tuple[str, ...]
    """Messages of the findings that pass with a warning."""
    corrections: tuple[Correction, ...] = ()
    """Known errors in the documented figures that this offer was judged by."""


class BreakEven(Struct, frozen=True, kw_only=True):
    """From which use on buying costs less than renting. Excluded: the rest of the machine, cooling, resale."""

    purchase_low: float
    """US dollars for the hardware."""
    purchase_high: float
    """Its upper end; equal where one amount is stated."""
    rent_hour: float
    """US dollars an hour of the offer that it is compared with."""
    card: str | None
    """The card whose power is counted; None where its power is not known and none was given."""
    watts: float
    """Of the bought GPUs under load."""
    usd_per_kwh: float
    """Price of electricity."""
    hours_per_day: float
    """Of use."""
    hours_low: float | None
    """Hours of use after which the purchase has paid; None where renting costs no more than the electricity."""
    hours_high: float | None
    """For the upper end."""
    months_low: float | None
    """The same in months of 30.4 days with ``hours_per_day``; None where the hours are."""
    months_high: float | None
    """For the upper end."""


class SubscriptionCost(Struct, frozen=True, kw_only=True):
    """What the hours of a job cost by a monthly subscription, if one gets that GPU."""

    offer: Offer
    """The row of the table of offers."""
    hours_month: float
    """Hours on this GPU that a month contains."""
    hours: float
    """Of the job."""
    months: int
    """That have to be paid."""
    total: float
    """US dollars."""
    age_days: int | None = None
    """Of the rate; None where its date lies in the future."""


class Verified(Struct, frozen=True, kw_only=True):
    """An offer that the document names, beside what was verified."""

    documented: DocumentedOffer
    """The document's words and price."""
    offer: Offer
    """What was verified."""
    price: float | None
    """Verified, US dollars in the document's unit; None where there is none."""
    ranked: RankedOffer | None = None
    """Judged by the profile; None without one."""
    corrections: tuple[Correction, ...] = ()
    """What is wrong in the document."""


class Offers(Struct, frozen=True, kw_only=True):
    """The cloud offers that pass a profile, or on which a model fits."""

    schema: str = "llmcheck.offers/1"
    """Format of this document and its version."""
    profile: str | None
    """Id of the profile; None where a model was named."""
    path: str | None = None
    """Its file, as it was named; None for a shipped profile."""
    model: str | None = None
    """The model as it was named; None for a profile."""
    workload: Workload | None = None
    """How the model is used; None for a profile."""
    everything: bool = False
    """``--all``: also the offers that do not fit, and machines that are private or can be interrupted."""
    ranked_by: RankedBy = "hour"
    """``hour``: price of an hour; ``tokens``: of a million tokens; ``total``: of the whole job."""
    target_tokens_per_second: float | None = None
    """That the machines together have to reach; None: none was named."""
    offers: tuple[RankedOffer, ...]
    """Cheapest first, one per provider; with ``everything`` all, those that fit first."""
    nearest: tuple[RankedOffer, ...] = ()
    """Where nothing fits: the offers that miss least, each with what it misses."""
    cost: Cost | None = None
    """The documented cost of the profile; None where none is documented."""
    break_even: BreakEven | None = None
    """Buying against the cheapest offer; None where no purchase price is known."""
    subscriptions: tuple[SubscriptionCost, ...] = ()
    """By the month, for a job of known hours on one GPU."""
    documented: tuple[RankedOffer, ...] = ()
    """The offers that the document names, whether or not they pass; () unless they were asked for."""
    verified: tuple[Verified, ...] = ()
    """The same beside the document's words and what is wrong in them."""
    notes: tuple[str, ...] = ()
    """What to know before renting, in sentences."""

    @property
    def exit_code(self) -> int:
        """0: some offer fits; 1: none does."""
        return 0 if any(each.fits for each in self.offers) else 1


class ListedOffer(Struct, frozen=True, kw_only=True):
    """An offer of the catalogue, with its price in smaller units."""

    offer: Offer
    """The row of the table of offers."""
    price_hour: float | None
    """US dollars an hour of the instance, in the way that was asked for; None where it is sold by the month."""
    price_gpu_hour: float | None
    """The same for one GPU, or one chip of a TPU."""
    price_gib_hour: float | None
    """The same for one GiB of GPU memory."""
    price_date: datetime.date
    """Of the price."""
    age_days: int | None = None
    """Days from then to now; None where ``price_date`` lies in the future."""


class OfferCatalogue(Struct, frozen=True, kw_only=True):
    """Offers by filters alone, without a judgement."""

    schema: str = "llmcheck.offer-catalogue/1"
    """Format of this document and its version."""
    offers: tuple[ListedOffer, ...]
    """By price of one GPU hour, cheapest first."""
    by_gpu: bool = False
    """Only the cheapest of each kind and number of GPUs."""
    count: int
    """Offers that were looked through."""
    verified: tuple[Verified, ...] = ()
    """The offers that the document names; () unless they were asked for."""
    notes: tuple[str, ...] = ()
    """What to know, in sentences."""

    @property
    def exit_code(self) -> int:
        """0: there are some; 1: none passes the filters."""
        return 0 if self.offers or self.verified else 1


LaunchTool = Literal["sky", "dstack", "native"]


class LaunchFile(Struct, frozen=True, kw_only=True):
    """What starts the cheapest offer. llmcheck starts nothing itself."""

    schema: str = "llmcheck.launch/1"
    """Format of this document and its version."""
    tool: LaunchTool
    """Whose file or command it is."""
    offers: tuple[RankedOffer, ...]
    """The machines that it may start, the cheapest first."""
    file_name: str
    """How to name it; for ``native`` a shell script."""
    text: str
    """The file."""
    start: tuple[str, ...]
    """The command that starts it."""
    ends: str
    """How the machine ends by itself, in words."""

    @property
    def exit_code(self) -> int:
        """0."""
        return 0
