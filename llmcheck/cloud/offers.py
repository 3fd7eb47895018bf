"""Cloud offers on which a profile's work can be done, cheapest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmcheck.cloud.judge import Judge, Models, judge_of
from llmcheck.cloud.rented import NO_CARDS, Cards, gpu_bytes
from llmcheck.fit.shapes import typical
from llmcheck.schema.advice import Offers, RankedOffer
from llmcheck.schema.profile import Profile
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import Offer

_UNINTERRUPTED_TIERS = frozenset({"on-demand", "secure", "production"})
_NO_MODELS: Models = {}
ABOUT_PRICES = "list prices on the dates shown, not quotes; disk, traffic and tax are extra; availability is not known"
_ABSURD = 100
"""Times the price of the cheapest: nobody rents that for the same work."""
WITHOUT_RAM = "where an offer does not state its RAM, its plan does without"
LEFT_OUT = (
    "left out, and shown by --all: what does not fit, community and marketplace machines, and what costs over "
    f"{_ABSURD} times the cheapest"
)


def rank_offers(
    profile: Profile,
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
    everything: bool = False,
    cards: Cards = NO_CARDS,
    models: Models = _NO_MODELS,
) -> Offers:
    """The cheapest offer of each provider on which the profile is ready, and the offers that the document names.

    Offers are judged on hardware alone, as ``check`` judges the same machine. No documented figure is missed by a fact
    that an offer does not state, which is listed as unknown; plans do without RAM that is not stated. ``everything``:
    all offers, those that fit first, with the community and marketplace tiers, whose machines are private or can be
    interrupted. ``cards``: the GPU table by name. ``models``: the shapes of the known model that the profile names;
    KeyError without them.
    """
    judge = judge_of(profile, corrections, cards, models)
    candidates = _by_price(judge, [offer for offer in offers if is_rentable(offer, everything)])
    if everything:
        ranked = [judge.rank(offer) for offer in candidates]
        shown = sorted(ranked, key=lambda each: not each.fits)
    else:
        shown = _of_each_provider(judge, candidates)
    return Offers(
        profile=profile.id,
        everything=everything,
        offers=tuple(shown),
        documented=tuple(judge.rank(offer) for offer in offers if offer.documented),
        notes=tuple(_notes(profile, shown, everything)),
    )


def passing(
    profile: Profile,
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
    all_tiers: bool = False,
    cards: Cards = NO_CARDS,
    models: Models = _NO_MODELS,
) -> Iterator[RankedOffer]:
    """The offers that are worth renting, cheapest first; each is judged only when the iterator reaches it."""
    judge = judge_of(profile, corrections, cards, models)
    candidates = _by_price(judge, [offer for offer in offers if is_rentable(offer, all_tiers)])
    ranked = (_ranked(judge, offer) for offer in candidates)
    return (each for each in ranked if each is not None and each.passes)


def cheapest_that_runs(
    profile: Profile,
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
    cards: Cards,
    models: Models = _NO_MODELS,
) -> RankedOffer | None:
    """The cheapest offer that misses no documented figure and on which a plan fits; None where there is none.

    It stops at the first. ``cards``: the GPU table by name. ``models``: the shapes of the known model that the profile
    names; KeyError without them.
    """
    least = _least_gpu_bytes(profile)
    large = [offer for offer in offers if gpu_bytes(offer, cards) >= least]
    return next(passing(profile, large, corrections, False, cards, models), None)


def _least_gpu_bytes(profile: Profile) -> int:
    """Of the largest size in 4 bits: on less of them it loses much, or lies in RAM and is slow. 0: not known."""
    work = profile.workload
    if work is None or work.method != "inference" or work.model is not None:
        return 0
    return max((typical.parse_size(each) // 2 for each in work.parameters), default=0)


def is_rentable(offer: Offer, all_tiers: bool = False) -> bool:
    """Whether it is an available virtual machine with a price, of a tier that is not interrupted."""
    return (
        offer.price_hour is not None
        and offer.kind == "vm"
        and offer.status == "available"
        and (all_tiers or offer.tier in _UNINTERRUPTED_TIERS)
    )


def _by_price(judge: Judge, offers: Sequence[Offer]) -> list[Offer]:
    return sorted(offers, key=lambda offer: ((offer.price_hour or 0) * judge.nodes(offer), offer.gpu_count, offer.id))


def _of_each_provider(judge: Judge, candidates: Sequence[Offer]) -> list[RankedOffer]:
    """Of each provider the cheapest that is worth renting, else the cheapest that fits; no more than that is judged."""
    found: dict[str, RankedOffer] = {}
    for offer in candidates:
        best = found.get(offer.provider)
        if best is not None and best.passes:
            continue
        ranked = _ranked(judge, offer)
        if ranked is not None and (best is None or ranked.passes):
            found[offer.provider] = ranked
    return within_reason(sorted(found.values(), key=lambda each: each.price_hour or 0))


def within_reason(ranked: Sequence[RankedOffer]) -> list[RankedOffer]:
    """``ranked``: cheapest first. What costs a hundred times the first that passes is left out."""
    first = next((each.price_hour or 0 for each in ranked if each.passes), None)
    return [each for each in ranked if first is None or (each.price_hour or 0) <= _ABSURD * first]


def _ranked(judge: Judge, offer: Offer) -> RankedOffer | None:
    """None where it does not fit. Plans are made only where the documented hardware does not decide."""
    if judge.refuses(offer):
        return None
    found = judge.rank(offer)
    return found if found.fits else None


def _notes(profile: Profile, shown: Sequence[RankedOffer], everything: bool) -> Iterator[str]:
    yield ABOUT_PRICES
    fitting = [each for each in shown if each.fits]
    if not fitting:
        yield f"no offer in the table meets the hardware requirements of {profile.id}"
    if any(each.nodes > 1 for each in fitting):
        yield "a cluster has to be reserved with the provider: the list price is a lower bound"
    if any(each.offer.ram_gib is None for each in shown):
        yield WITHOUT_RAM
    if not everything:
        yield LEFT_OUT
