"""Files that a person or another program names: read within a size and a time, and never from a device.

A profile, a saved machine and a model may come from anybody. So a path is opened without waiting, and what it leads to
decides: a regular file is read, a pipe (a FIFO, ``<(...)``, standard input) is read until the time is over where the
caller allows pipes, and anything else is refused.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from typing import BinaryIO

from llmcheck.errors import DataError
from llmcheck.system.files import WITHOUT_WAITING

SECONDS = 45.0
"""For all pipes of one run together, unless ``--timeout`` says otherwise."""
_PIECE = 2**20
_KINDS = ((stat.S_ISBLK, "a device"), (stat.S_ISCHR, "a device"), (stat.S_ISFIFO, "a pipe"))


class _Waiting:
    seconds = SECONDS
    until: float | None = None
    """On the monotonic clock; None: no pipe was read yet."""

    def left(self) -> float:
        if self.until is None:
            self.until = time.monotonic() + self.seconds
        return max(0.0, self.until - time.monotonic())


_waiting = _Waiting()


def wait_at_most(seconds: float) -> None:
    """How long this process waits for all pipes together, counted from the first that it reads."""
    _waiting.seconds, _waiting.until = seconds, None


def open_file(path: str) -> BinaryIO:
    """A regular file to read from. Raises OSError, and DataError for a device, a pipe or a socket."""
    return os.fdopen(_opened(path, path, pipes=False), "rb")


def read_file(path: str, most: int, what: str, where: str | None = None) -> bytes:
    """A whole regular file or pipe. ``what``: what it is, for the message of the limit; ``where``: how to name it.

    Raises OSError, and DataError for more than ``most`` bytes, for a device, and for a pipe that does not end in time.
    """
    where = where or path
    descriptor = _opened(path, where, pipes=True)
    try:
        return read_stream(descriptor, most, what, where)
    finally:
        os.close(descriptor)


def read_stream(descriptor: int, most: int, what: str, where: str) -> bytes:
    """The rest of an open file or pipe, such as standard input. Raises as ``read_file``."""
    status = os.fstat(descriptor)
    regular = stat.S_ISREG(status.st_mode)
    pieces: list[bytes] = []
    size = 0
    while size <= most and not (regular and status.st_size > most):
        data = os.read(descriptor, _PIECE) if regular else _from_pipe(descriptor, where, started=bool(pieces))
        if not data:
            return b"".join(pieces)
        pieces.append(data)
        size += len(data)
    raise DataError(f"{where}: larger than {most >> 20} MiB, the limit for {what}")


def _from_pipe(descriptor: int, where: str, *, started: bool) -> bytes:
    """The next bytes; b"" at the end."""
    if hasattr(select, "poll"):
        events = select.poll()
        events.register(descriptor, select.POLLIN)
        if not events.poll(_waiting.left() * 1000):
            problem = "did not end" if started else "sent nothing"
            raise DataError(f"{where}: this pipe {problem} within {_waiting.seconds:g} s")
    try:
        return os.read(descriptor, _PIECE)
    except BlockingIOError:  # another process was faster
        return _from_pipe(descriptor, where, started=started)


def _opened(path: str, where: str, *, pipes: bool) -> int:
    """``O_NONBLOCK``: a FIFO without a writer, and some devices, would wait here for good."""
    descriptor = os.open(path, WITHOUT_WAITING)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode)):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "no file")
    raise DataError(f"{where}: {kind}; only a file{' or a pipe' if pipes else ''} is read")
