"""Which of the listed models a machine can run for a task, each by the plan that serves it best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.fit import quality
from llmcheck.fit.capacity import Capacity
from llmcheck.fit.placement import place
from llmcheck.fit.plans import Candidate, Wishes, downloads, loss_of, plans_on
from llmcheck.fit.plans.downloads import Names
from llmcheck.fit.plans.inference import LONG_CONTEXT
from llmcheck.fit.plans.policy import READABLE, loses_little
from llmcheck.fit.shapes import formats
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Band
from llmcheck.schema.recommendation import LeftOut, SpeedOf, Task
from llmcheck.schema.workload import Method, Workload
from llmcheck.tables.listed_model import ListedModel
from llmcheck.tables.quantisation_loss import QuantisationLoss

Losses = Mapping[str, QuantisationLoss]


class Choice(Struct, frozen=True, kw_only=True):
    """A model that may be recommended."""

    listed: ListedModel
    architecture: Architecture | None
    """None where its shapes are not known. Releases with the same shapes share the value, which is planned once."""
    words: tuple[str, ...] = ()
    """How ``llmcheck fit`` is given it."""


class Question(Struct, frozen=True, kw_only=True):
    task: Task = "chat"
    context: int | None = None
    """Tokens; None: the usual ones."""
    wishes: Wishes = Wishes()


class Runnable(Struct, frozen=True, kw_only=True):
    """A model with the plan that it would be run by."""

    choice: Choice
    candidate: Candidate
    speed: Band | None
    """Tokens per second of what the task waits for; None where it is not known."""
    longest_context: int | None
    """Tokens; None for training."""
    loss: quality.QualityClass | None
    """Of the plan's weight format; None where none was published."""


def sorted_out(
    choices: Sequence[Choice], capacity: Capacity, question: Question, losses: Losses
) -> tuple[list[Runnable], list[LeftOut]]:
    """Those that can be run, and those that cannot, with the reason."""
    runnable: list[Runnable] = []
    left_out: list[LeftOut] = []
    planned: dict[tuple[int, str], Runnable | LeftOut] = {}
    least_bits = _least_bits(losses)
    for choice in choices:
        found: Runnable | LeftOut | None = _without_search(choice, capacity, question, least_bits)
        if found is None:
            key = id(choice.architecture), _with_files_here(choice, question)
            if key not in planned:
                planned[key] = _planned(choice, capacity, question, losses)
            found = planned[key]
        if isinstance(found, Runnable):
            runnable.append(replace(found, choice=choice))
        else:
            left_out.append(replace(found, id=choice.listed.repository))
    return runnable, left_out


def _with_files_here(choice: Choice, question: Question) -> str:
    """Its repository where something of it was downloaded, which may change its plan; else ''."""
    stored = question.wishes.storage
    if stored is None or not stored.by_name:
        return ""
    name = choice.listed.repository
    return name if downloads.anything_of(name, names_of(choice.listed), stored) else ""


def speed_of(task: Task) -> SpeedOf:
    """What the user waits for."""
    return "training" if task == "finetune" else "prompt" if task == "embed" else "answer"


def least_speed(task: Task) -> float | None:
    """Tokens per second; None where nobody reads along: a model that trains or embeds."""
    return READABLE if speed_of(task) == "answer" else None


def names_of(listed: ListedModel) -> Names:
    """Where it is published beside its own repository."""
    return Names(gguf=listed.gguf, ollama=listed.ollama)


def memory_known(capacity: Capacity) -> bool:
    return _available(capacity) is not None


# --- decided by bounds ---


def _without_search(choice: Choice, capacity: Capacity, question: Question, least_bits: float) -> LeftOut | None:
    """What is decided without a plan; None where one has to be made."""
    name, shapes = choice.listed.repository, choice.architecture
    if question.task not in choice.listed.tasks:
        return LeftOut(id=name, reason="wrong-task")
    if shapes is None:
        return LeftOut(id=name, reason="shapes-unknown")
    if _nothing_read(capacity):
        return LeftOut(id=name, reason="memory-unknown")
    if question.task == "finetune" and not capacity.groups:
        return LeftOut(id=name, reason="no-gpu")
    if question.context is not None and shapes.context is not None and shapes.context < question.context:
        return LeftOut(id=name, reason="short-context", longest_context=shapes.context)
    available = _available(capacity)
    needed = _least_bytes(shapes, least_bits)
    if available is not None and needed > available:
        return LeftOut(id=name, reason="does-not-fit", needed_bytes=needed, available_bytes=available)
    return None


def _nothing_read(capacity: Capacity) -> bool:
    """Whether the memory of no GPU could be read, though there are some or there may be."""
    devices = [device for group in capacity.groups for device in group]
    return not capacity.gpus_listed or (bool(devices) and all(device.free is None for device in devices))


