"""What public evaluations say of each model, for each task."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from llmcheck.tables.evaluation import Evaluations, Scale, Score


class Evidence(Struct, frozen=True, kw_only=True):
    scale: Scale
    score: Score


def by_repository_and_task(evaluations: Evaluations) -> Mapping[tuple[str, str], tuple[Evidence, ...]]:
    """The scores of a repository for a task, the preferred scale first; no entry where there is no public evaluation.

    A model that was measured with thinking on and off has one score for each.
    """
    rank = {scale.id: number for number, scale in enumerate(evaluations.scales)}
    found: dict[tuple[str, str], list[Evidence]] = {}
    for score in sorted(evaluations.scores, key=lambda each: rank[each.scale]):
        scale = evaluations.scales[rank[score.scale]]
        found.setdefault((score.repository, scale.task), []).append(Evidence(scale=scale, score=score))
    return {key: tuple(each) for key, each in found.items()}
