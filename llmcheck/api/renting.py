"""Machines to rent: for a profile, for a model, or by filters alone."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.api import model_source
from llmcheck.api.judgement import report_of
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.cloud.costs import Job, Purchase
from llmcheck.cloud.rented import cards_of
from llmcheck.cloud.selection import Selection
from llmcheck.errors import DataError
from llmcheck.printable import printable
from llmcheck.schema.machine import Machine
from llmcheck.schema.renting import OfferCatalogue, Offers
from llmcheck.schema.workload import Workload
from llmcheck.tables.offer import Offer

_LARGEST_LIST = 64 * 2**20
"""Bytes: the largest catalogue of SkyPilot takes 10 MB."""


class Rent(Struct, frozen=True, kw_only=True):
    """What is asked of the offers."""

    selection: Selection = Selection()
    job: Job = Job()
    purchase: Purchase = Purchase()
    target: float | None = None
    """Tokens a second that have to be reached; only for a model."""
    documented: bool = False
    """Show the offers that the document names, verified."""
    offers: tuple[Offer, ...] | None = None
    """None: the shipped ones."""
    today: datetime.date | None = None
    """From which the age of prices is counted; None: today in UTC."""

    @property
    def list(self) -> tuple[Offer, ...]:
        return catalog.offers() if self.offers is None else self.offers

    @property
    def day(self) -> datetime.date:
        return self.today or datetime.datetime.now(datetime.UTC).date()


class Listed(Struct, frozen=True, kw_only=True):
    """Offers from elsewhere, and what is to be said of them, a line each."""

    offers: tuple[Offer, ...]
    messages: tuple[str, ...] = ()


_USUAL = Rent()


def cloud(name: str, rent: Rent = _USUAL, machine: Machine | None = None) -> Offers:
    """The offers on which a profile is ready, as ``check`` judges the same machines.

    ``machine``: also judge this machine, as the first note. Raises DataError.
    """
    from llmcheck.cloud.judge import judge_of
    from llmcheck.cloud.offers import rank_offers

    profile, corrections = profile_catalog.load(name), catalog.corrections()
    cards, models = cards_of(catalog.gpu_specs()), model_source.of_profile(profile)
    found = rank_offers(
        profile,
        rent.list,
        corrections,
        cards,
        models,
        today=rent.day,
        selection=rent.selection,
        job=rent.job,
        purchase=rent.purchase,
    )
    if rent.documented:
        from llmcheck.cloud.catalogue import verified

        judge = judge_of(profile, corrections, cards, models, selection=Selection(), today=rent.day)
        rows = verified(catalog.documented_offers(), catalog.offers(), corrections, judge.rank)
        found = replace(found, documented=rows)
    if name not in profile_catalog.ids():
        found = replace(found, path=printable(name))
    if machine is None:
        return found
    verdict = report_of([profile], machine, corrections, frozenset({"software"})).profiles[0].verdict
    own = f"the hardware of {machine.identity.hostname or 'the given machine'} is {verdict} for {profile.id}"
    if verdict is None:
        own = f"{profile.id} has no requirement of hardware"
    return replace(found, notes=(own, *found.notes))


def cloud_for_model(name: str, workload: Workload, rent: Rent = _USUAL, machine: Machine | None = None) -> Offers:
    """The offers on which a model fits, as ``fit`` says of the same machines, by the cost of the job.

    ``name``: as MODEL of ``llmcheck fit``; a repository that is not here is fetched from the hub. ``machine``: as of
    ``cloud``. Raises DataError and UsageError.
    """
    from llmcheck.cloud.for_model import rank_for_model
    from llmcheck.fit.plans import Wishes, plans
    from llmcheck.probe._room import model_cache
    from llmcheck.system.host import Host

    cache = model_cache(Host())
    model = model_source.found_here_or_on_hub(name, cache)
    use = model_source.use_of(model, workload, cache)
    found = rank_for_model(
        use,
        model.words,
        rent.list,
        cards_of(catalog.gpu_specs()),
        today=rent.day,
        selection=rent.selection,
        job=rent.job,
        purchase=rent.purchase,
        target=rent.target,
        wishes=Wishes(names=model_source.names(model, use.architecture)),
    )
    if machine is None:
        return found
    where = machine.identity.hostname or "the given machine"
    own = f"it fits on {where} too" if plans(use, machine) else f"it does not fit on {where}"
    return replace(found, notes=(own, *found.notes))


def offer_catalogue(rent: Rent = _USUAL, gpu: str | None = None, min_memory_bytes: int = 0) -> OfferCatalogue:
    """Offers by filters alone; with ``rent.documented`` those that the document names, and no others."""
    from llmcheck.cloud.catalogue import Filters, catalogue, verified

    if rent.documented:
        rows = verified(catalog.documented_offers(), catalog.offers(), catalog.corrections())
        return OfferCatalogue(offers=(), count=len(rows), documented=rows)
    filters = Filters(gpu=gpu, min_memory_bytes=min_memory_bytes, selection=rent.selection)
    return catalogue(rent.list, filters, today=rent.day)


def offers_of_file(path: str, today: datetime.date | None = None) -> Listed:
    """The offers of a company's own list, or of a catalogue of SkyPilot, and a line for each row that is left out.

    Raises DataError for a file that is no such list.
    """
    from llmcheck.cloud import read
    from llmcheck.system import outside

    try:
        data = outside.read_file(path, _LARGEST_LIST, "a list of offers")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not text in UTF-8: expected a list of offers in CSV") from None
    except ValueError:
        raise DataError(f"{path!r}: not a path") from None
    found = read.offers(text, path, catalog.gpu_specs(), today or _USUAL.day)
    return Listed(offers=found.offers, messages=found.problems)


def live_offers(seconds: float | None = None) -> Listed:
    """The prices of today where a published catalogue has them, the shipped ones of other providers, and what went
    wrong: then all are the shipped ones.
    """
    from llmcheck.cloud import live

    shipped = catalog.offers()
    try:
        fetched = live.fetch(os.environ, live.SECONDS if seconds is None else seconds)
    except live.LiveError as error:
        newest = max(each.price_date for each in shipped)
        return Listed(offers=shipped, messages=(f"--live: {error}; the shipped prices are used, up to {newest}",))
    found = live.offers(fetched, catalog.gpu_specs(), shipped)
    return Listed(offers=(*found, *_others(shipped, found)))


def _others(shipped: Sequence[Offer], found: Sequence[Offer]) -> list[Offer]:
    """The shipped offers of providers that the live ones leave out, and of other kinds and tiers."""
    fresh = {(each.provider, each.kind) for each in found}
    return [each for each in shipped if (each.provider, each.kind) not in fresh or each.tier == "community"]
