"""Finds what a command has begun: processes by their session, and when its own handlers of signals are in place."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .command import LLMCHECK, Command

_PATIENCE = 30
"""Seconds after which something that has to come is given up."""


def processes_of(leader: int) -> Iterator[int]:
    """Processes of a session that still run; one that has ended and waits to be collected does not."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state, _parent, _group, of = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(of) == leader and state != "Z":
                yield int(entry.name)


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def begun(command: Command, *words: str, program: tuple[str, ...] = LLMCHECK) -> subprocess.Popen[bytes]:
    """The command, running in a session of its own, by which its children are found."""
    return subprocess.Popen(
        [*program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command.environment(),
        cwd=command.cwd,
        start_new_session=True,
    )


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler of its own for a signal."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) & 1 << (number - 1))


def clean_up(process: subprocess.Popen[bytes]) -> None:
    """Ends all that a failed test would leave."""
    process.kill()
    for child in processes_of(process.pid):
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)
    process.communicate()
