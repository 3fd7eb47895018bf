"""Which models are recommended: one scale, the front, the floor, and a reason for every other model."""

from __future__ import annotations

import datetime
from typing import Any, get_args

import click
import pytest
from msgspec.structs import replace

from llmcheck.advise.recommend import about, recommend
from llmcheck.advise.runnable import Choice, Question
from llmcheck.api import hypothetical_machine
from llmcheck.cli.commands.recommend import command
from llmcheck.fit import capacity
from llmcheck.fit.plans import Wishes, downloads
from llmcheck.fit.plans.candidate import Preference
from llmcheck.fit.plans.inference import LONG_CONTEXT
from llmcheck.fit.plans.policy import READABLE
from llmcheck.fit.shapes import typical
from llmcheck.schema.machine import CachedModel, Machine, ModelCache
from llmcheck.schema.recommendation import TASKS, LeftOut, LeftOutReason, Recommendations
from llmcheck.tables.evaluation import Evaluations, Scale, Score
from llmcheck.tables.listed_model import ListedModel
from llmcheck.tables.quantisation_loss import QuantisationLoss

DAY = datetime.date(2026, 8, 22)
PLAIN = Question()
CARD = hypothetical_machine("RTX 4090, 64 GB RAM").machine


def choice(name: str, size: str | None = "7B", *, tasks: tuple[str, ...] = ("chat",), context: int = 32_768) -> Choice:
    listed = ListedModel(
        repository=name, model=size, tasks=tasks, modalities=("text",), licence="MIT", source="test", as_of=DAY
    )
    shapes = None if size is None else replace(typical.architecture(size), context=context, estimated=False)
    return Choice(listed=listed, architecture=shapes, words=(name,))


def scale(name: str) -> Scale:
    return Scale(
        id=name, task="chat", benchmark=f"Benchmark {name}", unit="%", evaluator="somebody", terms="free",
        source="test", as_of=DAY,
    )  # fmt: skip


def loss(name: str, value: float) -> QuantisationLoss:
    return QuantisationLoss(
        format=name, model="x", kind="perplexity", metric="perplexity", baseline=100.0, value=value, source="test",
        as_of=DAY,
    )  # fmt: skip


LOSSES = {"q8_0": loss("q8_0", 100.1), "q4_k_m": loss("q4_k_m", 103.0), "q3_k_m": loss("q3_k_m", 107.0)}


def asked(
    choices: list[Choice],
    scores: dict[str, float] | list[Score],
    machine: Machine = CARD,
    *,
    question: Question = PLAIN,
    scales: tuple[str, ...] = ("a",),
    losses: dict[str, QuantisationLoss] = LOSSES,
) -> Recommendations:
    if isinstance(scores, dict):
        scores = [Score(repository=name, scale="a", value=value) for name, value in scores.items()]
    evaluations = Evaluations(scales=tuple(map(scale, scales)), scores=tuple(scores))
    return recommend(choices, capacity.of(machine), question, evaluations, losses)


def ids(found: Recommendations) -> list[str]:
    return [each.id for each in found.models]


def left_out(found: Recommendations) -> dict[str, LeftOutReason]:
    return {each.id: each.reason for each in found.left_out}


def the(found: Recommendations, name: str) -> LeftOut:
    return next(each for each in found.left_out if each.id == name)


def test_a_model_that_another_one_beats_in_everything_is_left_out_with_its_name() -> None:
    found = asked([choice("good"), choice("worse")], {"good": 60.0, "worse": 50.0})
    assert ids(found) == ["good"]
    worse = the(found, "worse")
    assert (worse.reason, worse.dominated_by, worse.quality) == ("dominated", "good", 50.0)
    assert found.exit_code == 0


def test_what_is_better_in_one_of_three_stays() -> None:
    better = choice("better", "13B")
    faster = choice("faster", "3B")
    longer = choice("longer", "3B", context=131_072)
    found = asked([better, faster, longer], {"better": 60.0, "faster": 40.0, "longer": 30.0})
    assert ids(found) == ["better", "faster", "longer"]
    assert found.models[2].longest_context is not None
    assert found.models[2].longest_context > (found.models[1].longest_context or 0)


def test_equals_both_stay_and_the_order_is_that_of_their_names() -> None:
    assert ids(asked([choice("b"), choice("a")], {"a": 50.0, "b": 50.0})) == ["a", "b"]


def test_the_one_that_beats_is_recommended_itself() -> None:
    found = asked([choice("c"), choice("b"), choice("a")], {"a": 70.0, "b": 60.0, "c": 50.0})
    assert ids(found) == ["a"]
    assert {each.dominated_by for each in found.left_out} == {"a"}


@pytest.mark.parametrize(
    ("prefer", "first"), [("balanced", "better"), ("quality", "better"), ("speed", "faster"), ("context", "longer")]
)
def test_what_is_preferred_comes_first(prefer: Any, first: str) -> None:
    choices = [choice("better", "13B"), choice("faster", "1B"), choice("longer", "3B", context=131_072)]
    wishes = Wishes(prefer=prefer)
    found = asked(choices, {"better": 60.0, "faster": 40.0, "longer": 50.0}, question=Question(wishes=wishes))
    assert ids(found)[0] == first
    if prefer == "context":
        assert {each.plan.context for each in found.models} == {LONG_CONTEXT}


