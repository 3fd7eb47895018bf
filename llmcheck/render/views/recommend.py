"""The screen of ``llmcheck recommend``: a row for each model, how to run the first, and what was left out."""

from __future__ import annotations

from collections import Counter

from llmcheck.render import Options
from llmcheck.render.views import downloads
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Commands, Heading, Table
from llmcheck.render.views.plans import how, launch_lines, pasted, rate, tokens
from llmcheck.schema.recommendation import LeftOut, LeftOutReason, Recommendations, RecommendedModel, SpeedOf
from llmcheck.units import format_gb, format_gib, two_digits

_FOR = {
    "chat": "to chat with",
    "code": "to write code",
    "reason": "to reason",
    "vision": "to read images",
    "embed": "to embed text",
    "finetune": "to fine-tune",
}
_SPEED: dict[SpeedOf, str] = {
    "answer": "speed: tokens/s of one answer, estimated",
    "prompt": "speed: tokens/s of the text that is read, estimated",
    "training": "speed: tokens/s of the training, estimated",
}
_IN_FULL = "shows its memory and speed in full"
_COUNTED: dict[LeftOutReason, str] = {
    "dominated": "no better than one of these in score, speed or context",
    "too-slow": "too slow to read along",
    "speed-unknown": "partly in RAM, at a speed that is not known",
    "does-not-fit": "too large for this machine",
    "no-gpu": "that would need a GPU to train on",
    "large-loss": "too large but in a format that loses much",
    "short-context": "with too short a context",
    "no-evidence": "without a figure on this scale",
    "solved-nothing": "that solved nothing of the benchmark",
    "memory-unknown": "of which nothing can be said, for the memory is not known",
    "shapes-unknown": "whose shapes are not known, so that nothing can be computed",
    "wrong-task": "made for other tasks",
}
"""The nearest to the list first."""


def recommend(value: Recommendations, options: Options) -> list[Block]:
    if value.why is not None:
        return _why(value, value.why)
    title = f"Models {_FOR[value.task]} here"
    if not value.models:
        return [*_nothing(value), *_left_out(value, options)]
    blocks: list[Block] = [Heading(title, value.machine, level=1), Table(_columns(value), _rows(value))]
    blocks.append(Bullets([Cell(each, "dim") for each in _notes(value)]))
    blocks += _commands(value.models[0])
    return [*blocks, *_left_out(value, options)]


def _nothing(value: Recommendations) -> list[Block]:
    if not value.memory_known:
        text = "not known: the memory of this machine could not be read"
        return [Heading(f"Models {_FOR[value.task]}: {text}", value.machine, "unknown", level=1)]
    return [Heading(f"No model {_FOR[value.task]} is worth running here", value.machine, "bad", level=1)]


def _columns(value: Recommendations) -> list[Column]:
    columns = [
        Column("model", min_width=16),
        Column("how", min_width=12),
        Column("memory", right=True, fixed=True),
        Column("speed", right=True, fixed=True),
        Column("context", right=True, fixed=True),
        Column("score", right=True, fixed=True),
        Column("licence", min_width=11),
    ]
    return [each for each in columns if each.name != "context" or value.speed_of != "training"]


def _rows(value: Recommendations) -> list[list[Cell]]:
    return [
        [
            Cell(model.id.rpartition("/")[2], "strong"),
            Cell(how(model.plan)),
            Cell(format_gib(model.plan.memory.total)),
            Cell(rate(model.tokens_per_second)),
            *([] if value.speed_of == "training" else [Cell(tokens(model.longest_context))]),
            Cell("" if model.quality is None else f"{model.quality.value:.1f}", "accent"),
            _licence(model),
        ]
        for model in value.models
    ]


def _licence(model: RecommendedModel) -> Cell:
    name = model.licence or "not known"
    if model.gated:
        return Cell(f"{name}; gated: accept its terms first", "warn")
    return Cell(name, "dim")


def _notes(value: Recommendations) -> list[str]:
    notes = [_SPEED[value.speed_of]]
    if value.speed_of != "training":
        notes.append("context: the longest that fits in this way, in doublings")
    if value.scale is not None:
        scale = value.scale
        thinks = any("thinking" in (each.quality.setting or "") for each in value.models if each.quality)
        notes.insert(
            0,
            f"score: {scale.benchmark} in {scale.unit}, {scale.evaluator}, {scale.as_of}; of the weights as they are "
            f"published{', thinking where that scores more' if thinks else ''}",
        )
        notes.append(f"figures of {scale.evaluator}: {scale.terms}")
    weighty = [each.plan.weights for each in value.models if each.loss == "noticeable" and each.plan.weights]
    if weighty:
        formats = ", ".join(dict.fromkeys(weighty))
        notes.append(f"{formats}: what is published of its loss is noticeable; llmcheck recommend --why MODEL names it")
    here = [each.id.rpartition("/")[2] for each in value.models if each.plan.cached not in (None, "file")]
    if here:
        notes.append(f"downloaded before: {', '.join(here)}")
    if any(each.gated is None for each in value.models):
        notes.append("where no gate is named, none is known of: the hub says so when you download")
    return notes


