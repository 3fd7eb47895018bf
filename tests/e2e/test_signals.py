"""Every way to end ends everything: no child and no file is left, and nothing is printed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import HANG_GUARD, LLMCHECK, Command
from .processes import begun, clean_up, handles, processes_of, until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found through /proc")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
MOMENTS = range(0, 200, 10)
"""Milliseconds after the start."""
WORDS = ("machine", "--output", "report.json", "--probe-timeout", "600", "--timeout", "600")


def ended(process: subprocess.Popen[bytes], number: int, *, handled: bool) -> None:
    """``handled``: whether the command had its handlers before the signal came; until then Python answers itself."""
    out, err = process.communicate(timeout=HANG_GUARD)
    assert out == b""
    if handled:
        assert (process.returncode, err) == (128 + number, b"")
    elif number != signal.SIGINT:
        assert process.returncode in (128 + number, -number)
        assert err == b""
    else:
        assert process.returncode != 0
        assert b"llmcheck/cli" not in err
    assert until(lambda: not list(processes_of(process.pid))), "a child is left behind"


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_every_moment(driver: Callable[..., Command], number: signal.Signals) -> None:
    """The driver hangs, so that the later moments meet the wait for it."""
    command = driver("hang-init")
    for moment in MOMENTS:
        process = begun(command, *WORDS)
        try:
            time.sleep(moment / 1000)
            handled = handles(process.pid, signal.SIGTERM) and handles(process.pid, number)
            process.send_signal(number)
            ended(process, number, handled=handled)
        finally:
            clean_up(process)
    assert list(command.cwd.iterdir()) == []


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("children", [1, 2])
def test_while_probes_begin_and_hang(driver: Callable[..., Command], number: signal.Signals, children: int) -> None:
    """As soon as there is one child, and when all but the hanging one have ended."""
    command = driver("hang-init")
    process = begun(command, *WORDS)
    try:
        assert until(lambda: len(list(processes_of(process.pid))) > 1), "it inspects nothing"
        if children == 2:
            assert until(lambda: len(list(processes_of(process.pid))) == 2), "it does not wait for the driver"
        process.send_signal(number)
        ended(process, number, handled=True)
    finally:
        clean_up(process)
    assert list(command.cwd.iterdir()) == []


def test_kill_leaves_no_child(driver: Callable[..., Command]) -> None:
    """Nobody can handle SIGKILL: the kernel ends the children."""
    process = begun(driver("hang-init"), *WORDS)
    try:
        assert until(lambda: len(list(processes_of(process.pid))) == 2), "it does not wait for the driver"
        process.kill()
        process.communicate(timeout=HANG_GUARD)
        assert until(lambda: not list(processes_of(process.pid))), "a child is left behind"
    finally:
        clean_up(process)


@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGKILL], ids=lambda number: number.name)
def test_interpreter_that_hangs(command: Command, tmp_path: Path, number: signal.Signals) -> None:
    """The one that --python names is a process of its own, which ends with its own children."""
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexec sleep 600\n", encoding="ascii")
    script.chmod(0o755)
    process = begun(command, *WORDS, "--python", str(script))
    try:
        assert until(lambda: len(list(processes_of(process.pid))) > 1), "it asks nothing"
        process.send_signal(number)
        if number == signal.SIGKILL:
            process.communicate(timeout=HANG_GUARD)
            assert until(lambda: not list(processes_of(process.pid))), "a child is left behind"
        else:
            ended(process, number, handled=True)
    finally:
        clean_up(process)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_resolver_that_hangs(command: Command, tmp_path: Path, number: signal.Signals) -> None:
    """It and the folder of its files and caches go."""
    programs, temporary = tmp_path / "bin", tmp_path / "tmp"
    programs.mkdir()
    temporary.mkdir()
    for name in ("uv", "pip"):
        (programs / name).write_text("#!/bin/sh\nsleep 600 & sleep 600\n", encoding="ascii")
        (programs / name).chmod(0o755)
    command = command.under({"PATH": f"{programs}:/usr/bin:/bin", "TMPDIR": str(temporary)})
    process = begun(command, "install", "toolkit", "--verify", "--machine", "RTX 4090, 64 GB RAM")
    try:
        assert until(lambda: len(list(processes_of(process.pid))) > 2), "it runs no resolver"
        assert list(temporary.iterdir()), "it has no folder"
        process.send_signal(number)
        ended(process, number, handled=True)
        assert list(temporary.iterdir()) == []
    finally:
        clean_up(process)


def test_closed_terminal(driver: Callable[..., Command]) -> None:
    """Its standard streams and its controlling terminal go away at once."""
    command = driver("hang-init")
    pid, terminal = pty.fork()
    if not pid:
        try:
            os.chdir(command.cwd)
            os.execve(sys.executable, [*LLMCHECK, *WORDS], command.environment())
        finally:
            os._exit(99)
    try:
        assert until(lambda: len(list(processes_of(pid))) == 2), "it does not wait for the driver"
        os.close(terminal)
        assert until(lambda: not list(processes_of(pid))), "something is left behind"
    finally:
        for each in processes_of(pid):
            os.kill(each, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


def test_ignored_hangup_stays_ignored(driver: Callable[..., Command]) -> None:
    """nohup hands it over ignored: the run goes on."""
    command = driver("hang-init")
    script = ("/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *LLMCHECK)
    process = begun(command, "machine", "--format", "json", "--probe-timeout", "3", program=script)
    try:
        assert until(lambda: len(list(processes_of(process.pid))) == 2), "it does not wait for the driver"
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(timeout=HANG_GUARD)
        assert (process.returncode, err) == (0, b"")
        assert out.startswith(b"{")
    finally:
        clean_up(process)


def test_second_interrupt_changes_nothing(driver: Callable[..., Command]) -> None:
    process = begun(driver("hang-init"), *WORDS)
    try:
        assert until(lambda: len(list(processes_of(process.pid))) == 2), "it does not wait for the driver"
        for _ in range(3):
            process.send_signal(signal.SIGINT)
        ended(process, signal.SIGINT, handled=True)
    finally:
        clean_up(process)


@pytest.mark.parametrize("limit", [5, 6, 7, 8, 10, 12])
def test_few_file_descriptors(command: Command, limit: int) -> None:
    """It is the limit of whoever started it, and no bug; half of the facts would be no answer either."""
    done = command.shell(f'ulimit -n {limit}; exec "$@"', "--format", "json")
    assert done.code == 2
    assert done.raw == b""
    assert len(done.err.splitlines()) == 1
    assert "open files" in done.err
    assert "ulimit -n" in done.err
