"""Tables that follow from others, made when a wheel is built: models to start with, the smallest cards for a size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.checkpoint import config
from llmcheck.fit.evaluated import best_scores, preferred_scale
from llmcheck.fit.shapes import typical
from llmcheck.fit.sufficient_cards import sufficient_cards
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture, KnownModel
from llmcheck.schema.outlook import CardsForSize, Task
from llmcheck.schema.starter import Starter
from llmcheck.schema.workload import Workload
from llmcheck.tables.evaluation import Evaluations
from llmcheck.tables.listed_model import ListedModel

_SIZES = {"7B": 7e9, "13B": 13e9, "30B": 30e9, "70B": 70e9}
"""Weights of the sizes that the tiers name."""
_LEAST, _MOST = 0.8, 1.25
"""Share of a size that counts as the size: 8B as 7B, 14B as 13B, 32B as 30B."""
_TASK = "chat"
_CONTEXT, _SEQUENCE = 4096, 2048
"""Tokens, as in the tiers."""


def cards_for_sizes() -> tuple[CardsForSize, ...]:
    """For each size of the tiers, in the way that takes least memory and loses little: 4 bits, and QLoRA to tune."""
    least = runtimes.named(runtimes.LEAST_MEMORY)
    ways: tuple[tuple[Task, Workload], ...] = (
        (
            "inference",
            Workload(method="inference", runtime=least.id, weights=least.four_bits, context=_CONTEXT),
        ),
        ("fine-tuning", Workload(method="qlora", context=_SEQUENCE)),
    )
    return tuple(
        CardsForSize(
            task=task, parameters=size, enough=sufficient_cards(ModelUse(typical.architecture(size), workload))
        )
        for task, workload in ways
        for size in _SIZES
    )


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
