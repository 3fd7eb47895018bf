"""Cloud offers on which a model fits, by the plans that ``fit`` makes for the same machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from llmcheck.cloud.judge import price_of_tokens
from llmcheck.cloud.offers import ABOUT_PRICES, LEFT_OUT, WITHOUT_RAM, is_rentable, within_reason
from llmcheck.cloud.rented import Cards, alike, as_machine, in_words
from llmcheck.fit.plans import Candidate, plan_of, plans
from llmcheck.fit.plans.policy import READABLE
from llmcheck.fit.use import ModelUse
from llmcheck.schema.advice import Offers, RankedOffer, WhyNot
from llmcheck.tables.offer import Offer


class _Planner(Struct, frozen=True):
    """``made`` remembers the best plan by ``rented.alike``; None where none fits."""

    use: ModelUse
    words: tuple[str, ...]
    cards: Cards
    made: dict[tuple[object, ...], Candidate | None] = {}

    def rank(self, offer: Offer) -> RankedOffer:
        key = alike(offer)
        if key not in self.made:
            found = plans(self.use, as_machine(offer, self.cards))
            self.made[key] = found[0] if found else None
        best = self.made[key]
        plan, words = None if best is None else plan_of(best, self.words), in_words(offer)
        why_not: WhyNot | None = "nothing-fits" if best is None else None if _is_usable(best) else "too-slow"
        return RankedOffer(
            offer=offer,
            passes=why_not is None,
            fits=best is not None,
            fits_by_arithmetic=best is not None,
            why_not=why_not,
            plan=plan,
            machine=words,
            argv=() if plan is None or words is None else (*plan.argv, "--machine", words),
            nodes=1,
            price_hour=offer.price_hour,
            usd_per_million_tokens=price_of_tokens(offer.price_hour, plan),
            unknown=("ram",) if offer.ram_gib is None else (),
            warnings=(),
        )


def rank_for_model(
    use: ModelUse, words: tuple[str, ...], offers: Sequence[Offer], cards: Cards, *, everything: bool = False
) -> Offers:
    """Of each provider the cheapest offer on which the model fits at a usable speed.

    ``words``: the arguments of ``llmcheck fit`` that name the model. ``cards``: the GPU table by name.
    ``everything``: all offers, those of use first, then the slow ones, then those on which it does not fit.
    """
    planner = _Planner(use, words, cards)
    candidates = [offer for offer in offers if is_rentable(offer, everything)]
    candidates.sort(key=lambda offer: (offer.price_hour or 0, offer.gpu_count, offer.id))
    if everything:
        ranked = [planner.rank(offer) for offer in candidates]
        shown = sorted(ranked, key=lambda each: (not each.passes, not each.fits))
    else:
        shown = within_reason(list(_of_each_provider(planner, candidates)))
    return Offers(
        profile=None,
        model=words[-1],
        workload=use.workload,
        everything=everything,
        offers=tuple(shown),
        notes=tuple(_notes(use, shown, everything)),
    )


def _is_usable(best: Candidate) -> bool:
    """At a speed to read along; training, and a speed that is not known, count as usable."""
    rate = best.tokens_per_second
    return not best.use.is_inference or rate is None or rate >= READABLE


def _of_each_provider(planner: _Planner, candidates: Sequence[Offer]) -> Iterator[RankedOffer]:
    done: set[str] = set()
    for offer in candidates:
        if offer.provider in done:
            continue
        ranked = planner.rank(offer)
        if ranked.passes:
            done.add(offer.provider)
            yield ranked


def _notes(use: ModelUse, shown: Sequence[RankedOffer], everything: bool) -> Iterator[str]:
    yield ABOUT_PRICES
    if not any(each.passes for each in shown):
        yield "no offer in the table runs it at a usable speed"
    if use.is_inference and any(each.usd_per_million_tokens is not None for each in shown):
        yield "$ per million tokens: one sequence at a time; a server that answers many at once costs less for each"
    if any(each.offer.ram_gib is None for each in shown):
        yield WITHOUT_RAM
    if not everything:
        yield LEFT_OUT
