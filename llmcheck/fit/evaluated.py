"""Which public evaluation to compare models by, and what it measured of them."""

from __future__ import annotations

from collections.abc import Collection

from llmcheck.tables.evaluation import Evaluations, Scale, Score

_COVERED = 1 / 3
"""Share of the models that a scale has to cover, so that it is taken before one that covers more.

Older scales cover more models, and none of the newest."""
Scores = dict[tuple[str, str], Score]
"""By repository and id of the scale; of several settings the best."""


def best_scores(evaluations: Evaluations) -> Scores:
    found: Scores = {}
    for score in evaluations.scores:
        key = (score.repository, score.scale)
        if key not in found or score.value > found[key].value:
            found[key] = score
    return found


def preferred_scale(task: str, repositories: Collection[str], evaluations: Evaluations, scores: Scores) -> Scale | None:
    """The preferred one that covers a third of the models, else the one that covers most; None where none does."""
    covered = [
        (sum((each, scale.id) in scores for each in repositories), scale)
        for scale in evaluations.scales
        if scale.task == task
    ]
    enough = [scale for count, scale in covered if count and count >= _COVERED * len(repositories)]
    most = max(covered, key=lambda pair: pair[0], default=(0, None))  # of equal ones the first
    return enough[0] if enough else most[1] if most[0] else None
