"""Cloud offers on which a profile's work can be done, cheapest first."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from llmcheck.cloud import costs
from llmcheck.cloud.costs import Job, Purchase
from llmcheck.cloud.judge import Judge, Models, judge_of
from llmcheck.cloud.rented import Cards, gpu_bytes
from llmcheck.cloud.selection import Selection, cheapest_of_each_machine
from llmcheck.fit.shapes import typical
from llmcheck.schema.profile import Profile
from llmcheck.schema.renting import BreakEven, Offers, RankedOffer, SubscriptionCost
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import Offer

_NO_MODELS: Models = {}
USUAL = Selection()
_NO_JOB, _NO_PURCHASE = Job(), Purchase()
ABOUT_PRICES = "list prices, not quotes; disk, traffic and tax are extra; availability is not known"
_ABSURD = 100
"""Times the price of the cheapest: nobody rents that for the same work."""
_NEAREST = 3
"""Offers that are shown where none fits."""
WITHOUT_RAM = "where an offer does not state its RAM, its plan does without"
LEFT_OUT = (
    "left out, and shown by --all: what does not fit, machines that are private, interrupted, without a login or by "
    f"the month, and what costs over {_ABSURD} times the cheapest"
)


def rank_offers(
    profile: Profile,
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
    cards: Cards,
    models: Models = _NO_MODELS,
    *,
    today: datetime.date,
    selection: Selection = USUAL,
    job: Job = _NO_JOB,
    purchase: Purchase = _NO_PURCHASE,
) -> Offers:
    """The cheapest offer of each provider on which the profile is ready.

    Offers are judged on hardware alone, as ``check`` judges the same machine. No documented figure is missed by a fact
    that an offer does not state, which is listed as unknown; plans do without RAM that is not stated. They are ranked
    by the total of the job where one is known, else by the hour. ``cards``: the GPU table by name. ``models``: the
    shapes of the known model that the profile names; KeyError without them. ``today``: from which prices are aged.
    """
    judge = judge_of(profile, corrections, cards, models, selection=selection, today=today)
    job = costs.of_profile(job, profile)
    shown = _shown(judge, offers, job)
    fitting = [each for each in shown if each.fits]
    return Offers(
        profile=profile.id,
        everything=selection.everything,
        ranked_by="total" if job.is_known else "hour",
        offers=tuple(shown),
        nearest=() if fitting else tuple(_nearest(judge, offers)),
        cost=profile.cost,
        break_even=_break_even(purchase, profile, fitting, cards),
        subscriptions=tuple(_subscriptions(judge, offers, job)),
        notes=tuple(_notes(profile, shown, selection)),
    )


def _shown(judge: Judge, offers: Sequence[Offer], job: Job) -> list[RankedOffer]:
    selection = judge.selection
    candidates = [offer for offer in offers if selection.keeps(offer)]
    if selection.everything:
        ranked = [_for_job(judge.rank(offer), job) for offer in _by_price(judge, candidates)]
        ranked = [each for each in ranked if selection.affords(each.price_hour)]
        return sorted(ranked, key=lambda each: (not each.fits, *_rank(each)))
    candidates = _by_price(judge, cheapest_of_each_machine(candidates, selection))
    if job.tokens is None or job.hours is not None:  # the hours are those of every machine
        return within_reason(_of_each_provider(judge, candidates, job))
    ranked = [_for_job(each, job) for offer in candidates if (each := _ranked(judge, offer)) is not None]
    return within_reason(_best_of_each_provider(ranked))


def passing(judge: Judge, offers: Sequence[Offer]) -> Iterator[RankedOffer]:
    """The offers that are worth renting, cheapest first; each is judged only when the iterator reaches it."""
    kept = cheapest_of_each_machine((each for each in offers if judge.selection.keeps(each)), judge.selection)
    ranked = (_ranked(judge, offer) for offer in _by_price(judge, kept))
    return (each for each in ranked if each is not None and each.passes)


def cheapest_that_runs(
    profile: Profile,
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
    cards: Cards,
    models: Models = _NO_MODELS,
    *,
    today: datetime.date,
) -> RankedOffer | None:
    """The cheapest offer that misses no documented figure and on which a plan fits; None where there is none.

    It stops at the first. Parameters as in ``rank_offers``.
    """
    least = _least_gpu_bytes(profile)
    large = [offer for offer in offers if gpu_bytes(offer, cards) >= least]
    judge = judge_of(profile, corrections, cards, models, selection=USUAL, today=today)
    return next(passing(judge, large), None)


def _least_gpu_bytes(profile: Profile) -> int:
    """Of the largest size in 4 bits: on less of them it loses much, or lies in RAM and is slow. 0: not known."""
    work = profile.workload
    if work is None or work.method != "inference" or work.model is not None:
        return 0
    return max((typical.parse_size(each) // 2 for each in work.parameters), default=0)


def _by_price(judge: Judge, offers: Sequence[Offer]) -> list[Offer]:
    return sorted(offers, key=lambda offer: (judge.price(offer) or 0.0, offer.gpu_count, offer.id))


def _rank(ranked: RankedOffer) -> tuple[float, float]:
    """By the job where its cost is known, then by the hour."""
    return ranked.total if ranked.total is not None else float("inf"), ranked.price_hour or 0.0


def _of_each_provider(judge: Judge, candidates: Sequence[Offer], job: Job) -> list[RankedOffer]:
    """Of each provider the cheapest that is worth renting, else the cheapest that fits; no more than that is judged."""
    found: dict[str, RankedOffer] = {}
    for offer in candidates:
        best = found.get(offer.provider)
        if best is not None and best.passes:
            continue
        ranked = _ranked(judge, offer)
        if ranked is not None and (best is None or ranked.passes):
            found[offer.provider] = _for_job(ranked, job)
    return sorted(found.values(), key=_rank)


def _best_of_each_provider(ranked: Sequence[RankedOffer]) -> list[RankedOffer]:
    """The same where the cost of the job decides."""
    found: dict[str, RankedOffer] = {}
    for each in sorted(ranked, key=lambda each: (not each.passes, *_rank(each))):
        found.setdefault(each.offer.provider, each)
    return sorted(found.values(), key=_rank)


def _for_job(ranked: RankedOffer, job: Job) -> RankedOffer:
    return costs.with_total(ranked, job, costs.download_of(ranked)) if job.is_known else ranked


def within_reason(ranked: Sequence[RankedOffer]) -> list[RankedOffer]:
    """``ranked``: cheapest first. What costs a hundred times the first that passes is left out."""
    first = next((each.price_hour or 0 for each in ranked if each.passes), None)
    return [each for each in ranked if first is None or (each.price_hour or 0) <= _ABSURD * first]


def _ranked(judge: Judge, offer: Offer) -> RankedOffer | None:
    """None where it does not fit, or is too dear. Plans are made only where the documented hardware does not decide."""
    if not judge.selection.affords(judge.price(offer)) or judge.refuses(offer):
        return None
    found = judge.rank(offer)
    return found if found.fits else None


# --- where nothing fits ---


def _nearest(judge: Judge, offers: Sequence[Offer]) -> list[RankedOffer]:
    """The cheapest that passes without the limits, with those that it breaks; else what misses least."""
    selection = judge.selection
    if selection.is_limited:
        free = replace(judge, selection=selection.without_limits())
        first = next(passing(free, offers), None)
        if first is not None:
            return [_with_broken(first, selection)]
    kept = cheapest_of_each_machine((each for each in offers if selection.keeps(each)), selection)
    missing = [each for each in map(judge.rank, _by_price(judge, kept)) if not each.fits and each.gaps]
    missing = [each for each in missing if each.why_not not in ("no-gpu", "no-cluster")] or missing
    missing.sort(key=lambda each: (len(each.gaps), sum(gap.missing_bytes or 0 for gap in each.gaps)))
    return missing[:_NEAREST]


def _with_broken(ranked: RankedOffer, selection: Selection) -> RankedOffer:
    return replace(ranked, gaps=tuple(selection.broken(ranked.offer, ranked.price_hour)))


# --- beside the offers ---


def _break_even(purchase: Purchase, profile: Profile, fitting: Sequence[RankedOffer], cards: Cards) -> BreakEven | None:
    best = next((each for each in fitting if each.passes), fitting[0] if fitting else None)
    if best is None:
        return None
    return costs.break_even(purchase, profile.cost, costs.cards_named(profile), best, tuple(cards.values()))


def _subscriptions(judge: Judge, offers: Sequence[Offer], job: Job) -> Iterator[SubscriptionCost]:
    """Only for a job of known hours that one GPU can do."""
    if job.hours is None or judge.cluster_gpus:
        return
    able = [each for each in offers if each.kind == "subscription" and judge.rank(replace(each, kind="vm")).fits]
    yield from costs.subscriptions(able, job.hours, judge.today)


def _notes(profile: Profile, shown: Sequence[RankedOffer], selection: Selection) -> Iterator[str]:
    yield ABOUT_PRICES
    fitting = [each for each in shown if each.fits]
    if not fitting:
        yield f"no offer in the table meets the hardware requirements of {profile.id}"
    if any(each.nodes > 1 for each in fitting):
        yield (
            "a cluster has to be reserved with the provider (AWS Capacity Blocks, Google DWS, Lambda 1-Click "
            "Clusters): the list price is a lower bound"
        )
    if any(each.offer.ram_gib is None for each in shown):
        yield WITHOUT_RAM
    if not selection.everything:
        yield LEFT_OUT
