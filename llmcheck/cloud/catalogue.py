"""Offers by filters alone, with the price of one GPU hour and of one GiB; and what the document names, verified."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.cloud.selection import Selection, age_days
from llmcheck.schema.renting import ListedOffer, OfferCatalogue, RankedOffer, Verified
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import DocumentedOffer, Offer
from llmcheck.units import GB, GIB

_PER_GPU_NOTE = (
    "the cheapest of each GPU and number of them; a filter (--gpu, --provider, --min-memory) or --all shows more"
)


class Filters(Struct, frozen=True, kw_only=True):
    """What the offers of a catalogue have; None and (): anything."""

    gpu: str | None = None
    """Words that the accelerator has to have, in lower case: ``h100 sxm``."""
    min_memory_bytes: int = 0
    """Of all GPUs of an instance together."""
    selection: Selection = Selection()

    @property
    def are_open(self) -> bool:
        selection = self.selection
        return not (self.gpu or self.min_memory_bytes or selection.everything or selection.is_limited)


def catalogue(offers: Sequence[Offer], filters: Filters, *, today: datetime.date) -> OfferCatalogue:
    """The cheapest region of each type that passes, by the price of one GPU hour.

    Without any filter only the cheapest of each GPU and number of GPUs. TPUs and subscriptions are shown where their
    accelerator or provider is asked for, and by ``everything``.
    """
    kept = [_listed(each, filters.selection, today) for each in offers if _passes(each, filters)]
    kept.sort(key=_order)
    if not filters.selection.everything:
        kept = _first(
            kept,
            lambda each: (
                each.offer.provider,
                each.offer.instance_type,
                each.offer.gpu_count,
                each.offer.tier,
                each.offer.kind,
                each.offer.accelerator,
            ),
        )
    if filters.are_open:
        kept = _first(kept, lambda each: (each.offer.accelerator, each.offer.gpu_count))
    return OfferCatalogue(
        offers=tuple(kept), by_gpu=filters.are_open, count=len(offers), notes=tuple(_notes(kept, filters))
    )


def _passes(offer: Offer, filters: Filters) -> bool:
    selection = filters.selection
    named = bool(filters.gpu or selection.providers)
    if offer.kind == "vm" or (offer.kind == "tpu" and selection.everything):
        price = selection.price(offer)
        fits = selection.keeps(offer) if offer.kind == "vm" else price is not None
        fits = fits and selection.affords(price)
    else:
        fits = (named or selection.everything) and (not selection.providers or offer.provider in selection.providers)
        fits = fits and selection.max_price is None and not selection.regions
    return (
        fits
        and (filters.gpu is None or _has_words(offer.accelerator, filters.gpu))
        and offer.gpu_count * offer.gpu_memory_gb * GB >= filters.min_memory_bytes
    )


def _has_words(accelerator: str, wanted: str) -> bool:
    """Whether each wanted word is one of the name, joined or not: ``rtx4090``, ``h100 80gb``."""
    joined = accelerator.lower().replace(" ", "").replace("-", "")
    words = accelerator.lower().split()
    return all(each in words or each.replace("-", "") in joined for each in wanted.lower().split())


def _first(listed: Sequence[ListedOffer], key: Callable[[ListedOffer], object]) -> list[ListedOffer]:
    found: dict[object, ListedOffer] = {}
    for each in listed:
        found.setdefault(key(each), each)
    return list(found.values())


def _listed(offer: Offer, selection: Selection, today: datetime.date) -> ListedOffer:
    price = selection.price(offer)
    gib = offer.gpu_count * offer.gpu_memory_gb * GB / GIB
    return ListedOffer(
        offer=offer,
        price_hour=price,
        price_gpu_hour=None if price is None else price / offer.gpu_count,
        price_gib_hour=None if price is None else price / gib,
        price_date=offer.price_date,
        age_days=age_days(offer, today),
    )


def _order(listed: ListedOffer) -> tuple[float, int, str]:
    return (
        listed.price_gpu_hour if listed.price_gpu_hour is not None else float("inf"),
        listed.offer.gpu_count,
        listed.offer.id,
    )


def _notes(listed: Sequence[ListedOffer], filters: Filters) -> Iterator[str]:
    yield "list prices, not quotes; disk, traffic and tax are extra; availability is not known"
    if not listed:
        yield "no offer passes these filters"
    if filters.are_open:
        yield _PER_GPU_NOTE


def verified(
    documented: Sequence[DocumentedOffer],
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
    rank: Callable[[Offer], RankedOffer] | None = None,
) -> tuple[Verified, ...]:
    """The offers that the document names, in its order. ``rank``: judges one; None: none is judged."""
    by_id = {each.id: each for each in offers}
    return tuple(
        Verified(
            documented=each,
            offer=by_id[each.offer],
            price=_in_unit(by_id[each.offer], each),
            ranked=None if rank is None else rank(by_id[each.offer]),
            corrections=tuple(fix for fix in corrections if f"offer:{each.offer}" in fix.applies_to),
        )
        for each in documented
    )


def _in_unit(offer: Offer, documented: DocumentedOffer) -> float | None:
    if documented.per == "month":
        return offer.price_month
    if offer.price_hour is None:
        return None
    return offer.price_hour / offer.gpu_count if documented.per == "chip-hour" else offer.price_hour


def as_documented(rows: Iterable[Verified]) -> tuple[RankedOffer, ...]:
    """Those that were judged, each with the document's words."""
    return tuple(
        replace(
            each.ranked,
            offer=replace(
                each.offer,
                documented=each.documented.documented,
                documented_price_hour=each.documented.price if each.documented.per == "hour" else None,
            ),
        )
        for each in rows
        if each.ranked is not None
    )
