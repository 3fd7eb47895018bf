"""What a run would cost on rented cards of the same kind, at the list prices of the table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.cloud.offers import STEADY_TIERS
from llmcheck.schema.estimate import Band, ComputedMethod, Fit
from llmcheck.tables.offer import Offer
from llmcheck.units import GB

_SIZE = re.compile(r"\d+GB")


def rented(fit: Fit, offers: Sequence[Offer]) -> Fit:
    """With the cost of the run, where cards like these are offered."""
    speed = fit.speed
    if speed is None or speed.days is None or not fit.per_gpu:
        return fit
    name = fit.per_gpu[0].name
    price = hourly(name, fit.per_gpu[0].memory.total, offers)
    if price is None:
        note = f"no cost: the table has no offer with {name or 'such a card'}"
        return replace(fit, assumptions=(*fit.assumptions, note))
    cost = run_cost(price, speed.days, len(fit.per_gpu))
    note = f"rent: {price.low:.2f} to {price.high:.2f} $ an hour for each GPU, list prices of the table of offers"
    return replace(fit, speed=replace(speed, cost_usd=cost), assumptions=(*fit.assumptions, note))


def priced(methods: Sequence[ComputedMethod], offers: Sequence[Offer]) -> tuple[ComputedMethod, ...]:
    """The same with the cost of each run whose days are known, where its cards are offered."""
    found = []
    for each in methods:
        price = hourly(each.gpu, each.total // max(each.gpus, 1), offers) if each.days is not None else None
        if price is not None and each.days is not None:
            each = replace(each, cost_usd=run_cost(price, each.days, each.gpus))
        found.append(each)
    return tuple(found)


def run_cost(price: Band, days: Band, gpus: int) -> Band:
    hours = 24 * gpus
    return Band(
        low=price.low * days.low * hours,
        expected=price.expected * days.expected * hours,
        high=price.high * days.high * hours,
    )


def hourly(name: str | None, needed: int, offers: Sequence[Offer]) -> Band | None:
    """US dollars an hour for one GPU of that name with so many bytes; None where nobody offers it."""
    prices = [
        offer.price_hour / offer.gpu_count
        for offer in offers
        if offer.price_hour is not None
        and offer.kind == "vm"
        and offer.status == "available"
        and offer.tier in STEADY_TIERS
        and _same(name, offer)
        and offer.gpu_memory_gb * GB >= 0.93 * needed
    ]
    if not prices:
        return None
    return Band(low=min(prices), expected=sorted(prices)[len(prices) // 2], high=max(prices))


def _same(name: str | None, offer: Offer) -> bool:
    """``NVIDIA A100-SXM4-80GB`` is an offer's ``A100 80GB``; a name without a size is told by its words alone."""
    own = set((name or "").replace("-", " ").upper().split())
    offered = set(offer.accelerator.upper().split())
    if not any(_SIZE.fullmatch(word) for word in own):
        offered = {word for word in offered if not _SIZE.fullmatch(word)}
    return bool(own) and offered <= own
