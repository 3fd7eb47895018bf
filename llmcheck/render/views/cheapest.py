"""The cheapest offer in one line, on screens that are about a machine."""

from __future__ import annotations

from llmcheck.schema.cheapest import CheapestOffer


def describe_offer(cheapest: CheapestOffer) -> str:
    """Provider and instance, GPUs, RAM, price, date."""
    offer = cheapest.offer
    ram = ", RAM not stated" if offer.ram_gib is None else f", {offer.ram_gib:g} GiB RAM"
    return (
        f"{_instance(cheapest)}, {offer.gpu_count} × {offer.accelerator}{ram}, {cheapest.price_hour:,.2f} $/h "
        f"(list price of {offer.price_date})"
    )


def from_price(cheapest: CheapestOffer | None) -> str:
    """`` from 0.44 $/h (verda a6000-1x, priced 2026-10-04)``; "" for None."""
    if cheapest is None:
        return ""
    return f" from {cheapest.price_hour:,.2f} $/h ({_instance(cheapest)}, priced {cheapest.offer.price_date})"


def short_price(cheapest: CheapestOffer | None) -> str:
    """``rent from 0.44 $/h (2026-10-04)``, for a line of a narrow screen; ``machines to rent`` for None."""
    if cheapest is None:
        return "machines to rent"
    return f"rent from {cheapest.price_hour:,.2f} $/h ({cheapest.offer.price_date})"


def _instance(cheapest: CheapestOffer) -> str:
    count = f"{cheapest.nodes} × " if cheapest.nodes > 1 else ""
    return f"{cheapest.offer.provider} {count}{cheapest.offer.instance_type}"
