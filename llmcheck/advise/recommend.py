"""Which models to run on a machine: those that no other one beats in quality, speed and context at once.

Quality is what one public evaluation measured, in one snapshot: figures of two never stand in one order. How a model
is run is the planner's answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.advise.runnable import (
    Choice,
    Losses,
    Question,
    Runnable,
    least_speed,
    memory_known,
    names_of,
    sorted_out,
    speed_of,
)
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.evaluated import best_scores, preferred_scale
from llmcheck.fit.plans import plan_of
from llmcheck.fit.plans.candidate import Preference
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Plan
from llmcheck.schema.recommendation import LeftOut, QualityFigure, Recommendations, RecommendedModel
from llmcheck.tables.evaluation import Evaluations, Scale, Score


class _Measured(Struct, frozen=True):
    """A model that runs here, with its figure on the one scale."""

    runnable: Runnable
    score: Score

    @property
    def id(self) -> str:
        return self.runnable.choice.listed.repository

    @property
    def rate(self) -> float | None:
        """Tokens per second; None where it is not known."""
        return None if self.runnable.speed is None else self.runnable.speed.expected

    @property
    def context(self) -> int:
        """Tokens; of training the same for all."""
        return self.runnable.longest_context or 0

    @property
    def lacks_space(self) -> bool:
        """Whether it is known that the disk has no space for the download."""
        download = self.runnable.candidate.download
        return download is not None and bool(download.short)


def recommend(
    choices: Sequence[Choice], capacity: Capacity, question: Question, evaluations: Evaluations, losses: Losses
) -> Recommendations:
    """``choices``: the models to choose among; ``losses``: by format, what was published of it."""
    runnable, left_out = sorted_out(choices, capacity, question, losses)
    scores = best_scores(evaluations)
    names = [each.choice.listed.repository for each in runnable]
    scale = preferred_scale(question.task, names, evaluations, scores)
    measured = []
    for each in runnable:
        score = None if scale is None else scores.get((each.choice.listed.repository, scale.id))
        if score is None or scale is None:
            left_out.append(LeftOut(id=each.choice.listed.repository, reason="no-evidence"))
        elif score.value <= 0:
            left_out.append(LeftOut(id=each.choice.listed.repository, reason="solved-nothing", quality=score.value))
        else:
            measured.append(_Measured(each, score))
    best, dominated = _front(measured)
    best.sort(key=lambda each: _order(each, question.wishes.prefer))
    return Recommendations(
        task=question.task,
        prefer=question.wishes.prefer,
        machine=capacity.description,
        context=question.context,
        scale=scale,
        speed_of=speed_of(question.task),
        least_tokens_per_second=least_speed(question.task),
        models=tuple(_row(each, scale) for each in best),
        left_out=tuple(sorted((*left_out, *dominated), key=lambda each: (each.reason, each.id))),
        memory_known=memory_known(capacity),
    )


def about(found: Recommendations, repository: str) -> Recommendations:
    """The same answer, about one model alone."""
    return replace(
        found,
        why=repository,
        models=tuple(each for each in found.models if each.id == repository),
        left_out=tuple(each for each in found.left_out if each.id == repository),
    )


# --- the front ---


def _front(measured: Sequence[_Measured]) -> tuple[list[_Measured], list[LeftOut]]:
    """Those that no other one dominates, and the rest."""
    best: list[_Measured] = []
    rest: list[LeftOut] = []
    for each in measured:
        # who dominates it and is dominated by nobody: one at the top of such a chain always is
        above = [other for other in measured if _dominates(other, each)]
        if not above:
            best.append(each)
            continue
        top = max(above, key=lambda other: (other.score.value, other.rate or 0.0, other.context, other.id))
        rest.append(
            LeftOut(
                id=each.id,
                reason="dominated",
                dominated_by=top.id,
                weights=each.runnable.candidate.use.weight_format.name,
                tokens_per_second=each.rate,
                quality=each.score.value,
                longest_context=each.runnable.longest_context,
            )
        )
    return best, rest


def _dominates(one: _Measured, other: _Measured) -> bool:
    """As good in all of quality, speed and context, and better in one.

    Two speeds compare where both are known. What the disk has no space for hides nothing that it has space for.
    """
    if (one.rate is None) != (other.rate is None) or (one.lacks_space and not other.lacks_space):
        return False
    ours = (one.score.value, one.rate or 0.0, one.context)
    theirs = (other.score.value, other.rate or 0.0, other.context)
    return ours != theirs and all(a >= b for a, b in zip(ours, theirs, strict=True))


def _order(each: _Measured, prefer: Preference) -> tuple[object, ...]:
    """A key that sorts the preferred first: by quality unless another one of the three is named.

    What the disk has no space for comes last.
    """
    value, rate, context = -each.score.value, -(each.rate or 0.0), -each.context
    match prefer:
        case "speed":
            return (each.lacks_space, rate, value, context, each.id)
        case "context":
            return (each.lacks_space, context, value, rate, each.id)
        case _:
            return (each.lacks_space, value, rate, context, each.id)


# --- rows ---


def _row(each: _Measured, scale: Scale | None) -> RecommendedModel:
    listed, loss = each.runnable.choice.listed, each.runnable.loss
    return RecommendedModel(
        id=listed.repository,
        plan=_plan(each.runnable),
        tokens_per_second=each.runnable.speed,
        longest_context=each.runnable.longest_context,
        quality=None if scale is None else _figure(each.score, scale),
        loss=None if loss is None else loss.class_,
        loss_source=None if loss is None else loss.source,
        licence=listed.licence,
        gated=listed.gated,
        released=listed.released,
    )


def _plan(runnable: Runnable) -> Plan:
    """Of the release itself: the plan was made for shapes that others may share."""
    use, listed = runnable.candidate.use, runnable.choice.listed
    own = ModelUse(replace(use.architecture, name=listed.repository), use.workload)
    candidate = replace(runnable.candidate, use=own, names=names_of(listed))
    return plan_of(candidate, runnable.choice.words, listed.gguf, loss=runnable.loss)


def _figure(score: Score, scale: Scale) -> QualityFigure:
    return QualityFigure(
        value=score.value,
        benchmark=scale.benchmark,
        unit=scale.unit,
        evaluator=scale.evaluator,
        setting=score.setting,
        source=scale.source,
        as_of=scale.as_of,
    )
