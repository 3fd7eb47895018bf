"""The tools for writing a profile, as one uses them in a folder of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .command import Command, complaint

MACHINES = Path(__file__).resolve().parents[1] / "machines"
NODE = (
    'id = "node"\ntitle = "Our node"\ntask = "general"\nsources = ["us"]\n'
    '[[require]]\nid = "gpu"\nkind = "gpu"\nmemory = "24 GB"\nwhy = "the model <b>fills</b> it"\n'
    '[[require]]\nid = "ram"\nkind = "ram"\ntotal = "32 GB"\nfix = "buy some"\n'
)


@pytest.fixture
def run(tmp_path: Path) -> Command:
    folder = tmp_path / "work"
    machines = folder / "node.tests"
    machines.mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (folder / "node.toml").write_text(NODE)
    shutil.copy(MACHINES / "2x4090.json", machines / "passing-2x4090.json")
    shutil.copy(MACHINES / "rtx3060.json", machines / "failing-small-card.json")
    shutil.copy(MACHINES / "driver-unknown-error.json", machines / "undetermined-driver.json")
    (machines / "expected.toml").write_text('failing-small-card = ["gpu"]\nundetermined-driver = ["gpu"]\n')
    return Command(home=tmp_path / "home", cwd=folder)


def test_machines_that_are_judged_as_their_names_say(run: Command) -> None:
    done = run("profiles", "test", "node.toml", "--format", "json")
    (test,) = done.document["tests"]
    assert done.code == 0
    assert {each["file"]: each["verdict"] for each in test["machines"]} == {
        "failing-small-card.json": "not-ready",
        "passing-2x4090.json": "ready",
        "undetermined-driver.json": "undetermined",
    }
    assert test["never_failing"] == ["ram"]


def test_another_verdict_and_another_reason_are_both_wrong(run: Command) -> None:
    expected = run.cwd / "node.tests" / "expected.toml"
    expected.write_text('failing-small-card = ["gpu", "ram"]\n')
    (run.cwd / "node.tests" / "passing-2x4090.json").rename(run.cwd / "node.tests" / "failing-2x4090.json")
    done = run("profiles", "test", "node.toml")
    assert done.code == 1
    assert "failing-2x4090.json: expected not ready, judged ready" in done.out
    assert "failing-small-card.json: expected and not so: ram" in done.out
    assert 'undetermined-driver = ["gpu"]' in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("expected.toml", 'failing-small = ["gpu"]', "there is no machine 'failing-small' (did you mean"),
        ("expected.toml", 'failing-small-card = ["gpus"]', "expects 'gpus', which is no requirement of node.toml"),
        ("expected.toml", "failing-small-card = 3", "expected `array`"),
        ("other.json", "{}", "other.json: its name says no verdict; save machines there with"),
        ("passing-x.json", "{}", "passing-x.json: it names no schema"),
    ],
)
def test_a_folder_of_tests_that_is_wrong_is_nothing_tested(run: Command, name: str, text: str, problem: str) -> None:
    (run.cwd / "node.tests" / name).write_text(text)
    done = run("profiles", "test", "node.toml")
    assert done.code == 2
    assert problem in complaint(done)


def test_a_profile_without_machines_says_how_they_are_made(run: Command) -> None:
    shutil.rmtree(run.cwd / "node.tests")
    assert "it has no machines of its own; save machines there" in complaint(run("profiles", "test", "node.toml"))


def test_the_profiles_of_the_project_are_tested_and_described(run: Command) -> None:
    (run.cwd / "llmcheck.toml").write_text('profiles = ["node.toml"]\n')
    assert run("profiles", "test").code == 0
    assert run("profiles", "docs").out.startswith("# Our node\n")
    (run.cwd / "llmcheck.toml").unlink()
    assert "which PROFILE?" in complaint(run("profiles", "test"))


def test_the_page_has_each_requirement_with_its_reason_and_nothing_that_is_markup(run: Command) -> None:
    page = run("profiles", "docs", "node.toml").out
    assert r"| gpu | 24 GB | the model \<b\>fills\</b\> it |  |" in page
    assert "| ram | 32 GB |  | buy some |" in page
    assert "llmcheck check node.toml" in page


def test_the_difference_is_the_exit_code(run: Command) -> None:
    (run.cwd / "more.toml").write_text(NODE.replace("24 GB", "48 GB"))
    assert run("profiles", "diff", "node.toml", "node.toml").code == 0
    done = run("profiles", "diff", "node.toml", "more.toml", "--format", "json")
    assert done.code == 1
    assert [(each["requirement"], each["key"]) for each in done.document["changed"]] == [("gpu", "memory")]
    assert complaint(run("profiles", "diff", "node.toml", "missing.toml")).startswith("missing.toml: No such file")
