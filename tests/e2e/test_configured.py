"""``llmcheck check`` alone in a repository: what its file and the environment set, and what the command changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .command import Command, complaint

NODE = 'id = "node"\ntitle = "Node"\ntask = "general"\nsources = ["us"]\n[[require]]\nid = "ram"\nkind = "ram"\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "deep").mkdir()
    (root / "node.toml").write_text(f'{NODE}total = "1 MB"\n')
    (root / "llmcheck.toml").write_text('profiles = ["node.toml"]\nfail-on = "warn"\n')
    return root


@pytest.fixture
def check(tmp_path: Path, repository: Path) -> Command:
    (tmp_path / "home").mkdir()
    return Command(home=tmp_path / "home", cwd=repository)


def test_check_alone_judges_what_the_file_names_and_says_what_was_read(check: Command, repository: Path) -> None:
    done = check("check", "--format", "json")
    assert done.code == 0
    assert [each["id"] for each in done.document["profiles"]] == ["node"]
    assert done.err == "llmcheck: llmcheck.toml: profiles ./node.toml; fail-on warn\n"
    below = check("check", "--format", "json", cwd=repository / "deep")
    assert [each["path"] for each in below.document["profiles"]] == ["../node.toml"]


def test_an_option_comes_before_a_variable_and_that_before_the_file(check: Command, repository: Path) -> None:
    (repository / "other.toml").write_text(f'{NODE}total = "4000 PB"\n'.replace('"node"', '"other"'))
    by_variable = check("check", "--format", "json", env={"LLMCHECK_PROFILES": "other.toml"})
    assert (by_variable.code, by_variable.document["profiles"][0]["id"]) == (1, "other")
    assert "LLMCHECK_PROFILES: profiles other.toml" in by_variable.err
    by_word = check("check", "minimum", "--format", "json", env={"LLMCHECK_PROFILES": "other.toml"})
    assert by_word.document["profiles"][0]["id"] == "minimum"
    assert by_word.err == "llmcheck: llmcheck.toml: fail-on warn\n"


def test_what_a_project_skips_is_not_skipped_of_profiles_that_a_person_names(check: Command, repository: Path) -> None:
    (repository / "llmcheck.toml").write_text('profiles = ["node.toml"]\nskip = ["hardware"]\n')
    (repository / "failing.toml").write_text(f'{NODE}total = "4000 PB"\n')
    assert check("check").code == 2
    assert check("check", "failing.toml").code == 1
    assert check("check", "failing.toml", "--skip", "hardware").code == 2


def test_a_folder_of_the_file_is_judged_unless_the_machine_is_another(check: Command, repository: Path) -> None:
    (repository / "models").mkdir()
    (repository / "llmcheck.toml").write_text('profiles = ["minimum"]\npath = "models"\n')
    done = check("check", "--format", "json", cwd=repository / "deep")
    assert str(repository / "models") in {each["path"] for each in done.document["machine"]["disks"]}
    other = check("check", "--machine", "2x RTX 4090, 64 GB RAM, 1 TB disk")
    assert other.code == 0
    assert "path" not in other.err.splitlines()[0]
    (repository / "models").rmdir()
    assert "llmcheck.toml: path: there is no folder models" in check("check").err


def test_the_file_can_be_named_or_left_out(check: Command, repository: Path) -> None:
    (repository / "llmcheck.toml").write_text("nonsense = 1\n")
    (repository / "ci.toml").write_text('profiles = ["node.toml"]\n')
    assert "unknown key 'nonsense'" in complaint(check("check"))
    assert check("check", "--config", "ci.toml").code == 0
    assert check("check", "node.toml", "--config", "none").code == 0
    assert "which PROFILE?" in complaint(check("check", "--config", "none"))
    assert "no.toml" in complaint(check("check", "--config", "no.toml"))


def test_the_file_is_not_replaced_by_the_answer(check: Command, repository: Path) -> None:
    before = (repository / "llmcheck.toml").read_bytes()
    assert "this command reads that file" in complaint(check("check", "--format", "json", "--output", "llmcheck.toml"))
    assert (repository / "llmcheck.toml").read_bytes() == before


def test_other_commands_do_not_read_it(check: Command, repository: Path) -> None:
    (repository / "llmcheck.toml").write_text("nonsense = 1\n")
    assert check("profiles", "list").err == ""


def test_values_for_the_variables_are_those_of_its_own_profiles(check: Command, repository: Path) -> None:
    variable = '[vars.most]\ntype = "size"\ndefault = "1 MB"\n'
    (repository / "node.toml").write_text(NODE.replace("[[", f"{variable}[[", 1) + 'total = "${most}"\n')
    (repository / "llmcheck.toml").write_text('profiles = ["node.toml"]\n[vars]\nmost = "4000 PB"\n')
    done = check("check")
    assert (done.code, done.err) == (1, "llmcheck: llmcheck.toml: profiles ./node.toml; vars most\n")
    assert check("check", "--set", "most=2 MB").code == 0
    assert check("check", env={"LLMCHECK_VAR_MOST": "2 MB"}).code == 0
    assert check("check", "node.toml").code == 0


def test_what_a_variable_skips_holds_whoever_names_the_profiles(check: Command) -> None:
    assert check("check", "node.toml", env={"LLMCHECK_SKIP": "hardware"}).code == 2
    assert check("check", env={"LLMCHECK_SKIP": "hardware"}).code == 2


@pytest.mark.skipif(os.name == "nt", reason="a shell script is started")
def test_a_file_of_a_project_starts_no_program(check: Command, repository: Path) -> None:
    (repository / "trap.sh").write_text("#!/bin/sh\n: > sprung\n")
    (repository / "trap.sh").chmod(0o755)
    argv = f'argv = ["{repository / "trap.sh"}"]'
    head = NODE.partition("[[")[0]
    (repository / "node.toml").write_text(f'{head}[[require]]\nid = "trap"\nkind = "command"\n{argv}\n')
    done = check("check", "--format", "json")
    assert done.code == 3
    assert "was not started" in done.document["profiles"][0]["findings"][0]["message"]
    assert not (repository / "sprung").exists()
    assert check("check", "node.toml").code == 0
    assert (repository / "sprung").exists()