# --- one scale ---


def test_figures_of_two_scales_never_stand_in_one_order() -> None:
    scores = [
        Score(repository="x", scale="a", value=10.0), Score(repository="y", scale="b", value=90.0),
        Score(repository="z", scale="a", value=20.0),
    ]  # fmt: skip
    found = asked([choice("x", "3B"), choice("y"), choice("z")], scores, scales=("a", "b"))
    assert found.scale is not None
    assert found.scale.id == "a"
    assert {each.quality.benchmark for each in found.models if each.quality is not None} == {"Benchmark a"}
    assert ids(found) == ["z", "x"]
    assert left_out(found)["y"] == "no-evidence"


def test_a_scale_that_covers_too_few_gives_way_to_the_one_that_covers_most() -> None:
    names = [f"m{number}" for number in range(7)]
    scores = [Score(repository=name, scale="b", value=50.0) for name in names]
    scores += [Score(repository=name, scale="a", value=50.0) for name in names[:2]]
    found = asked([choice(name) for name in names], scores, scales=("a", "b"))
    assert found.scale is not None
    assert found.scale.id == "b"
    scores.append(Score(repository=names[2], scale="a", value=50.0))
    enough = asked([choice(name) for name in names], scores, scales=("a", "b"))
    assert enough.scale is not None
    assert enough.scale.id == "a"


def test_of_two_settings_the_better_one_counts_and_is_named() -> None:
    scores = [
        Score(repository="x", scale="a", value=60.0, setting="thinking on"),
        Score(repository="x", scale="a", value=30.0, setting="thinking off"),
    ]
    quality = asked([choice("x")], scores).models[0].quality
    assert quality is not None
    assert (quality.value, quality.setting, quality.as_of) == (60.0, "thinking on", DAY)


def test_without_any_evidence_nothing_is_recommended() -> None:
    found = asked([choice("x")], {})
    assert (found.models, found.scale, found.exit_code) == ((), None, 1)
    assert left_out(found) == {"x": "no-evidence"}


def test_what_solved_nothing_is_not_recommended_for_its_speed() -> None:
    found = asked([choice("x"), choice("tiny", "1B")], {"x": 50.0, "tiny": 0.0})
    assert ids(found) == ["x"]
    assert left_out(found) == {"tiny": "solved-nothing"}


# --- what can be run ---


def test_reasons_that_need_no_plan() -> None:
    choices = [
        choice("other", tasks=("embed",)), choice("unknown", None), choice("short", context=4096),
        choice("huge", "405B"), choice("x"),
    ]  # fmt: skip
    found = asked(choices, {each.listed.repository: 50.0 for each in choices}, question=Question(context=16_384))
    assert left_out(found) == {
        "other": "wrong-task", "unknown": "shapes-unknown", "short": "short-context", "huge": "does-not-fit",
    }  # fmt: skip
    huge = the(found, "huge")
    assert (huge.needed_bytes or 0) > (huge.available_bytes or 0) > 0
    assert [each.plan.context for each in found.models] == [16_384]


def test_the_bound_never_leaves_out_what_fits() -> None:
    """The least that a model is said to need is less than what its plan takes."""
    for size in ("3B", "13B", "34B", "70B"):
        roomy = asked([choice("x", size)], {"x": 50.0}, hypothetical_machine("4x H100, 2 TB RAM").machine)
        plan = roomy.models[0].plan
        tight = asked([choice("x", size)], {"x": 50.0}, hypothetical_machine("cpu, 1 GB RAM").machine)
        needed = the(tight, "x").needed_bytes
        assert needed is not None
        assert needed < plan.memory.total


def test_too_slow_to_read_along_is_left_out_with_its_speed() -> None:
    found = asked([choice("x", "70B")], {"x": 50.0}, hypothetical_machine("cpu, 256 GB RAM").machine)
    slow = the(found, "x")
    assert slow.reason == "too-slow"
    assert 0 < (slow.tokens_per_second or 0) < READABLE == found.least_tokens_per_second
    assert found.exit_code == 1


def test_every_recommended_model_keeps_to_the_floor() -> None:
    choices = [choice(size, size) for size in ("1B", "3B", "7B", "13B", "34B", "70B")]
    found = asked(choices, {each.listed.repository: 50.0 for each in choices})
    assert found.models
    rates = [each.tokens_per_second for each in found.models]
    assert all(rate is not None and rate.expected >= READABLE for rate in rates)


