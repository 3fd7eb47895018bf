"""Profiles of the language on the real command: what a person and a pipeline see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.command import Command

HEAD: dict[str, Any] = {"id": "mine", "title": "t", "task": "general", "sources": ["x"]}
RAM = {"id": "ram", "kind": "ram", "total": "1 MB", "tags": ["memory"]}
WORDS = ("--machine", "2x RTX 4090, 64 GB RAM")


def write(command: Command, *require: dict[str, Any], **keys: Any) -> str:
    (command.cwd / "mine.json").write_text(json.dumps({**HEAD, **keys, "require": require}))
    return "mine.json"


def test_an_expired_profile_says_so_and_keeps_its_exit_code(command: Command) -> None:
    for format_ in ("text", "markdown", "svg"):
        done = command("check", write(command, RAM, expires="2026-01-31"), *WORDS, "--format", format_)
        assert done.code == 0
        assert "2026-01-31" in done.out
    later = command("check", write(command, RAM, expires="9999-01-01"), *WORDS)
    assert (later.code, "9999" in later.out) == (0, False)


def test_a_profile_for_other_machines_checks_nothing_and_says_why(command: Command) -> None:
    done = command("check", write(command, RAM, when={"vendor": ["amd"]}), *WORDS)
    assert done.code == 2
    assert "this profile is for GPUs of amd, and here is nvidia" in " ".join(done.out.split())


def test_tags_select_and_an_unknown_one_is_named(command: Command) -> None:
    other = {"id": "much", "kind": "ram", "total": "1 PB"}
    path = write(command, RAM, other)
    assert command("check", path, *WORDS).code == 1
    assert command("check", path, *WORDS, "--only", "memory").code == 0
    wrong = command("check", path, *WORDS, "--only", "memry")
    assert wrong.code == 2
    assert "did you mean 'memory'" in wrong.err
    assert "tags: memory" in wrong.err


@pytest.mark.parametrize("format_", ["text", "json", "markdown", "svg"])
def test_every_format_shows_joined_and_unknown_lines(command: Command, format_: str) -> None:
    joined = {"id": "either", "any_of": [{"kind": "ram", "total": "1 PB"}, {"kind": "ram", "total": "100 GB"}]}
    unread = {"id": "unread", "kind": "fact", "fact": "fabric.ports[*].active", "eq": True}
    markup = {"id": "markup", "kind": "ram", "total": "1 PB", "fix": "<b>`$(id)`</b> \u001b[31m"}
    done = command("check", write(command, joined, unread, markup), *WORDS, "--format", format_)
    assert done.code == 1
    assert all(word in done.out for word in ("either", "unread", "markup"))
    assert "\x1b" not in done.out
    if format_ == "json":
        either, open_, _ = done.document["profiles"][0]["findings"]
        assert (either["kind"], either["nearest"]["place"]) == ("group", "any_of[1]")
        assert (open_["status"], open_["skipped"], open_["tags"]) == ("skipped", "not-stated", [])


def test_facts_of_this_machine_are_judged(command: Command) -> None:
    lines: list[dict[str, Any]] = [
        {"id": "os", "kind": "fact", "fact": "os.system", "in": ["linux", "darwin", "windows"]},
        {"id": "threads", "kind": "cpu", "threads": 1},
        {"id": "home", "kind": "environment-variable", "name": "HF_TOKEN", "eq": "hf_secret"},
        {"id": "gone", "kind": "file", "path": "no/such/file", "absent": True},
    ]
    done = command("check", write(command, *lines), "--format", "json", env={"HF_TOKEN": "hf_other"})
    assert [each["status"] for each in done.document["profiles"][0]["findings"]] == ["pass", "pass", "fail", "pass"]
    assert "hf_other" not in done.out
