"""Machines to rent: for a profile, for a model, or by filters alone."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import catalog, codec
from llmcheck.api import model_source
from llmcheck.api.inspection import machine_of
from llmcheck.api.judgement import report_of
from llmcheck.api.values import given_values
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.cloud.costs import Job, Purchase
from llmcheck.cloud.rented import cards_of
from llmcheck.cloud.selection import Selection
from llmcheck.errors import DataError, UsageError
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
    """Which are looked at."""
    job: Job = Job()
    """How long a machine is wanted."""
    purchase: Purchase = Purchase()
    """What buying costs instead."""
    target: float | None = None
    """Tokens a second that have to be reached; only for a model."""
    documented: bool = False
    """Also the offers that the document names, verified; not for a model."""
    offers: tuple[Offer, ...] | None = None
    """Of ``offers_of_file`` or ``live_offers``; None: the shipped ones."""
    today: datetime.date | None = None
    """From which the age of prices is counted; None: today in UTC."""

    @property
    def list(self) -> tuple[Offer, ...]:
        """Those that are looked at."""
        return catalog.offers() if self.offers is None else self.offers

    @property
    def day(self) -> datetime.date:
        """``today``, or today."""
        return self.today or datetime.datetime.now(datetime.UTC).date()


class OfferList(Struct, frozen=True, kw_only=True):
    """Offers from elsewhere, and what is to be said of them, a line each."""

    offers: tuple[Offer, ...]
    """For ``Rent.offers``."""
    messages: tuple[str, ...] = ()
    """What is wrong; () for nothing."""


def offers(
    tier: str | None = None,
    rent: Rent | None = None,
    *,
    model: str | None = None,
    workload: Workload | None = None,
    machine: Machine | str | None = None,
) -> Offers:
    """Machines to rent with dated list prices: on which a tier is ready, or a model fits; one of the two is named.

    ``tier``: the id or path of a profile, judged as ``check`` judges the same machines. ``rent``: which offers, for
    how long, at whose prices; None: the shipped ones, of providers' own machines on demand. ``model``: as MODEL of
    ``llmcheck fit``, ranked by the cost of the job; one that is not here is fetched from the hub. ``workload``:
    of the model; None: inference with the defaults. ``machine``: also judge this one, which may be what
    ``load_machine`` takes, as the first note. Raises DataError and UsageError.
    """
    if (tier is None) == (model is None):
        raise UsageError("name a tier or a model, and not both")
    rent = rent or Rent()
    _check_providers(rent)
    own = None if machine is None else machine_of(machine)
    if tier is None:
        return _for_model(model or "", workload or Workload(method="inference"), rent, own)
    if workload is not None:
        raise UsageError(f"the tier '{tier}' has its own workload")
    if rent.target is not None:
        raise UsageError(f"a speed is reached by a model, and the tier '{tier}' names its own workload")
    return _for_tier(tier, rent, own)


def _check_providers(rent: Rent) -> None:
    """Raises UsageError for one that has no offer."""
    known = {each.provider for each in rent.list} if rent.selection.providers else set()
    for each in rent.selection.providers:
        if each not in known:
            near = codec.did_you_mean(each, known)
            raise UsageError(f"--provider {each[:40]}: it has no offer{near}; providers: {', '.join(sorted(known))}")


def _for_tier(name: str, rent: Rent, machine: Machine | None) -> Offers:
    from llmcheck.cloud.judge import judge_of
    from llmcheck.cloud.offers import rank_offers

    profile, corrections = profile_catalog.load(name, given_values()), catalog.corrections()
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
        from llmcheck.cloud.catalogue import as_documented, verified

        judge = judge_of(profile, corrections, cards, models, selection=Selection(), today=rent.day)
        rows = verified(catalog.documented_offers(), catalog.offers(), corrections, judge.rank)
        found = replace(found, documented=as_documented(rows), verified=rows)
    if name not in profile_catalog.ids():
        found = replace(found, path=printable(name))
    if machine is None:
        return found
    verdict = report_of([profile], machine, corrections, frozenset({"software"})).profiles[0].verdict
    own = f"the hardware of {machine.identity.hostname or 'the given machine'} is {verdict} for {profile.id}"
    if verdict is None:
        own = f"{profile.id} has no requirement of hardware"
    return replace(found, notes=(own, *found.notes))


def _for_model(name: str, workload: Workload, rent: Rent, machine: Machine | None) -> Offers:
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


def offer_catalogue(rent: Rent | None = None, gpu: str | None = None, min_memory_bytes: int = 0) -> OfferCatalogue:
    """Offers by filters alone; with ``rent.documented`` those that the document names, and no others.

    ``gpu``: its name or a part: ``h100``, ``a100 80gb``. ``min_memory_bytes``: of all GPUs of an instance. Raises
    UsageError.
    """
    from llmcheck.cloud.catalogue import Filters, catalogue, verified

    rent = rent or Rent()
    if rent.documented:
        rows = verified(catalog.documented_offers(), catalog.offers(), catalog.corrections())
        return OfferCatalogue(offers=(), count=len(rows), verified=rows)
    _check_providers(rent)
    filters = Filters(gpu=gpu, min_memory_bytes=min_memory_bytes, selection=rent.selection)
    return catalogue(rent.list, filters, today=rent.day)


def offers_of_file(path: str, today: datetime.date | None = None) -> OfferList:
    """The offers of a company's own list, or of a catalogue of SkyPilot, and a line for each row that is left out.

    ``today``: the date of prices without one; None: today in UTC. Raises DataError for a file that is no such list.
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
    found = read.offers(text, path, catalog.gpu_specs(), today or Rent().day)
    return OfferList(offers=found.offers, messages=found.problems)


def live_offers(seconds: float | None = None) -> OfferList:
    """The prices of today where a published catalogue has them, the shipped ones of other providers, and what went
    wrong: then all are the shipped ones.

    Uses the network, for at most ``seconds`` (None: 20), and keeps what it fetched in the cache folder for a day.
    """
    from llmcheck.cloud import live

    shipped = catalog.offers()
    try:
        fetched = live.fetch(os.environ, live.SECONDS if seconds is None else seconds)
    except live.LiveError as error:
        newest = max(each.price_date for each in shipped)
        return OfferList(offers=shipped, messages=(f"--live: {error}; the shipped prices are used, up to {newest}",))
    found = live.offers(fetched, catalog.gpu_specs(), shipped)
    return OfferList(offers=(*found, *_others(shipped, found)))


def _others(shipped: Sequence[Offer], found: Sequence[Offer]) -> list[Offer]:
    """The shipped offers of providers that the live ones leave out, and of other kinds and tiers."""
    fresh = {(each.provider, each.kind) for each in found}
    return [each for each in shipped if (each.provider, each.kind) not in fresh or each.tier == "community"]
