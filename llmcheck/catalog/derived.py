"""Tables that follow from others, made when a wheel is built: models to start with, the smallest cards for a size, the
cheapest offers."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.checkpoint import config
from llmcheck.cloud.offers import cheapest_that_runs
from llmcheck.cloud.rented import cards_of
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.evaluated import best_scores, preferred_scale
from llmcheck.fit.hardware import that_hold
from llmcheck.fit.shapes import typical
from llmcheck.fit.use import ModelUse
from llmcheck.gpus.identify import GpuRecord
from llmcheck.schema.architecture import Architecture, KnownModel
from llmcheck.schema.cheapest import CheapestOffer
from llmcheck.schema.machine import GpuSpec
from llmcheck.schema.outlook import Cards, CardsForSize, Task
from llmcheck.schema.profile import Profile
from llmcheck.schema.starter import Starter
from llmcheck.schema.workload import Workload
from llmcheck.tables.correction import Correction
from llmcheck.tables.evaluation import Evaluations
from llmcheck.tables.listed_model import ListedModel
from llmcheck.tables.offer import Offer
from llmcheck.units import GIB

_SIZES = {"7B": 7e9, "13B": 13e9, "30B": 30e9, "70B": 70e9}
"""Weights of the sizes that the tiers name."""
_LEAST, _MOST = 0.8, 1.25
"""Share of a size that counts as the size: 8B as 7B, 14B as 13B, 32B as 30B."""
_TASK = "chat"
_SOLD_GB = (8, 12, 16, 24, 32, 48, 80, 96, 141, 192, 288)
"""What NVIDIA and AMD sell (the table of GPUs), without sizes that are close to another one."""
_REPORTED = 0.93
"""GiB that the driver reports for each GB that is sold: 24 GB cards report 22.3 to 24 GiB."""
_NO_GPU = Capacity(groups=(), ram=None, ram_stated=False, gpus_listed=True, system="linux", description="")
_NO_MODELS: Mapping[str, Architecture] = {}
_CONTEXT, _SEQUENCE = 4096, 2048
"""Tokens, as in the tiers."""


def cards_for_sizes() -> tuple[CardsForSize, ...]:
    """For each size of the tiers: one card that holds it, and a number of smaller ones."""
    ways: tuple[tuple[Task, Workload], ...] = (
        ("inference", Workload(method="inference", context=_CONTEXT)),
        ("fine-tuning", Workload(method="qlora", context=_SEQUENCE)),
    )
    return tuple(
        CardsForSize(task=task, parameters=size, enough=_enough(ModelUse(typical.architecture(size), workload)))
        for task, workload in ways
        for size in _SIZES
    )


def _enough(use: ModelUse) -> tuple[Cards, ...]:
    found: list[Cards] = []
    for _ in range(2):
        smaller = [each for each in _SOLD_GB if not found or each < found[-1].memory_gb]
        held = that_hold(use, _NO_GPU, [_card(each) for each in smaller])
        found += [Cards(count=each.gpus, memory_gb=round(each.memory_gb or 0)) for each in held]
    return tuple(found)


def _card(memory_gb: int) -> GpuRecord:
    """Of no particular kind, by NVIDIA and with bf16."""
    spec = GpuSpec(name=f"{memory_gb} GB card", memory_gb=memory_gb, source="as stated")
    reported = round(memory_gb * _REPORTED * GIB)
    return GpuRecord(vendor="nvidia", spec=spec, capability="8.0", memory_reported=reported, as_of="")


def cheapest_offer(
    profile: Profile,
    offers: Sequence[Offer],
    corrections: Sequence[Correction],
    records: Sequence[GpuRecord],
    models: Mapping[str, Architecture] = _NO_MODELS,
) -> CheapestOffer | None:
    """The cheapest offer on which a profile is ready; None where there is none. ``models``: the shapes of the known
    model that it names."""
    # the age of prices decides nothing here
    cards, day = cards_of(records), datetime.date(2026, 1, 1)
    found = cheapest_that_runs(profile, offers, corrections, cards, models, today=day)
    if found is None or found.price_hour is None:
        return None
    return CheapestOffer(profile=profile.id, offer=found.offer, nodes=found.nodes, price_hour=found.price_hour)


class _Release(Struct, frozen=True):
    listed: ListedModel
    shapes: Architecture
    model: KnownModel


def starters(
    models: Iterable[KnownModel], listed: Iterable[ListedModel], evaluations: Evaluations
) -> tuple[Starter, ...]:
    """For each size those with a score, the best first. Left out is what has to be unlocked on the hub first."""
    known = {each.id: each for each in models}
    releases = [
        _Release(each, shapes_of(known[each.model]), known[each.model])
        for each in listed
        if _TASK in each.tasks and each.gated is not True and each.model is not None
    ]
    return tuple(each for size, weights in _SIZES.items() for each in _of_size(size, weights, releases, evaluations))


def shapes_of(model: KnownModel) -> Architecture:
    return config.architecture(model.config, f"table of models, {model.id}", model.names[0], model.source)


def words_of(release: ListedModel, model: KnownModel) -> str:
    """How ``llmcheck fit`` is given a release: its repository, where the table of models has that name."""
    return release.repository if release.repository in model.names else model.id


def _of_size(size: str, weights: float, releases: Sequence[_Release], evaluations: Evaluations) -> Iterator[Starter]:
    near = [each for each in releases if _LEAST <= each.shapes.parameters.total / weights <= _MOST]
    scores = best_scores(evaluations)
    scale = preferred_scale(_TASK, [each.listed.repository for each in near], evaluations, scores)
    found = [
        Starter(
            size=size,
            repository=each.listed.repository,
            words=(words_of(each.listed, each.model),),
            gguf=each.listed.gguf,
            score=scores[each.listed.repository, scale.id].value,
            architecture=replace(each.shapes, name=each.listed.repository),
        )
        for each in near
        if scale is not None and (each.listed.repository, scale.id) in scores
    ]
    yield from sorted(found, key=lambda each: (-each.score, each.repository))