def test_a_format_that_loses_much_is_not_proposed() -> None:
    small = hypothetical_machine("RTX 4070").machine
    assert ids(asked([choice("x", "13B")], {"x": 50.0}, small)) == ["x"]
    formats = ("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "awq", "nf4", "fp8", "int8")
    harsh = {name: loss(name, 150.0) for name in formats}
    found = asked([choice("x", "13B")], {"x": 50.0}, small, losses={**harsh, "iq4_xs": loss("iq4_xs", 101.0)})
    assert left_out(found) == {"x": "large-loss"}


def test_unknown_memory_is_not_a_no() -> None:
    unread = replace(CARD, gpus=None)
    found = asked([choice("x")], {"x": 50.0}, unread)
    assert (left_out(found), found.memory_known, found.exit_code) == ({"x": "memory-unknown"}, False, 3)


def test_nobody_reads_along_with_an_embedding_or_a_training() -> None:
    machine = hypothetical_machine("RTX 4090, 64 GB RAM").machine
    cases: tuple[tuple[Any, str], ...] = (("embed", "prompt"), ("finetune", "training"))
    for task, kind in cases:
        evaluations = Evaluations(
            scales=(replace(scale("a"), task=task),), scores=(Score(repository="x", scale="a", value=50.0),)
        )
        question = Question(task=task)
        found = recommend([choice("x", tasks=(task,))], capacity.of(machine), question, evaluations, LOSSES)
        assert (found.speed_of, found.least_tokens_per_second) == (kind, None)
        assert ids(found) == ["x"]
    assert found.models[0].plan.method in ("lora", "qlora")
    assert found.models[0].longest_context is None


def test_releases_of_the_same_shapes_are_planned_alike_and_named_apart() -> None:
    first = choice("a/one")
    second = Choice(listed=replace(first.listed, repository="b/two"), architecture=first.architecture, words=("b/two",))
    found = asked([first, second], {"a/one": 50.0, "b/two": 50.0})
    assert [each.plan.argv[2] for each in found.models] == ["a/one", "b/two"]
    assert found.models[0].plan.memory == found.models[1].plan.memory
    assert "b/two" in (found.models[1].plan.launch or ())


def test_an_answer_about_one_model() -> None:
    found = asked([choice("good"), choice("worse")], {"good": 60.0, "worse": 50.0})
    assert (ids(about(found, "good")), about(found, "good").left_out) == (["good"], ())
    no = about(found, "worse")
    assert (no.models, left_out(no), no.exit_code, no.why) == ((), {"worse": "dominated"}, 1, "worse")


def test_training_without_a_gpu_is_said_to_need_one() -> None:
    question = Question(task="finetune")
    machine = hypothetical_machine("cpu, 64 GB RAM").machine
    found = asked([choice("x", tasks=("finetune",))], {"x": 50.0}, machine, question=question)
    assert (left_out(found), found.exit_code) == ({"x": "no-gpu"}, 1)


def test_the_command_offers_every_task_and_preference() -> None:
    options = {each.name: each.type for each in command.params}
    assert isinstance(options["task"], click.Choice)
    assert tuple(options["task"].choices) == TASKS
    assert isinstance(options["prefer"], click.Choice)
    assert {*options["prefer"].choices, "balanced"} == set(get_args(Preference))


def test_what_lies_in_ram_at_an_unknown_speed_is_not_taken_for_fast_enough() -> None:
    assert CARD.gpus is not None
    unlisted = replace(CARD, gpus=tuple(replace(each, spec=None) for each in CARD.gpus))
    found = asked([choice("small"), choice("large", "70B")], {"small": 50.0, "large": 60.0}, unlisted)
    assert (ids(found), left_out(found)) == (["small"], {"large": "speed-unknown"})
    assert found.models[0].tokens_per_second is None


# --- downloads ---


def with_disk(free: int, *cached: CachedModel) -> Question:
    """On a disk with so many bytes free, and these models in the hub's cache."""
    hub = ModelCache(program="huggingface", path="/data", free=free, models=cached)
    return Question(wishes=Wishes(storage=downloads.storage(Machine(model_caches=(hub,)))))


def test_what_the_disk_has_no_space_for_comes_last_and_hides_nothing() -> None:
    choices, scores = [choice("small", "0.5B"), choice("large", "30B")], {"small": 20.0, "large": 70.0}
    assert ids(asked(choices, scores, question=with_disk(10**12)))[0] == "large"
    found = asked(choices, scores, question=with_disk(5 * 10**9))
    assert ids(found) == ["small", "large"]
    assert [bool(each.plan.download_short_bytes) for each in found.models] == [False, True]


def test_releases_with_the_same_shapes_are_told_apart_where_one_was_downloaded() -> None:
    shapes = choice("x/one").architecture
    choices = [replace(choice(name), architecture=shapes) for name in ("x/one", "x/two")]
    size = asked(choices[:1], {"x/one": 5.0}, question=with_disk(10**12)).models[0].plan.file_bytes
    assert size is not None
    here = CachedModel(repository="x/two", format="safetensors", bytes=size)
    found = asked(choices, {"x/one": 5.0, "x/two": 5.0}, question=with_disk(10**12, here))
    assert {each.id: each.plan.download_bytes for each in found.models} == {"x/one": size, "x/two": 0}
