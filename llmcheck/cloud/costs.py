"""What a job costs: its hours on an offer, the total, a subscription instead, and buying instead."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.cloud.canonical import Form, find
from llmcheck.cloud.selection import age_days
from llmcheck.gpus.identify import GpuRecord
from llmcheck.schema.profile import Profile
from llmcheck.schema.renting import BreakEven, RankedOffer, SubscriptionCost
from llmcheck.schema.workload import Cost
from llmcheck.tables.offer import Offer

SETUP_HOURS = 0.25
"""To start a machine and install on it; assumed: 5 minutes for the image, 10 for about 10 GB of packages."""
DOWNLOAD_BYTES = 125e6
"""A second; assumed: 1 Gb/s, which clouds give small machines too."""
USD_PER_KWH, HOURS_PER_DAY = 0.15, 8.0
"""Assumed where the user says nothing: a price of electricity between the USA's and Europe's, and a working day."""
_MONTH_DAYS = 30.4
_TOP_UP_USD, _TOP_UP_UNITS = 9.99, 100
"""What Colab sells beyond the month's units (TechCrunch, 2022-09-29)."""


class Job(Struct, frozen=True, kw_only=True):
    """How long the machine is wanted; both None: that is open."""

    hours: float | None = None
    """Of work; set-up and download come on top."""
    tokens: float | None = None
    """Served, or trained on."""

    @property
    def is_known(self) -> bool:
        """Whether either is."""
        return self.hours is not None or self.tokens is not None


def of_profile(job: Job, profile: Profile) -> Job:
    """The job that was named, else the training run that the profile itself names."""
    work = profile.workload
    return Job(tokens=work.tokens) if not job.is_known and work is not None and work.tokens else job


def with_total(ranked: RankedOffer, job: Job, download: int) -> RankedOffer:
    """With hours and total of the job, where both price and hours are known. ``download``: bytes of the weights."""
    hours = job.hours
    if hours is None and job.tokens is not None and ranked.tokens_per_second:
        hours = job.tokens / ranked.tokens_per_second / 3600
    if hours is None or ranked.price_hour is None:
        return ranked
    setup = SETUP_HOURS + download / DOWNLOAD_BYTES / 3600
    return replace(ranked, hours=hours, setup_hours=setup, total=ranked.price_hour * (hours + setup))


def download_of(ranked: RankedOffer) -> int:
    """Bytes of the weights of what runs on it; 0 where nothing does."""
    file = ranked.plan.file_bytes if ranked.plan is not None else None
    return file or max((each.weights for each in ranked.runs if each.verdict != "does-not-fit"), default=0)


def subscriptions(offers: Iterable[Offer], hours: float, today: datetime.date) -> Iterator[SubscriptionCost]:
    """What these hours cost by subscription, cheapest first."""
    found = []
    for each in offers:
        if each.kind != "subscription" or not each.price_month or not each.units_month or not each.units_hour:
            continue
        units = hours * each.units_hour
        months = max(1, math.ceil(hours / (24 * _MONTH_DAYS)))
        more = max(0.0, units - months * each.units_month)
        total = months * each.price_month + math.ceil(more / _TOP_UP_UNITS) * _TOP_UP_USD
        found.append(
            SubscriptionCost(
                offer=each,
                hours_month=each.units_month / each.units_hour,
                hours=hours,
                months=months,
                total=round(total, 2),
                age_days=age_days(each, today),
            )
        )
    yield from sorted(found, key=lambda each: (each.total, each.offer.gpu_memory_gb))


class Purchase(Struct, frozen=True, kw_only=True):
    """What buying is counted with."""

    price: float | None = None
    """US dollars; None: what the profile documents."""
    usd_per_kwh: float = USD_PER_KWH
    """Price of electricity."""
    hours_per_day: float = HOURS_PER_DAY
    """Of use of what is bought."""


def break_even(
    purchase: Purchase, cost: Cost | None, examples: Sequence[str], rented: RankedOffer, records: Sequence[GpuRecord]
) -> BreakEven | None:
    """Buying against renting; None where no purchase price is known, or the offer has none.

    ``cost``: as documented. ``examples``: the cards that the document names; the first in the table with a known power
    is taken for the bought one, else the cards of the offer.
    """
    if rented.price_hour is None:
        return None
    if purchase.price is not None:
        low = high = purchase.price
    elif cost is not None and cost.per == "purchase":
        low, high = cost.low, cost.high
    else:
        return None
    card, watts = _power(examples, rented, records)
    saved = rented.price_hour - watts / 1000 * purchase.usd_per_kwh
    hours = (low / saved, high / saved) if saved > 0 else None
    month = purchase.hours_per_day * _MONTH_DAYS
    return BreakEven(
        purchase_low=low,
        purchase_high=high,
        rent_hour=rented.price_hour,
        card=card,
        watts=watts,
        usd_per_kwh=purchase.usd_per_kwh,
        hours_per_day=purchase.hours_per_day,
        hours_low=hours[0] if hours else None,
        hours_high=hours[1] if hours else None,
        months_low=hours[0] / month if hours else None,
        months_high=hours[1] / month if hours else None,
    )


def _power(examples: Sequence[str], rented: RankedOffer, records: Sequence[GpuRecord]) -> tuple[str | None, float]:
    for example in examples:
        found = find(example.partition(" or ")[0], None, Form(), records)
        if found is not None and found.spec.tdp_w:
            return found.spec.name, found.spec.tdp_w
    own = next((each for each in records if each.spec.name == rented.offer.gpu), None)
    if own is None or not own.spec.tdp_w:
        return None, 0.0
    return own.spec.name, own.spec.tdp_w * rented.offer.gpu_count * rented.nodes


def cards_named(profile: Profile) -> tuple[str, ...]:
    """The cards that the document names for a profile's GPU."""
    return next((found for each in profile.require if (found := getattr(each, "examples", ()))), ())