def _least_bits(losses: Losses) -> float:
    """Per weight, of the smallest format that is proposed."""
    small = [
        formats.weights(name).bits for name in losses if _acceptable(name, None, quality.quality_class(name, losses))
    ]
    return min(small, default=0.0)


def _acceptable(name: str, published: str | None, loss: quality.QualityClass | None) -> bool:
    """Whether the published figures of a model still say something of it in this format."""
    return loses_little(name, published) and (loss is None or loss.class_ != "large")


def _least_bytes(shapes: Architecture, least_bits: float) -> int:
    """Of its weights: no format that is proposed takes less."""
    try:
        published = formats.weights(shapes.dtype or "bf16").bits
    except formats.UnknownFormatError:
        published = 16.0
    return int(shapes.parameters.total * min(least_bits, published) / 8)


def _available(capacity: Capacity) -> int | None:
    """Bytes of the largest group of GPUs and RAM together; None where some of it could not be read."""
    devices = [device for group in capacity.groups for device in group]
    if not capacity.gpus_listed or any(device.free is None for device in devices):
        return None
    if capacity.ram is None and capacity.ram_stated:
        return None
    gpus = max((sum(device.free or 0 for device in group) for group in capacity.groups), default=0)
    return gpus + (capacity.ram or 0)


# --- planned ---


def _planned(choice: Choice, capacity: Capacity, question: Question, losses: Losses) -> Runnable | LeftOut:
    name = choice.listed.repository
    tried = _plans(choice, capacity, question)
    if not tried:
        return LeftOut(id=name, reason="does-not-fit" if memory_known(capacity) else "memory-unknown")
    kept = []
    for each in tried:
        loss = loss_of(each, losses)
        if _acceptable(each.use.weight_format.name, each.published, loss):
            kept.append((each, loss))
    if not kept:
        return LeftOut(id=name, reason="large-loss", weights=tried[0].use.weight_format.name)
    for candidate, loss in kept:
        if _is_usable(candidate, question.task):
            return Runnable(
                choice=choice,
                candidate=candidate,
                speed=_speed(candidate, question.task),
                longest_context=_longest_context(candidate, capacity),
                loss=loss,
            )
    if all(each.tokens_per_second is None for each, _ in kept):
        return LeftOut(id=name, reason="speed-unknown", weights=kept[0][0].use.weight_format.name)
    fastest = max((each for each, _ in kept), key=lambda each: each.tokens_per_second or 0.0)
    return LeftOut(
        id=name, reason="too-slow", weights=fastest.use.weight_format.name, tokens_per_second=fastest.tokens_per_second
    )


def _plans(choice: Choice, capacity: Capacity, question: Question) -> tuple[Candidate, ...]:
    """The best first. Adapters are trained beside the weights as they are, or quantised where those do not fit."""
    shapes, context = choice.architecture, question.context
    if shapes is None:
        return ()
    wishes = replace(question.wishes, names=names_of(choice.listed))
    if _with_files_here(choice, question):
        shapes = replace(shapes, name=choice.listed.repository)
    if question.task == "finetune":
        methods: tuple[Method, ...] = ("lora", "qlora")
        tried = (
            plans_on(ModelUse(shapes, Workload(method=each, context=context)), capacity, wishes) for each in methods
        )
        return next((each for each in tried if each), ())
    if context is None and question.wishes.prefer == "context":
        context = min(LONG_CONTEXT, shapes.context or LONG_CONTEXT)
    return plans_on(ModelUse(shapes, Workload(method="inference", context=context)), capacity, wishes)


def _is_usable(candidate: Candidate, task: Task) -> bool:
    """At a speed to read along. Where it is not known, what lies in RAM is not taken for fast enough."""
    least, rate = least_speed(task), candidate.tokens_per_second
    if least is None:
        return True
    return candidate.placed.verdict == "fits" if rate is None else rate >= least


def _speed(candidate: Candidate, task: Task) -> Band | None:
    rates = candidate.speed
    return {"answer": rates.decode, "prompt": rates.prefill, "training": rates.train}[speed_of(task)]


def _longest_context(candidate: Candidate, capacity: Capacity) -> int | None:
    """The longest of repeated doublings that the model declares and that lies where the plan does."""
    use, verdict = candidate.use, candidate.placed.verdict
    if not use.is_inference:
        return None
    lengths = [use.context]
    while lengths[-1] * 2 <= (use.architecture.context or 0):
        lengths.append(lengths[-1] * 2)
    low, high = 0, len(lengths) - 1
    while low < high:
        middle = (low + high + 1) // 2
        holds = place(use.changed(context=lengths[middle]), capacity).verdict == verdict
        low, high = (middle, high) if holds else (low, middle - 1)
    return lengths[low]
