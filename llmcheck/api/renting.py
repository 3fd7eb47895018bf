"""Machines to rent: for a profile, or for a model."""

from __future__ import annotations

import msgspec

from llmcheck import catalog
from llmcheck.api import model_source
from llmcheck.api.inspection import machine_of
from llmcheck.api.judgement import report_of
from llmcheck.api.values import given_values
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.cloud.offers import rank_offers
from llmcheck.cloud.rented import cards_of
from llmcheck.errors import UsageError
from llmcheck.printable import printable
from llmcheck.probe._room import model_cache
from llmcheck.schema.advice import Offers
from llmcheck.schema.machine import Machine
from llmcheck.schema.workload import Workload
from llmcheck.system.host import Host


def cloud(name: str, everything: bool = False, machine: Machine | None = None) -> Offers:
    """The offers on which a profile is ready, as ``check`` judges the same machines.

    ``everything``: all offers, with community and marketplace machines. ``machine``: also judge this machine, as the
    first note. Raises DataError.
    """
    profile, corrections = profile_catalog.load(name, given_values()), catalog.corrections()
    found = rank_offers(
        profile,
        catalog.offers(),
        corrections,
        everything,
        cards_of(catalog.gpu_specs()),
        model_source.of_profile(profile),
    )
    if name not in profile_catalog.ids():
        found = msgspec.structs.replace(found, path=printable(name))
    if machine is None:
        return found
    verdict = report_of([profile], machine, corrections, frozenset({"software"})).profiles[0].verdict
    own = f"the hardware of {machine.identity.hostname or 'the given machine'} is {verdict} for {profile.id}"
    if verdict is None:
        own = f"{profile.id} has no requirement of hardware"
    return msgspec.structs.replace(found, notes=(own, *found.notes))


def cloud_for_model(name: str, workload: Workload, everything: bool = False, machine: Machine | None = None) -> Offers:
    """The offers on which a model fits, as ``fit`` says of the same machines.

    ``name``: as MODEL of ``llmcheck fit``; a repository that is not here is fetched from the hub. ``everything`` and
    ``machine``: as of ``cloud``. Raises DataError and UsageError.
    """
    from llmcheck.cloud.for_model import rank_for_model
    from llmcheck.fit.plans import plans

    cache = model_cache(Host())
    model = model_source.found_here_or_on_hub(name, cache)
    use = model_source.use_of(model, workload, cache)
    found = rank_for_model(use, model.words, catalog.offers(), cards_of(catalog.gpu_specs()), everything=everything)
    if machine is None:
        return found
    where = machine.identity.hostname or "the given machine"
    own = f"it fits on {where} too" if plans(use, machine) else f"it does not fit on {where}"
    return msgspec.structs.replace(found, notes=(own, *found.notes))


def offers(
    tier: str | None = None,
    *,
    model: str | None = None,
    workload: Workload | None = None,
    everything: bool = False,
    machine: Machine | str | None = None,
) -> Offers:
    """Machines to rent with dated list prices: on which a tier is ready, or a model fits; one of the two is named.

    ``tier``: the id or path of a profile. ``model``: as MODEL of ``llmcheck fit``; a repository that is not here is
    fetched from the hub. ``workload``: of the model; None: inference with the defaults. ``everything``: also what does
    not fit, with the reason, and community and marketplace machines. ``machine``: also judge this one, which may
    be what ``load_machine`` takes, as the first note. Raises DataError and UsageError.
    """
    if (tier is None) == (model is None):
        raise UsageError("name a tier or a model, and not both")
    own = None if machine is None else machine_of(machine)
    if tier is not None:
        if workload is not None:
            raise UsageError(f"the tier '{tier}' has its own workload")
        return cloud(tier, everything, own)
    return cloud_for_model(model or "", workload or Workload(method="inference"), everything, own)
