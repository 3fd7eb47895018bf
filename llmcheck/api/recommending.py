"""Which models to run on a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcheck import catalog
from llmcheck.api.inspection import GivenMachine, machine_of, words_of
from llmcheck.schema.recommendation import Recommendations, Task

if TYPE_CHECKING:
    from llmcheck.advise.runnable import Choice
    from llmcheck.fit.plans.candidate import Preference


def recommend(
    machine: GivenMachine = None,
    task: Task = "chat",
    *,
    prefer: Preference = "balanced",
    context: int | None = None,
    why: str | None = None,
    assume_idle: bool = False,
    machine_words: str | None = None,
) -> Recommendations:
    """The listed models that are best for a task on a machine. ``context``: tokens that each has to reach.

    ``machine``: also what ``load_machine`` takes; None: this machine. ``prefer``: what counts most. ``assume_idle``:
    ignore the memory that other processes use.
    ``why``: a listed model, by its repository, with or without the owner, or the id of its shapes; the answer is then
    about it alone. ``machine_words``: how ``--machine`` named the machine, for the commands of the answer; None: it is
    the text in ``machine``, else this one. Raises UsageError for a model that is not listed, DataError and
    InspectionError.
    """
    from llmcheck.advise import recommend as advice
    from llmcheck.advise.runnable import Question
    from llmcheck.fit import capacity
    from llmcheck.fit.plans import Wishes, downloads

    choices = _choices(words_of(machine, machine_words), assume_idle=assume_idle)
    asked = None if why is None else _listed(why, task, choices)
    judged = machine_of(machine)
    wishes = Wishes(prefer=prefer, storage=downloads.storage(judged))
    question = Question(task=task, context=context, wishes=wishes)
    room = capacity.of(judged, assume_idle=assume_idle)
    found = advice.recommend(choices, room, question, catalog.evaluations(), catalog.quantisation_losses())
    return found if asked is None else advice.about(found, asked)


def _choices(machine_words: str | None, *, assume_idle: bool) -> tuple[Choice, ...]:
    """Every listed release, with the shapes of the table, each of which is decoded once."""
    from llmcheck.advise.runnable import Choice
    from llmcheck.api.model_source import command_words
    from llmcheck.catalog.derived import shapes_of, words_of

    known = catalog.models()
    shapes = {each.id: shapes_of(each) for each in known.values()}
    return tuple(
        Choice(
            listed=each,
            architecture=shapes.get(each.model or ""),
            words=command_words(
                (words_of(each, known[each.model]) if each.model else "",), machine_words, assume_idle=assume_idle
            ),
        )
        for each in catalog.listed_models()
    )


def _listed(name: str, task: Task, choices: tuple[Choice, ...]) -> str:
    """Its repository; of several releases with the same shapes one that is for the task."""
    from llmcheck.codec import nearest
    from llmcheck.errors import UsageError

    wanted = name.strip().lower()
    meant = [
        each.listed
        for each in choices
        if wanted
        in (each.listed.repository.lower(), each.listed.repository.lower().rpartition("/")[2], each.listed.model)
    ]
    if not meant:
        close = nearest(
            wanted.rpartition("/")[2], [each.listed.repository.lower().rpartition("/")[2] for each in choices]
        )
        hint = f"; nearest: {', '.join(close)}" if close else ""
        raise UsageError(f"--why {name[:100]}: not among the original releases that are listed{hint}")
    return next((each for each in meant if task in each.tasks), meant[0]).repository
