"""It writes nothing, uses no network, and runs nothing but the interpreter that it was told to ask."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .command import HANG_GUARD, LLMCHECK, Command

RUNS = [
    ("--format", "json"),
    ("check", "inference-70b", "--format", "json"),
    ("machine", "-v"),
    ("install", "toolkit"),
    ("cloud", "inference-70b"),
    ("libraries", "list"),
    ("profiles", "schema"),
    ("profiles", "new", "--from-machine"),
    ("profiles", "lint", "inference-7b"),
    ("explain", "gpu"),
]
by_words = pytest.mark.parametrize("words", RUNS, ids=" ".join)

# Python tells an audit hook of every socket, every file that is opened, every command; children inherit the hook.
WATCH = """
import os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
import json
def hook(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.")) or event in (
        "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.mkdir", "os.remove", "os.rename",
        "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate", "os.utime", "tempfile.mkstemp",
    ):
        os.write(log, (json.dumps([event, repr(arguments)]) + "\\n").encode())
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        if arguments[0] != os.devnull:
            os.write(log, (json.dumps([event, repr(arguments)]) + "\\n").encode())
sys.addaudithook(hook)
sys.argv[:] = ["llmcheck", *sys.argv[2:]]
from llmcheck.__main__ import main
main()
"""


def watched(command: Command, tmp_path: Path, *words: str | Path) -> tuple[int, list[Any]]:
    """The exit code, and the events by which a run touched more than it may."""
    log = tmp_path / "events"
    program = (sys.executable, "-c", WATCH, log)
    # coverage writes its own files
    env = {"PYTHONDONTWRITEBYTECODE": "1", "COVERAGE_PROCESS_CONFIG": None}
    done = command(*words, env=env, program=program)
    assert done.err in ("", "llmcheck: wrote out.txt (text)\n")
    return done.code, [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


@by_words
def test_no_file_is_written(command: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = command(*words, env={"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(scratch)})
    assert done.err == ""
    assert done.raw
    for folder in (command.home, command.cwd, scratch):
        assert list(folder.rglob("*")) == []


@by_words
def test_no_socket_no_command_no_writing(command: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    _, events = watched(command, tmp_path, *words)
    assert events == []


def test_the_same_with_a_driver(driver: Callable[..., Command], tmp_path: Path) -> None:
    code, events = watched(driver("8xh100"), tmp_path, "check", "inference-7b", "--only", "gpu")
    assert (code, events) == (0, [])


def test_the_watch_sees_what_it_should(command: Command, tmp_path: Path) -> None:
    """A named interpreter is asked, and --output writes: both are seen, so that silence above means something."""
    words = ("machine", "--python", Path("/usr/bin/env"), "--output", "out.txt")
    _, events = watched(command, tmp_path, *words)
    assert {"os.exec", "os.rename", "open"} <= {event for event, _ in events}


def _without_network() -> list[str] | None:
    unshare = shutil.which("unshare")
    for options in (["--net"], ["--map-root-user", "--net"]):
        if unshare:
            tried = subprocess.run([unshare, *options, "true"], capture_output=True, check=False, timeout=HANG_GUARD)
            if tried.returncode == 0:
                return [unshare, *options]
    return None


def test_without_any_network(command: Command) -> None:
    """In a namespace without an interface the answers are the same."""
    prefix = _without_network()
    if prefix is None:
        pytest.skip("no network namespace can be made here")
    words = ("check", "inference-7b", "--skip", "storage", "--format", "json")
    inside = command(*words, program=(*prefix, *LLMCHECK))
    outside = command(*words)
    assert inside.err == ""
    assert inside.code == outside.code
    assert inside.document["profiles"] == outside.document["profiles"]