def _commands(first: RecommendedModel) -> list[Block]:
    plan = first.plan
    what = "fine-tunes" if plan.method != "inference" else "runs"
    download = f", after a download of {format_gb(plan.download_bytes)}" if plan.download_bytes else ""
    own = pasted(plan.argv)
    lines = [*launch_lines(plan, f"{what} {first.id}{download}"), *([(own, _IN_FULL)] if own else [])]
    blocks: list[Block] = [Heading("Next"), Commands(lines)]
    no_space = downloads.warning(plan)
    if no_space is not None:
        blocks.append(Bullets([Cell(no_space, "bad")]))
    return blocks


def _left_out(value: Recommendations, options: Options) -> list[Block]:
    counts = Counter(each.reason for each in value.left_out)
    if options.verbose:
        columns = [Column("left out", min_width=18), Column("why", min_width=24)]
        order = list(_COUNTED)
        listed = [each for each in value.left_out if each.reason != "wrong-task"]
        listed.sort(key=lambda each: (order.index(each.reason), each.id))
        rows = [[Cell(each.id), Cell(reason(each, value), "dim")] for each in listed]
        return [Heading("Left out"), Table(columns, rows)] if rows else []
    items = [Cell(f"{counts[each]} {words}", "dim") for each, words in _COUNTED.items() if counts[each]]
    hint = "llmcheck recommend -v lists them; --why MODEL tells of one"
    return [Heading("Left out", hint), Bullets(items)] if items else []


def reason(each: LeftOut, value: Recommendations) -> str:
    """Why it is not recommended, in words with their figures."""
    match each.reason:
        case "dominated":
            return (
                f"{each.dominated_by} is as good or better in score, speed and context "
                f"({_own(each)} in {each.weights} here)"
            )
        case "too-slow":
            speed = two_digits(each.tokens_per_second or 0.0)
            least = two_digits(value.least_tokens_per_second or 0.0)
            return f"about {speed} tokens/s in {each.weights}, and reading along takes {least}"
        case "speed-unknown":
            return "part of it would lie in RAM, and how fast that is is not known"
        case "does-not-fit" if each.needed_bytes is not None and each.available_bytes is not None:
            return (
                f"its weights are {format_gib(each.needed_bytes)} at least; {format_gib(each.available_bytes)} are free"
            )
        case "does-not-fit":
            return "does not fit in any format that a runtime reads here"
        case "no-gpu":
            return "training takes a GPU, and this machine has none"
        case "large-loss":
            return f"fits in {each.weights} and smaller alone, which lose much"
        case "short-context":
            return f"reads {tokens(each.longest_context)} tokens at most"
        case "no-evidence":
            scale = "any evaluation" if value.scale is None else value.scale.benchmark
            return f"no figure of {scale}, by which these are compared"
        case "solved-nothing":
            return "it solved nothing of the benchmark"
        case "memory-unknown":
            return "the memory of this machine could not be read"
        case "shapes-unknown":
            return "its shapes are not known"
        case "wrong-task":
            return f"it is not made {_FOR[value.task]}"


def _own(each: LeftOut) -> str:
    parts = [f"score {each.quality:.1f}" if each.quality is not None else ""]
    parts.append(f"{two_digits(each.tokens_per_second)} tokens/s" if each.tokens_per_second is not None else "")
    parts.append(f"{tokens(each.longest_context)} tokens of context" if each.longest_context is not None else "")
    return ", ".join(part for part in parts if part)


def _why(value: Recommendations, name: str) -> list[Block]:
    if value.models:
        model = value.models[0]
        loss = [] if model.loss is None else [f"{model.plan.weights}: its loss is {model.loss} ({model.loss_source})"]
        texts = [f"{how(model.plan)}: {format_gib(model.plan.memory.total)}, {rate(model.tokens_per_second)} tokens/s"]
        texts += ["no other model is as good in score, speed and context at once", *loss, *_notes(value)]
        return [
            Heading(f"{name}: recommended", value.machine, "good", level=1),
            Table(_columns(value), _rows(value)),
            Bullets([Cell(each) for each in texts]),
            *_commands(model),
        ]
    texts = [reason(each, value) for each in value.left_out]
    return [
        Heading(f"{name}: not recommended {_FOR[value.task]}", value.machine, "warn", level=1),
        Bullets([Cell(each) for each in texts]),
    ]
