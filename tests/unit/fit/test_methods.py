"""Methods and machines side by side: what each row says is what the single command says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from llmcheck.cli.main import main
from llmcheck.fit.options import difference
from llmcheck.schema.workload import Workload

CARDS = "2x RTX 4090, 64 GB RAM"


def run(*words: str, code: int) -> Any:
    done = CliRunner().invoke(main, [*words, "--format", "json"], standalone_mode=False, prog_name="llmcheck")
    assert done.exception is None, done.output
    assert done.return_value == code
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("model", "words", "more", "verdicts", "code"),
    [
        ("qwen2.5-7b", CARDS, (), ["does-not-fit", "fits-with-offload", "fits", "fits"], 0),
        ("llama-3.1-70b", "cpu, 32 GB RAM", (), ["does-not-fit"] * 4, 1),
        # an optimizer that is named is that of every method: there is one row of full fine-tuning
        ("7B", "RTX 3060, 32 GB RAM", ("--optimizer", "adamw-8bit"), ["does-not-fit", "does-not-fit", "fits"], 0),
        ("7B", "A100-SXM4-80GB", ("--lora-rank", "64", "--tokens", "10M"), ["does-not-fit", "fits", "fits", "fits"], 0),
    ],
)
def test_every_method_says_what_it_says_alone(
    model: str, words: str, more: tuple[str, ...], verdicts: list[str], code: int
) -> None:
    given = ("fit", model, "--method", "all", "--machine", words, *more)
    found = run(*given, code=code)
    assert found["schema"] == "llmcheck.fit-methods/1"
    assert [each["verdict"] for each in found["methods"]] == verdicts
    for row in found["methods"]:
        fits = row["verdict"].startswith("fits")
        by_options = [*given, *row["options"]] if row["options"] else row["argv"][1:]
        assert row["options"] or (row["method"] == "full" and "--lora-rank" in more)
        for argv in (row["argv"][1:], by_options):
            alone = run(*argv, code=0 if fits else 1)
            assert (alone["verdict"], alone["memory"]["total"]) == (row["verdict"], row["memory"]["total"])
            if fits:
                assert alone["speed"]["train"] == row["tokens_per_second"] == row["plan"]["tokens_per_second"]
                assert alone["speed"]["days"] == row["days"]
        assert (row["plan"] is None) is not fits
        if row["short_bytes"] is not None:
            share = alone["per_gpu"][0]
            assert row["short_bytes"] == max(each["memory"]["total"] - each["free"] for each in alone["per_gpu"]), share


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("7B", "--method", "all", "--weights", "nf4"), "leave out --weights"),
        (("7B", "--method", "all", "--kv-cache", "fp8"), "--kv-cache is for inference"),
        (("7B", "--method", "all", "--grid", "300"), "--grid is for one method"),
        (("7B", "--method", "all", "--machine", "RTX 3090"), "--method all is for one machine"),
        (("--machine", "RTX 3090"), "without MODEL it is for one machine"),
        (("7B", "--machine", "-", "--machine", "-"), "standard input can be read once"),
    ],
)
def test_what_cannot_be_compared_is_refused(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, ["fit", *words, "--machine", CARDS], standalone_mode=False)
    assert said in str(done.exception)


@pytest.mark.parametrize(
    ("model", "machines", "verdicts", "code"),
    [
        ("llama-3.1-8b", (CARDS, "RTX 3060, 32 GB RAM"), ["fits", "fits"], 0),
        ("llama-3.1-70b", (CARDS, "RTX 3060, 16 GB RAM"), ["fits", "does-not-fit"], 1),
        ("7B", (CARDS, "tests/machines/gb10.json"), ["fits", "unknown"], 3),
        ("llama-3.1-405b", ("RTX 4090", "tests/machines/gb10.json"), ["does-not-fit", "unknown"], 1),
    ],
)
def test_machines_are_compared(model: str, machines: tuple[str, ...], verdicts: list[str], code: int) -> None:
    options = [part for each in machines for part in ("--machine", each)]
    found = run("fit", model, *options, code=code)
    assert [each["given"] for each in found["machines"]] == list(machines)
    assert [each["verdict"] for each in found["machines"]] == verdicts
    for row in found["machines"]:
        alone = run("fit", model, "--machine", row["given"], code={"fits": 0, "does-not-fit": 1}.get(row["verdict"], 3))
        alone.pop("saved_machines", None)  # of several machines they are listed once
        assert row["fit"] == alone
        assert all(["--machine", row["given"]] == plan["argv"][3:5] for plan in row["fit"]["plans"])


def test_a_runtime_that_does_not_run_on_one_machine_is_the_answer_there() -> None:
    words = ("fit", "llama-3.1-8b", "--runtime", "vllm", "--machine", "m3-max 64GB")
    found = run(*words, "--machine", CARDS, code=1)
    assert [each["verdict"] for each in found["machines"]] == ["does-not-fit", "fits"]
    assert found["machines"][0]["fit"] is None
    assert "vllm runs on Linux" in found["machines"][0]["reason"]
    done = CliRunner().invoke(main, [*words, "--machine", "m3-max 36GB"], standalone_mode=False)
    assert "vllm runs on Linux" in str(done.exception)


def test_the_preference_reaches_the_planner() -> None:
    words = ("fit", "llama-3.1-8b", "--machine", "RTX 3060, 32 GB RAM")
    longest = run(*words, "--prefer", "context", code=0)["plans"][0]
    finest = run(*words, "--prefer", "quality", code=0)["plans"][0]
    usual = run(*words, code=0)["plans"][0]
    assert longest["context"] == 32_768 > usual["context"]
    assert (finest["weights"], finest["loss"]) == ("bf16", "lossless")
    assert run(*words, "--context", "32k", code=0)["workload"]["context"] == 32_768


def test_options_are_added_to_those_that_were_given() -> None:
    given = Workload(method="inference", runtime="vllm", context=4096, batch=4)
    assert difference(given, given) == ()
    changed = Workload(method="inference", runtime="llama.cpp", weights="q8_0", context=4096)
    assert difference(given, changed) == ("--runtime", "llama.cpp", "--weights", "q8_0", "--batch", "1")
