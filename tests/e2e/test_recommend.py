"""``llmcheck recommend``: exit codes, the names that scripts read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import Command, complaint

MACHINES = Path(__file__).parents[1] / "machines"
PLAN = {"runtime", "weights", "context", "verdict", "memory", "tokens_per_second", "argv", "launch"}
CARD = ("--machine", "RTX 3060, 32 GB RAM")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (CARD, 0),
        (("--machine", "cpu, 1 GB RAM", "--task", "code"), 1),
        (("--machine", MACHINES / "gb10.json"), 3),
        (("--machine", MACHINES / "driver-unknown-error.json"), 3),
        ((*CARD, "--why", "Qwen3.5-9B"), 0),
        ((*CARD, "--why", "moonshotai/Kimi-K2.6"), 1),
    ],
)
def test_exit_code_is_the_same_in_every_format(command: Command, words: tuple[str | Path, ...], code: int) -> None:
    for format_ in ("text", "json", "markdown"):
        done = command("recommend", *words, "--format", format_)
        assert done.code == code, done.err
        assert done.out


def test_document_has_the_names_that_scripts_read(command: Command) -> None:
    found = command("recommend", *CARD, "--format", "json").document
    assert found["schema"] == "llmcheck.recommend/1"
    for row in found["models"]:
        plan, quality = row["plan"], row["quality"]
        assert {"runtime", "weights", "context", "verdict", "memory", "tokens_per_second", "argv", "launch"} <= set(
            plan
        )
        assert plan["argv"][:2] == ["llmcheck", "fit"]
        assert plan["memory"]["total"] > 0
        assert {"value", "benchmark", "source", "as_of"} <= set(quality)
        assert {"licence", "gated"} <= set(row)
    assert {"id", "reason"} <= set(found["left_out"][0])
    assert len({row["quality"]["benchmark"] for row in found["models"]}) == 1


def test_fit_without_a_model_says_the_same(command: Command) -> None:
    assert command("fit", *CARD).out == command("recommend", *CARD).out
    longer = command("fit", *CARD, "--context", "32768", "--format", "json").document
    assert longer == command("recommend", *CARD, "--context", "32k", "--format", "json").document
    assert {row["plan"]["context"] for row in longer["models"]} == {32_768}


def test_the_source_of_the_figures_is_named(command: Command) -> None:
    found = command("recommend", *CARD, "--format", "json").document
    shown = " ".join(command("recommend", *CARD).out.split())
    assert found["scale"]["terms"] in shown
    assert found["scale"]["as_of"] in shown
    assert found["scale"]["benchmark"] in shown


def test_verbose_names_every_model_of_the_task_that_is_left_out(command: Command) -> None:
    found = command("recommend", *CARD, "--format", "json").document
    shown = command("recommend", *CARD, "-v", "--format", "markdown").out.replace("\\", "")
    assert all(each["id"] in shown for each in found["left_out"] if each["reason"] != "wrong-task")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--context", "3x2"), ["--context", "32k"]),
        (("--context", "0"), ["--context"]),
        (("--context", "9999999M"), ["--context"]),
        (("--why", "qwen3.5-9"), ["--why", "nearest", "qwen3.5-9b"]),
        (("--task", "poetry"), ["--task", "chat"]),
    ],
)
def test_what_is_not_understood_is_one_line(command: Command, words: tuple[str, ...], said: list[str]) -> None:
    done = command("recommend", "--machine", MACHINES / "rtx3060.json", *words)
    assert done.code == 2
    line = complaint(done)
    assert all(word in line for word in said)
