"""The cost of a training run on rented GPUs of the same model, at the list prices of the offers table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.cloud.selection import Selection
from llmcheck.schema.computed import ComputedMethod
from llmcheck.schema.estimate import Band, Fit
from llmcheck.tables.offer import Offer
from llmcheck.units import GB

_SIZE = re.compile(r"\d+GB")
_FORMS = frozenset({"SXM", "PCIE", "SERVER"})
_USUAL = Selection()


def with_cost(fit: Fit, offers: Sequence[Offer]) -> Fit:
    """The fit with the rental cost of its run, or a note where the table has no offer with its GPU."""
    speed = fit.speed
    if speed is None or speed.days is None or not fit.per_gpu:
        return fit
    name = fit.per_gpu[0].name
    price = hourly(name, fit.per_gpu[0].memory.total, offers)
    if price is None:
        note = f"no cost: the table has no offer with {name or 'this card'}"
        return replace(fit, assumptions=(*fit.assumptions, note))
    cost = run_cost(price, speed.days, len(fit.per_gpu))
    note = f"rent: {price.low:.2f} to {price.high:.2f} $ an hour for each GPU, list prices of the offers table"
    return replace(fit, speed=replace(speed, cost_usd=cost), assumptions=(*fit.assumptions, note))


def methods_with_cost(methods: Sequence[ComputedMethod], offers: Sequence[Offer]) -> tuple[ComputedMethod, ...]:
    """The methods with a rental cost for each whose days are known and whose GPU is offered."""
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
    """US dollars an hour for one GPU of that name with about ``needed`` bytes or more; None where none is offered.

    Each provider counts once, with its cheapest. Where no offer has exactly this form of the card, those of another
    form count: PCIe for SXM.
    """
    fitting = [each for each in offers if _USUAL.keeps(each) and each.gpu_memory_gb * GB >= 0.93 * needed]
    same = [each for each in fitting if each.gpu == name] or [each for each in fitting if _is_alike(each, name)]
    cheapest: dict[str, float] = {}
    for each in same:
        price = (each.price_hour or 0.0) / each.gpu_count
        cheapest[each.provider] = min(price, cheapest.get(each.provider, price))
    prices = sorted(cheapest.values())
    return Band(low=prices[0], expected=prices[len(prices) // 2], high=prices[-1]) if prices else None


def _is_alike(offer: Offer, name: str | None) -> bool:
    """Whether the offer's GPU has this name but for form and size: ``A100 SXM 80GB`` is ``NVIDIA A100 80GB PCIe``."""
    written = set((name or "").replace("-", " ").upper().split())
    offered = {word for word in offer.accelerator.upper().split() if word not in _FORMS and not _SIZE.fullmatch(word)}
    return bool(offered) and offered <= written
