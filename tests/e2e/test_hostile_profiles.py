"""Profiles that mean harm: refused in one line with exit code 2, and nothing of them is run or believed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Command, complaint

HEAD = 'id = "mine"\ntitle = "t"\ntask = "general"\nsources = ["x"]\n'
RAM = '[[require]]\nid = "ram"\nkind = "ram"\ntotal = "1 MB"\n'
WORDS = ("--machine", "2x RTX 4090, 64 GB RAM")
TEXT = '{type = "text", default = "'

HOSTILE = {
    "a circle": (HEAD + 'extends = "mine.toml"\n' + RAM, "extends itself"),
    "a million requirements": (HEAD + "require = [" + "{}," * 690_000 + "{}]\n", "tables"),
    "many tables": (HEAD + "[[require]]\n" * 170_000, "tables"),
    "nested lists": (HEAD + "x = " + "[" * 1000 + "]" * 1000 + "\n" + RAM, "recursion"),
    "nested parts": (HEAD + "[[require]]\nany_of = " + "[{any_of = " * 9 + "[]" + "}]" * 9 + "\n", "each other"),
    "a path out of the folder": (HEAD + 'extends = "../../../../../../etc/passwd"\n' + RAM, "neither the id"),
    "a variable that is text of itself": (
        HEAD + f'[vars]\na = {TEXT}{"x" * 4000}"}}\n' + "".join(
            f'[[require]]\nid = "r{number}"\nkind = "ram"\ntotal = "1 GB"\nwhy = "${{a}}"\n' for number in range(600)
        ),
        "2 MiB with its variables",
    ),
    "many variables": (
        HEAD + "[vars]\n" + "".join(f"a{number} = {{type = 'integer', default = 1}}\n" for number in range(2000)) + RAM,
        "at most 1,000",
    ),
    "control characters": (HEAD + '"\\u001b[31m\\nx" = 1\n' + RAM, "unknown key"),
    "a path of codes": (HEAD + '[[require]]\nid = "a"\nkind = "fact"\nfact = "\\u001b[0m"\neq = 1\n', "path"),
    "a number that is none": (HEAD + '[[require]]\nid = "a"\nkind = "fact"\nfact = "cpu.cores"\nge = nan\n', "number"),
    "shell text for a program": (HEAD + '[[require]]\nid = "a"\nkind = "command"\nargv = "rm -rf /"\n', "argv"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_profile_is_one_line(command: Command, text: str, words: str) -> None:
    (command.cwd / "mine.toml").write_text(text)
    done = command("check", "mine.toml", *WORDS)
    assert (done.code, done.out) == (2, "")
    line = complaint(done)
    assert words in line
    assert line.isprintable()
    assert len(line) < 700


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_only_a_file_is_extended(command: Command, kind: str) -> None:
    path = command.cwd / "base.toml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    (command.cwd / "mine.toml").write_text(HEAD + 'extends = "base.toml"\n' + RAM)
    done = command("check", "mine.toml", *WORDS)
    assert (done.code, done.out) == (2, "")
    assert "base.toml: " in complaint(done)


# --- programs ---


def asking(folder: Path, name: str = "mine.toml", **keys: Any) -> Path:
    """A profile whose program leaves a trace."""
    argv = ["sh", "-c", f"touch {folder}/ran"]
    document = {"id": "mine", "title": "t", "task": "general", "sources": ["x"], **keys}
    document["require"] = [{"id": "program", "kind": "command", "argv": argv}]
    (folder / name).write_text(json.dumps(document))
    return folder / name


needs_shell = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


@needs_shell
def test_the_program_of_a_file_that_was_named_is_started(command: Command) -> None:
    done = command("check", asking(command.cwd))
    assert done.code == 0, done.err
    assert (command.cwd / "ran").exists()


@needs_shell
@pytest.mark.parametrize("how", ["extended", "pipe", "writable by all", "saved machine", "words", "left out"])
def test_the_program_of_another_profile_is_not_started(command: Command, how: str) -> None:
    path = asking(command.cwd)
    words: tuple[str, ...] = (str(path),)
    if how == "extended":
        (command.cwd / "other.json").write_text(json.dumps({"id": "other", "extends": "mine.toml"}))
        words = ("other.json",)
    elif how == "writable by all":
        path.chmod(path.stat().st_mode | stat.S_IWOTH)
    elif how == "saved machine":
        (command.cwd / "m.json").write_text(json.dumps({"schema": "llmcheck.machine/1", "ram": {"total": 8}}))
        words = (str(path), "--machine", "m.json")
    elif how == "words":
        words = (str(path), *WORDS)
    elif how == "left out":
        words = (str(path), "--skip", "program")
    piped = how == "pipe"
    done = command.shell(f'cat "{path}" | "$@"', "check", "/dev/stdin") if piped else command("check", *words)
    assert done.code in (2, 3), done.err
    assert not (command.cwd / "ran").exists()


@needs_shell
def test_the_program_of_any_profile_is_started_where_that_is_allowed(command: Command) -> None:
    asking(command.cwd)
    (command.cwd / "other.json").write_text(json.dumps({"id": "other", "extends": "mine.toml"}))
    assert command("check", "other.json").code == 3
    assert command("check", "other.json", "--allow-exec").code == 0
    assert (command.cwd / "ran").exists()


@needs_shell
@pytest.mark.parametrize(
    ("script", "status", "message"),
    [
        ("exit 0", "pass", "it succeeds"),
        ("exit 1", "fail", "it says that this is not met"),
        ("exit 2", "unknown", "ended with 2"),
        ("exit 3", "unknown", "ended with 3"),
        ("exit 77", "unknown", "ended with 77"),
        ("kill -9 $$", "unknown", "ended with -9"),
        ("sleep 60", "unknown", "did not end within 0.5 s"),
        ("sleep 60 & exit 1", "fail", "not met"),
        ("yes | head -c 10000000; exit 1", "fail", "not met"),
        ("""echo '{"message": "three cards", "found": "3"}'; exit 1""", "fail", "three cards"),
        ("""printf %s '{"message": "\\u001b[31mred"}'""", "pass", "red"),
        ("""echo '{"message": 3}'; exit 1""", "fail", "not met"),
        ("echo '{'; exit 1", "fail", "not met"),
    ],
)
def test_a_program_answers_by_its_exit_code(command: Command, script: str, status: str, message: str) -> None:
    path = command.cwd / "mine.json"
    need = {"id": "p", "kind": "command", "argv": ["sh", "-c", script], "timeout": 0.5}
    document = {"id": "mine", "title": "t", "task": "general", "sources": ["x"], "require": [need]}
    path.write_text(json.dumps(document))
    (found,) = command("check", path, "--format", "json").document["profiles"][0]["findings"]
    assert found["status"] == status
    assert message in found["message"]


# --- values ---


def test_values_come_from_flags_the_environment_and_a_file(command: Command) -> None:
    (command.cwd / "mine.toml").write_text(
        HEAD + '[vars]\nram = {type = "size", default = "1 TB"}\n' + RAM.replace("1 MB", "${ram}")
    )
    (command.cwd / "v.toml").write_text('ram = "32 GB"\n')
    (command.cwd / "v.json").write_text('{"ram": "2 TB"}')
    assert command("check", "mine.toml", *WORDS).code == 1
    assert command("check", "mine.toml", *WORDS, "--vars", "v.toml").code == 0
    assert command("check", "mine.toml", *WORDS, "--vars", "v.json").code == 1
    assert command("check", "mine.toml", *WORDS, "--vars", "v.json", "--set", "ram=1 GB").code == 0
    shown = command("profiles", "show", "mine.toml", "--set", "ram=3 GB")
    assert "3 GB" in shown.out
    for flags in (["--set", "ram=80"], ["--set", "rma=1 GB"], ["--vars", "none.toml"], ["--set", "ram"]):
        done = command("check", "mine.toml", *WORDS, *flags)
        assert (done.code, done.out) == (2, "")
        assert complaint(done)
