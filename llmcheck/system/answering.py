"""Whether paths that a person or the environment named answer, before this process itself touches them.

A call on a mount whose server is gone does not return and cannot be interrupted, so a child makes the first one.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import stat
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from llmcheck.errors import UsageError
from llmcheck.system import worker

SECONDS = 10.0
"""The limit of a command that has no option for it."""
T = TypeVar("T")
Named = tuple[str, str]
"""What names a path (``--path``, a variable; "" for an argument), and the path."""

_answered: set[str] = set()


def require(named: Sequence[Named], seconds: float = SECONDS) -> None:
    """Raises UsageError for the first path that gives no answer within so many seconds for all; an error is one."""
    missing = _silent([path for _, path in named], seconds)
    if missing is not None:
        name = next(name for name, path in named if path == missing)
        what = f"{name} {missing}".strip()
        raise UsageError(f"{what} does not answer within {seconds:g} s: mount it again, or name another path")


def result(work: Callable[[], bytes | None], seconds: float) -> bytes | None:
    """What a child that does this work returns; None where it returns nothing, fails or takes longer."""
    child = worker.start(lambda send: send(work() or b""))
    try:
        return child.frame(time.monotonic() + seconds) or None
    except TimeoutError:
        return None
    finally:
        child.leave()


def or_who(work: Callable[[], T], touched: Callable[[], Sequence[Named]], seconds: float) -> T:
    """What ``work`` returns, which touches paths that nobody named but that may lie on such a mount all the same.

    It runs in a thread, which costs a tenth of a child. If it does not end in time, UsageError says which of the
    ``touched`` paths does not answer.
    """
    results: list[T] = []
    ended = _thread.allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            results.append(work())
        finally:
            ended.release()

    _thread.start_new_thread(run, ())
    if not ended.acquire(timeout=seconds):
        require(touched(), seconds)
        raise UsageError(f"no Python of the project was found within {seconds:g} s: name it with --python")
    return results[0]


def _silent(paths: Sequence[str], seconds: float) -> str | None:
    waiting = [path for path in dict.fromkeys(paths) if path not in _answered]
    if not waiting:
        return None
    child = worker.start(lambda send: _touch_all(waiting, send))
    deadline = time.monotonic() + seconds
    try:
        for path in waiting:
            try:
                child.frame(deadline)
            except TimeoutError:
                return path
            _answered.add(path)
    finally:
        child.leave()
    return None


def _touch_all(paths: Sequence[str], send: Callable[[bytes], None]) -> None:
    for path in paths:
        with contextlib.suppress(OSError, ValueError):  # that there is no such file is an answer
            _touch(path)
        send(b"")


def _touch(path: str) -> None:
    """Opens what is a folder or a regular file; a pipe would take that for its reader."""
    mode = os.stat(path).st_mode
    os.access(path, os.R_OK)
    if stat.S_ISDIR(mode):
        with os.scandir(path) as entries:
            next(entries, None)
    elif stat.S_ISREG(mode):
        with open(path, "rb") as file:
            file.read(1)
