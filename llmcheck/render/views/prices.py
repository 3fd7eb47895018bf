"""Prices, their age, and totals in words."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.render.views.blocks import Cell
from llmcheck.schema.renting import OLD_DAYS, STALE_DAYS, VERY_STALE_DAYS, BreakEven, RankedOffer, SubscriptionCost
from llmcheck.schema.workload import Cost
from llmcheck.units import two_digits

_HOURS_A_DAY = 24


def price(amount: float | None, age_days: int | None) -> Cell:
    """``~`` in front of a price that is older than a year."""
    if amount is None:
        return Cell("")
    mark = "~" if age_days is not None and age_days > VERY_STALE_DAYS else ""
    return Cell(f"{mark}{amount:,.2f}" if amount >= 0.1 else f"{mark}{amount:.3f}", "accent")


def date(day: object, age_days: int | None) -> Cell:
    tone = "dim" if age_days is None or age_days <= STALE_DAYS else "warn"
    return Cell(str(day), "warn" if tone == "warn" else "dim")


def priced(ages: Sequence[int | None]) -> str:
    """``priced 49 to 188 days ago``; "" where no age is known."""
    known = [each for each in ages if each is not None]
    if not known:
        return ""
    first, last = min(known), max(known)
    if first == last:
        return "priced today" if not last else f"priced {_days(last)} ago"
    return f"priced {first:,} to {_days(last)} ago"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def about_age(ages: Sequence[int | None]) -> list[Cell]:
    """A note for prices of more than 90 days, a warning for those of more than 180."""
    stale = sum(1 for each in ages if each is not None and each > STALE_DAYS)
    old = sum(1 for each in ages if each is not None and OLD_DAYS < each <= STALE_DAYS)
    cells = []
    if stale:
        are = "is" if stale == 1 else "are"
        cells.append(
            Cell(
                f"{stale} of {len(ages)} prices {are} older than {STALE_DAYS} days: ask the provider, or use --live",
                "warn",
            )
        )
    if old:
        are = "is" if old == 1 else "are"
        cells.append(Cell(f"{old} of {len(ages)} prices {are} older than {OLD_DAYS} days", "dim"))
    return cells


def documented_cost(cost: Cost, best: RankedOffer | None) -> Cell:
    """The documented cost beside that of the cheapest offer, in the same unit."""
    words = f"documented: {cost.documented}"
    if best is None or best.price_hour is None or cost.per == "purchase":
        return Cell(words)
    amount = best.price_hour * (_HOURS_A_DAY if cost.per == "day" else 1)
    return Cell(f"{words}; the cheapest here: {amount:,.2f} $ a{'n hour' if cost.per == 'hour' else ' day'}")


def break_even(value: BreakEven) -> Cell:
    """When buying has paid, with all that it was counted with."""
    bought = _range(value.purchase_low, value.purchase_high, "{:,.0f}")
    power = f"{value.watts:,.0f} W at {value.usd_per_kwh:g} $/kWh"
    if value.hours_low is None or value.hours_high is None:
        return Cell(
            f"buying for {bought} $: renting at {value.rent_hour:,.2f} $/h costs no more than the power ({power})"
        )
    hours = _range(value.hours_low, value.hours_high, "{:,.0f}")
    months = _range(value.months_low or 0.0, value.months_high or 0.0, "{:,.1f}")
    return Cell(
        f"buying for {bought} $ pays after {hours} hours, {months} months of {value.hours_per_day:g} h a day, against "
        f"{value.rent_hour:,.2f} $/h ({power}; without the rest of the machine, cooling and resale)"
    )


def _range(low: float, high: float, form: str) -> str:
    first, last = form.format(low), form.format(high)
    return first if first == last else f"{first} to {last}"


def subscription(value: SubscriptionCost) -> Cell:
    offer = value.offer
    months = "1 month" if value.months == 1 else f"{value.months} months"
    return Cell(
        f"{offer.provider} {offer.instance_type}, {offer.accelerator}: {value.total:,.2f} $ for {value.hours:g} hours "
        f"({months}; a month has {two_digits(value.hours_month)} hours of it; rate of {offer.price_date}; "
        "no GPU is promised)"
    )
