"""Paths that a person or the environment named, touched by a child that can be abandoned, never by this process itself.

A call on a mount whose server is gone does not return and cannot be interrupted, and a mount may die at any moment. So
whatever is read or written there is read or written by a child from its first call to its last. While it does something
else than wait for the kernel, it sends signs of life; without one for ``SECONDS`` it is left.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from llmcheck.errors import DataError, LlmcheckError, UsageError
from llmcheck.system import worker

SECONDS = 10.0
"""Without an answer of the system, for a command that has no option for it."""
ALL_SECONDS = 45.0
"""For one file, or one model, that is read."""
T = TypeVar("T")
Named = tuple[str, str]
"""What names a path (``--path``, a variable; "" for an argument), and the path."""
Send = Callable[[bytes], None]
NOTHING, FILE, FOLDER, OTHER = "", "file", "folder", "other"
"""What a path leads to. ``NOTHING``: there is nothing, or this process may not see it; ``OTHER``: a device, a pipe."""
_ALIVE, _DATA, _ERROR, _DONE = b"", b"=", b"!", b"."
_SIGNS = 4
"""Signs of life within the time after which a child without one is left."""


class _Run:
    """Of this process, as its command line says."""

    silent: float = SECONDS
    everything: float = ALL_SECONDS
    apart: bool = False
    """Whether this is such a child itself, which needs no other."""


_answered: dict[str, str] = {}
"""What the paths of ``require`` lead to."""


def begin() -> None:
    """A new command line in this process: nothing of the last one holds."""
    _answered.clear()
    limit(SECONDS)


def limit(silent: float, everything: float = ALL_SECONDS) -> None:
    """From now on: seconds without an answer of the system, and for one file or model."""
    _Run.silent, _Run.everything = silent, everything


def require(named: Sequence[Named], seconds: float = SECONDS) -> None:
    """Raises UsageError for the first path that gives no answer within so many seconds for all; an error is one."""
    missing = _silent([path for _, path in named], seconds)
    if missing is not None:
        raise _does_not_answer(next(each for each in named if each[1] == missing), seconds)


def require_again(named: Sequence[Named]) -> None:
    """The same for paths that have answered before, within the time of ``patience``."""
    for _, path in named:
        _answered.pop(path, None)
    require(named, _Run.silent)


def patience() -> float:
    """Seconds without an answer of the system after which a path is said not to answer."""
    return _Run.silent


def kind(path: str, name: str = "") -> str:
    """What a path leads to: ``NOTHING``, ``FILE``, ``FOLDER`` or ``OTHER``. Raises UsageError if it does not answer.

    ``name``: what names it, for the message. A path that was required is not looked at again.
    """
    known = _answered.get(path)
    if known is not None:
        return known
    return b"".join(stream(lambda send: send(_kind(path).encode()), [(name, path)])).decode()


def apart(work: Callable[[], T], named: Sequence[Named], *, limited: bool = True) -> T:
    """What ``work`` returns or raises in a child; both have to be picklable. Raises UsageError if it has to be left.

    ``named``: the paths that it touches, for the message. ``limited``: False where it may take any time as long as it
    shows signs of life, as with a network.
    """
    import pickle

    if _Run.apart:
        return work()
    pieces = list(stream(lambda send: send(pickle.dumps(work(), 5)), named, limited=limited))
    value: T = pickle.loads(pieces[-1])  # noqa: S301 - our own child made it
    return value


def stream(
    work: Callable[[Send], None], named: Sequence[Named], *, limited: bool = True, streams: Sequence[int] = ()
) -> Iterator[bytes]:
    """The pieces that ``work`` sends from a child. Raises as ``apart``; ``streams``: those that the child keeps."""
    if _Run.apart:
        pieces: list[bytes] = []
        work(pieces.append)
        yield from pieces
        return
    silent, everything = _Run.silent, _Run.everything
    signs = silent / _SIGNS if hasattr(os, "fork") else 0.0
    end = time.monotonic() + everything if limited or not signs else None
    child = worker.start(lambda send: _reporting(work, send, signs), streams)
    done = False
    try:
        while not done:
            left = time.monotonic() + silent if signs or end is None else end
            try:
                frame = child.frame(left if end is None else min(left, end))
            except TimeoutError:
                raise _left(named, silent if end is None or left < end else everything) from None
            mark = frame[:1] if frame is not None else None
            if mark == _DATA:
                yield (frame or b"")[1:]
            elif mark == _ERROR:
                import pickle

                raise pickle.loads((frame or b"")[1:])  # noqa: S301 - our own child made it
            elif mark is None:
                raise DataError(f"{_what(named[0])}: the process that reads it was ended")
            done = mark == _DONE
    finally:
        child.leave()


def _reporting(work: Callable[[Send], None], send: Send, signs: float) -> None:
    """In the child: does the work, and tells how it goes."""
    busy = False

    def tell(frame: bytes) -> None:
        nonlocal busy
        busy = True
        send(frame)
        busy = False

    def alive(_number: int, _frame: object) -> None:
        if not busy:
            send(_ALIVE)

    if signs:
        import _signal  # type: ignore[import-not-found] # see ``ending``

        _Run.apart = True
        # A call that is stuck in the kernel does not let Python run the handler.
        _signal.signal(_signal.SIGALRM, alive)
        _signal.setitimer(_signal.ITIMER_REAL, signs, signs)
    try:
        work(lambda data: tell(_DATA + data))
    except Exception as error:
        import pickle

        busy = True
        send(_ERROR + pickle.dumps(_portable(error), 5))
    else:
        busy = True
        send(_DONE)


def _portable(error: Exception) -> Exception:
    """A defect keeps the place where it happened."""
    if not isinstance(error, LlmcheckError | OSError):
        import traceback

        error.add_note(traceback.format_exc())
    return error


def _left(named: Sequence[Named], seconds: float) -> UsageError:
    """Which of the paths it is that does not answer, now that one of them did not."""
    for _, path in named:
        _answered.pop(path, None)
    missing = _silent([path for _, path in named], min(seconds, SECONDS)) if len(named) > 1 else None
    return _does_not_answer(next((each for each in named if each[1] == missing), named[0]), seconds)


def _does_not_answer(named: Named, seconds: float) -> UsageError:
    return UsageError(f"{_what(named)} does not answer within {seconds:g} s: mount it again, or name another path")


def _what(named: Named) -> str:
    return " ".join(each for each in named if each)


def or_who(
    work: Callable[[], T],
    touched: Callable[[], Sequence[Named]],
    seconds: float,
    otherwise: str = "no Python of the project was found within {} s: name it with --python",
) -> T:
    """What ``work`` returns, which touches paths that nobody named but that may lie on such a mount all the same.

    It runs in a thread, which costs a tenth of a child. If it does not end in time, UsageError says which of the
    ``touched`` paths does not answer, or ``otherwise``, with the seconds.
    """
    results: list[T] = []
    errors: list[Exception] = []
    ended = _thread.allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)
        finally:
            ended.release()

    _thread.start_new_thread(run, ())
    if not ended.acquire(timeout=seconds):
        require_again(touched())
        raise UsageError(otherwise.format(f"{seconds:g}"))
    for error in errors:
        raise error
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
                found = child.frame(deadline)
            except TimeoutError:
                return path
            _answered[path] = (found or b"").decode()
    finally:
        child.leave()
    return None


def _touch_all(paths: Sequence[str], send: Send) -> None:
    for path in paths:
        with contextlib.suppress(OSError, ValueError):  # that there is no such file is an answer
            _touch(path)
        send(_kind(path).encode())


def _kind(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return NOTHING
    return FILE if stat.S_ISREG(mode) else FOLDER if stat.S_ISDIR(mode) else OTHER


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
