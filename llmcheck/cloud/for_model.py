"""Cloud offers on which a model fits, by the plans that ``fit`` makes for the same machine, ranked by what it costs."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from llmcheck.cloud import costs
from llmcheck.cloud.costs import Job, Purchase
from llmcheck.cloud.judge import price_of_tokens
from llmcheck.cloud.offers import ABOUT_PRICES, LEFT_OUT, USUAL, WITHOUT_RAM, within_reason
from llmcheck.cloud.rented import Cards, as_machine, computes_alike, in_words
from llmcheck.cloud.selection import Selection, age_days, cheapest_of_each_machine
from llmcheck.fit.plans import NO_WISHES, Candidate, Wishes, plan_of, plans
from llmcheck.fit.plans.policy import READABLE
from llmcheck.fit.use import ModelUse
from llmcheck.schema.renting import Offers, RankedBy, RankedOffer, WhyNot
from llmcheck.tables.offer import Offer

_NO_JOB, _NO_PURCHASE = Job(), Purchase()
_BATCHES = (1, 4, 16, 64, 256)
"""Sequences at a time that are tried to reach a speed."""
_MOST_NODES = 1000


class _Way(Struct, frozen=True):
    best: Candidate
    tokens_per_second: float | None
    """Of all sequences at a time."""


class _Planner(Struct, frozen=True, kw_only=True):
    """``made`` remembers the way by ``rented.computes_alike``; None where none fits."""

    use: ModelUse
    words: tuple[str, ...]
    cards: Cards
    selection: Selection
    today: datetime.date
    job: Job
    target: float | None
    wishes: Wishes
    made: dict[tuple[object, ...], _Way | None] = {}

    def rank(self, offer: Offer) -> RankedOffer:
        way = self.way(offer)
        words = in_words(offer)
        plan = None if way is None else plan_of(way.best, self.words)
        rate = None if way is None else way.tokens_per_second
        nodes = self._nodes(rate)
        price = self.selection.price(offer)
        price = None if price is None or nodes is None else round(price * nodes, 4)
        why_not: WhyNot | None = "nothing-fits" if way is None else None if _is_usable(way.best) else "too-slow"
        why_not = why_not or ("unknown" if nodes is None else None)
        ranked = RankedOffer(
            offer=offer,
            passes=why_not is None,
            fits=way is not None and nodes is not None,
            fits_by_arithmetic=way is not None,
            why_not=why_not,
            plan=plan,
            machine=words,
            argv=() if plan is None or words is None else (*plan.argv, "--machine", words),
            nodes=nodes or 1,
            price_hour=price,
            is_spot=self.selection.is_spot(offer),
            price_date=offer.price_date,
            age_days=age_days(offer, self.today),
            usd_per_million_tokens=price_of_tokens(price, None if rate is None else rate * (nodes or 1)),
            tokens_per_second=None if rate is None else rate * (nodes or 1),
            unknown=("ram",) if offer.ram_gib is None else (),
            warnings=(),
        )
        download = 0 if way is None else way.best.use.stored.total
        return costs.with_total(ranked, self.job, download) if self.job.is_known else ranked

    def way(self, offer: Offer) -> _Way | None:
        key = computes_alike(offer)
        if key not in self.made:
            self.made[key] = self._way(offer)
        return self.made[key]

    def _way(self, offer: Offer) -> _Way | None:
        """With more sequences at a time until the target is reached, as long as each is fast enough to read along."""
        machine = as_machine(offer, self.cards)
        found: _Way | None = None
        for batch in _BATCHES if self.target is not None and self.use.is_inference else (self.use.workload.batch,):
            ways = plans(self.use.changed(batch=batch), machine, self.wishes)
            if not ways:
                break
            rate = _rate(ways[0])
            if found is not None and (rate is None or rate / batch < READABLE):
                break
            if found is None or (rate or 0.0) > (found.tokens_per_second or 0.0):
                found = _Way(ways[0], rate)
            if rate is None or rate >= (self.target or 0.0):
                break
        return found

    def _nodes(self, rate: float | None) -> int | None:
        """Instances that reach the target together; None where their speed is not known."""
        if self.target is None:
            return 1
        return None if not rate else min(_MOST_NODES, math.ceil(self.target / rate))


def _rate(way: Candidate) -> float | None:
    speed = way.speed
    rate = speed.train or speed.batch or speed.decode
    return None if rate is None else rate.expected


def rank_for_model(
    use: ModelUse,
    words: tuple[str, ...],
    offers: Sequence[Offer],
    cards: Cards,
    *,
    today: datetime.date,
    selection: Selection = USUAL,
    job: Job = _NO_JOB,
    purchase: Purchase = _NO_PURCHASE,
    target: float | None = None,
    wishes: Wishes = NO_WISHES,
) -> Offers:
    """Of each provider the offer on which the model is used at the least cost, at a usable speed.

    The cost is the total of the job where hours or tokens are given; with ``target``, tokens a second that have to be
    reached, the price of an hour of all machines that together do; else the price of a million tokens at the planner's
    speed. ``words``: the arguments of ``llmcheck fit`` that name the model. ``cards``: the GPU table by name.
    ``wishes``: as of ``fit``.
    """
    by: RankedBy = "total" if job.is_known else "hour" if target is not None else "tokens"
    planner = _Planner(
        use=use,
        words=words,
        cards=cards,
        selection=selection,
        today=today,
        job=job,
        target=target,
        wishes=wishes,
        made={},
    )

    def rank(ranked: RankedOffer) -> tuple[float, float, str]:
        cost = {"total": ranked.total, "hour": ranked.price_hour, "tokens": ranked.usd_per_million_tokens}[by]
        return cost if cost is not None else float("inf"), ranked.price_hour or 0.0, ranked.offer.id

    candidates = [offer for offer in offers if selection.keeps(offer)]
    if not selection.everything:
        candidates = cheapest_of_each_machine(candidates, selection, computes_alike)
    ranked = [each for each in map(planner.rank, candidates) if selection.affords(each.price_hour)]
    if selection.everything:
        shown = sorted(ranked, key=lambda each: (not each.passes, not each.fits, *rank(each)))
    else:
        best: dict[str, RankedOffer] = {}
        for each in sorted((each for each in ranked if each.passes), key=rank):
            best.setdefault(each.offer.provider, each)
        shown = within_reason(list(best.values()))
    fitting = [each for each in shown if each.passes]
    able = [each for each in offers if each.kind == "subscription" and planner.way(each) is not None]
    return Offers(
        profile=None,
        model=words[-1],
        workload=use.workload,
        everything=selection.everything,
        ranked_by=by,
        target_tokens_per_second=target,
        offers=tuple(shown),
        nearest=() if fitting else tuple(sorted((each for each in ranked if each.fits), key=rank)[:3]),
        break_even=costs.break_even(purchase, None, (), fitting[0], tuple(cards.values())) if fitting else None,
        subscriptions=tuple(costs.subscriptions(able, job.hours, today)) if job.hours is not None else (),
        notes=tuple(_notes(use, shown, selection, target)),
    )


def _is_usable(best: Candidate) -> bool:
    """At a speed to read along; training, and a speed that is not known, count as usable."""
    rate = best.tokens_per_second
    return not best.use.is_inference or rate is None or rate >= READABLE


def _notes(use: ModelUse, shown: Sequence[RankedOffer], selection: Selection, target: float | None) -> Iterator[str]:
    yield ABOUT_PRICES
    if not any(each.passes for each in shown):
        yield "no offer in the table runs it at a usable speed"
    known = any(each.usd_per_million_tokens is not None for each in shown)
    if use.is_inference and known and use.workload.batch == 1 and target is None:
        yield "$ per million tokens: one sequence at a time; --target-tokens-per-second counts with several"
    if any(each.offer.ram_gib is None for each in shown):
        yield WITHOUT_RAM
    if not selection.everything:
        yield LEFT_OUT
