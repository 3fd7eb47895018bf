"""Ends what this process has begun, however it ends: child processes, temporary files, a line of progress.

Imported before anything else, so it imports only what every Python has loaded.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # signal itself, without the enums, which take longer than --version
import _thread
import os
import sys
from collections.abc import Callable

SIGNALS: tuple[int, ...] = tuple(
    getattr(_signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(_signal, name)
)
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9

_begun: dict[object, Callable[[], None]] = {}
"""What to call at the end, oldest first."""


class _Own:
    """Of this process; a forked child begins anew."""

    pid: int = os.getpid()
    held: int = 0
    """How many blocks of ``held`` run now."""
    waiting: int | None = None
    """The signal that came during one."""
    at_exit: bool = False


class held:  # noqa: N801 - used like a function
    """A signal that comes in this block ends the process after it: what has begun is then known, and can be ended."""

    def __enter__(self) -> None:
        _Own.held += 1

    def __exit__(self, *_: object) -> None:
        _Own.held -= 1
        if not _Own.held and _Own.waiting is not None:
            _end(_Own.waiting)


def on_end(function: Callable[[], None]) -> Callable[[], None]:
    """Calls ``function`` when this process ends. Returns what takes it off the list, once it has nothing to do.

    It must not wait for long: it also runs when a signal ends the process. What it raises is dropped.
    """
    key = object()
    _begun[key] = function
    if not _Own.at_exit:
        import atexit  # built in

        _Own.at_exit = True
        atexit.register(end_all)

    def done() -> None:
        _begun.pop(key, None)

    return done


def end_all() -> None:
    """Ends all that has begun, the newest first. Does nothing in a forked child, which has begun none of it."""
    if os.getpid() != _Own.pid:
        return
    while _begun:
        _, function = _begun.popitem()
        _try(function)


def _try(function: Callable[[], None]) -> None:
    try:
        function()
    except Exception:  # the others have to end too
        return


def handle_signals() -> None:
    """From now on each signal of ``SIGNALS`` ends everything and exits with 128 and its number, without a word.

    One that is ignored, as under nohup, stays ignored. No exception is raised: it could be caught or lost on its way.
    """
    for number in SIGNALS:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _on_signal)


def _on_signal(number: int, _frame: object) -> None:
    if _Own.held:
        _Own.waiting = number
    else:
        _end(number)


def _end(number: int) -> None:
    _Own.waiting = None
    for each in SIGNALS:  # an impatient second one must not interrupt this
        _signal.signal(each, _signal.SIG_IGN)
    end_all()
    os._exit(128 + number)


def begin_child(parent: int | None) -> None:
    """For a process that was just forked: it handles no signal, has its own process group and ends with its parent.

    ``parent``: None where another thread than its main one forked, whose end would be taken for that of the process.
    """
    _begun.clear()
    _Own.pid, _Own.held, _Own.waiting = os.getpid(), 0, None
    for number in SIGNALS:
        _signal.signal(number, _signal.SIG_DFL)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    if parent is not None:
        end_with(parent)


def parent_of_children() -> int | None:
    """This process, as ``begin_child`` takes it; call it in the thread that will fork."""
    pid = os.getpid()
    return pid if getattr(_thread, "get_native_id", os.getpid)() == pid else None


def end_with(parent: int) -> None:
    """Linux kills this process when the thread that forked it ends, in whatever way, also after an exec.

    Other systems have nothing like it: there the parent's handlers and its normal end have to do.
    """
    if sys.platform != "linux":
        return
    try:
        import _ctypes  # a third of the time of ctypes, of which this is one call

        prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type] # None is this process itself
        _ctypes.call_function(prctl, (_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0))
    except Exception:  # a Python without it, or a C library without it
        return
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def kill_group(leader: int) -> None:
    """Kills a process that leads its group, and all of the group. It must not have been collected yet."""
    try:
        os.killpg(leader, _SIGKILL)
    except OSError:  # it has not made its group yet
        os.kill(leader, _SIGKILL)
