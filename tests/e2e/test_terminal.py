"""On a pseudo-terminal: colour, width, and the line that says that it is still working."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from llmcheck import shell

from .command import HANG_GUARD, LLMCHECK, Command

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(
    command: Command, *words: str | Path, env: Mapping[str, str | None] | None = None, columns: int = 80
) -> tuple[int, str]:
    """The exit code and all that the terminal got, of both streams."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*LLMCHECK, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=command.environment({"TERM": "xterm-256color", **(env or {})}),
        cwd=command.cwd,
    )
    os.close(theirs)
    got = bytearray()
    with contextlib.suppress(OSError):  # Linux answers EIO when the last writer is gone
        while data := os.read(ours, 1 << 16):
            got += data
    os.close(ours)
    return process.wait(timeout=HANG_GUARD), got.decode("utf-8").replace("\r\n", "\n")


@pytest.fixture
def saved(driver: Callable[..., Command]) -> Command:
    """A command whose working directory has the machine file m.json."""
    here = driver("2x4090")
    assert here("machine", "--format", "json", "--output", "m.json").code == 0
    return Command(here.home, here.cwd)


SCREENS = [
    ("--machine", "m.json"),
    ("check", "inference-70b-4bit", "finetune-13b-30b", "--machine", "m.json"),
    ("machine", "-v", "--machine", "m.json"),
    ("install", "finetune-7b", "--machine", "m.json"),
    ("cloud", "inference-70b"),
    ("profiles", "list"),
    ("profiles", "show", "inference-70b-4bit"),
    ("libraries", "list"),
    ("libraries", "show", "vllm"),
]
by_words = pytest.mark.parametrize("words", SCREENS, ids=" ".join)


@by_words
def test_colour_on_a_terminal_and_none_where_it_is_refused(saved: Command, words: tuple[str, ...]) -> None:
    code, colored = on_terminal(saved, *words)
    assert COLOR.search(colored)
    plain = "".join(f"{line.rstrip()}\n" for line in COLOR.sub("", colored).splitlines())
    for more, env in ((("--no-color",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"})):
        found, screen = on_terminal(saved, *words, *more, env=env)
        assert (found, without_minute(screen)) == (code, without_minute(plain))


@by_words
def test_pipe_gets_the_same_text_without_escapes(saved: Command, words: tuple[str, ...]) -> None:
    piped = saved(*words, env={"TERM": "xterm-256color"})
    assert "\x1b" not in piped.out
    assert without_minute(piped.out) == without_minute(on_terminal(saved, *words, "--no-color")[1])


def without_minute(screen: str) -> str:
    """Two runs may lie on both sides of a full minute."""
    return re.sub(r"\d\d:\d\d UTC", "", screen)


def commands_in(document: Any, key: str = "") -> set[str]:
    """Every value in a JSON document that is a command to paste, whatever its place."""
    if isinstance(document, dict):
        return set().union(*(commands_in(value, name) for name, value in document.items()))
    if key in ("launch", "install") and isinstance(document, list):
        return {shell.line(document), f"{shell.line(document)} | sh"}
    if isinstance(document, list) and key == "argv":
        return {shlex.join(document)}
    if isinstance(document, list):
        return set().union(*(commands_in(value, key) for value in document))
    return {document} if key in ("command", "undo", "documented", "advised") and isinstance(document, str) else set()


@by_words
@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("told_by", ["COLUMNS", "terminal"])
def test_width_is_kept_by_all_but_commands(saved: Command, words: tuple[str, ...], columns: int, told_by: str) -> None:
    whole = commands_in(saved(*words, "--format", "json").document)
    env = {"COLUMNS": str(columns)} if told_by == "COLUMNS" else {}
    code, text = on_terminal(saved, *words, "--no-color", env=env, columns=columns if told_by == "terminal" else 120)
    assert code in (0, 1)
    long = [line for line in text.splitlines() if cell_len(line) > columns and line.strip() not in whole]
    assert long == []


def test_a_wide_terminal_is_used(saved: Command) -> None:
    widths = {
        columns: max(
            map(cell_len, on_terminal(saved, "libraries", "list", "--no-color", columns=columns)[1].split("\n"))
        )
        for columns in (80, 160)
    }
    assert widths[160] > 80 >= widths[80]


@pytest.mark.parametrize("columns", ["1", "0", "-5", "none", "100000"])
def test_odd_widths(saved: Command, columns: str) -> None:
    for words in SCREENS[:2]:
        done = saved(*words, env={"COLUMNS": columns})
        assert done.err == ""
        assert "4090" in done.out


def test_c_locale_on_a_terminal(saved: Command) -> None:
    _, text = on_terminal(saved, "--machine", "m.json", env={"LC_ALL": "C"})
    assert text.isascii()
    assert COLOR.search(text)


def test_json_on_a_terminal_is_plain(saved: Command) -> None:
    assert "\x1b" not in on_terminal(saved, "--machine", "m.json", "--format", "json")[1]


def test_complaint_on_a_terminal_is_one_line(command: Command) -> None:
    code, text = on_terminal(command, "check", "no-such-profile")
    assert (code, len(text.splitlines())) == (2, 1)
    assert text.startswith("llmcheck: ")


def test_waiting_is_told_and_wiped(driver: Callable[..., Command]) -> None:
    code, text = on_terminal(driver("hang-init"), "check", "inference-7b", "--only", "ram", "--probe-timeout", "2")
    before, wiped, after = text.partition("\r\x1b[K")
    assert code in (0, 1)
    assert "inspecting" in before
    assert wiped
    assert "inspecting" not in after
    assert "inference-7b" in after


def test_terminal_that_says_nothing_of_itself(saved: Command) -> None:
    code, text = on_terminal(saved, "--machine", "m.json", env={"TERM": None}, columns=0)
    assert code == 0
    assert "RTX 4090" in ESCAPE.sub("", text)
