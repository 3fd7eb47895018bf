"""``llmcheck cloud``: a tier or a model, never both; ``--all-tiers`` is ``--all``; what it prints runs."""

from __future__ import annotations

import json
import re
import shlex

import click
import pytest
from click.testing import CliRunner, Result

from llmcheck.cli.main import main


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["cloud", *words], prog_name="llmcheck", standalone_mode=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--hours", "3"), ["--hours", "llmcheck profiles list", "--model MODEL"]),
        (("--launch", "sky"), ["--launch", "--model MODEL"]),
        (("inference-7b", "--gpu", "h100"), ["--gpu", "catalogue", "inference-7b"]),
        (("inference-7b", "--hours", "3", "--tokens", "2M"), ["--hours and --tokens"]),
        (("--live", "--offers", "a.csv"), ["--offers and --live"]),
        (("inference-7b", "--target-tokens-per-second", "9"), ["--target-tokens-per-second", "add --model MODEL"]),
        (("inference-7b", "--model", "7B"), ["inference-7b", "--model", "not both"]),
        (("--method", "lora"), ["--method", "add --model MODEL"]),
        (("--context", "8k"), ["--context", "add --model MODEL"]),
        (("inference-7b", "--weights", "q4_k_m"), ["--weights", "add --model MODEL", "the tier 'inference-7b'"]),
        (("--model", " "), ["--model is empty"]),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(words: tuple[str, ...], expected: list[str]) -> None:
    error = run(*words).exception
    assert isinstance(error, click.UsageError)
    message = error.format_message()
    assert "\n" not in message
    assert [part for part in expected if part not in message] == []


def test_all_tiers_is_all() -> None:
    every, alias, usual = (
        json.loads(run("minimum", *more, "--format", "json").stdout) for more in (["--all"], ["--all-tiers"], [])
    )
    assert every == alias
    assert len(usual["offers"]) < len(every["offers"])
    assert "community" in {each["offer"]["tier"] for each in every["offers"]}


@pytest.mark.parametrize(
    "words", [("inference-13b-30b",), ("--model", "llama-3.1-8b", "--method", "lora"), ("pretrain",)]
)
def test_the_printed_commands_run(words: tuple[str, ...]) -> None:
    commands = re.findall(r"^  (llmcheck .*)$", run(*words).output, re.MULTILINE)
    assert commands
    for command in commands:
        done = CliRunner().invoke(main, shlex.split(command)[1:], prog_name="llmcheck", standalone_mode=False)
        assert done.exception is None, command
        assert done.return_value in (0, 3), command  # 3: check does not know the disk of an offer


def test_a_model_that_fits_nowhere_ends_with_1() -> None:
    done = run("--model", "5T", "--method", "full")
    assert done.return_value == 1
    assert "no offer in the table runs it" in done.output


def test_keys_of_a_tier_stay() -> None:
    offers = json.loads(run("inference-7b", "--format", "json").stdout)
    assert {"schema", "profile", "offers", "documented", "notes"} <= set(offers)
    old = {"offer", "passes", "fits_by_arithmetic", "nodes", "price_hour", "unknown", "warnings", "corrections"}
    assert old | {"plan", "runs", "computed", "machine", "argv", "usd_per_million_tokens"} <= set(offers["offers"][0])
    plan = offers["offers"][0]["plan"]
    assert {"runtime", "weights", "context", "tokens_per_second", "memory", "verdict"} <= set(plan)
