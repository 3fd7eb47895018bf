"""Files that a person or another program names: read within a size and a time, and never from a device.

A profile, a saved machine and a model may come from anybody. So a path is opened without waiting, and what it leads to
decides: a regular file is read, a pipe (a FIFO, ``<(...)``, standard input) is read until the time is over where the
caller allows pipes, and anything else is refused. All of it is done in a child that can be left: see ``answering``.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

from llmcheck.errors import DataError
from llmcheck.system import answering
from llmcheck.system.files import WITHOUT_WAITING

SECONDS = 45.0
"""For all pipes of one run together, unless ``--timeout`` says otherwise."""
_PIECE = 2**20
_PIPE, _FILE = b"pipe", b"file"
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
    """A regular file to read from, which is for a child: see ``answering.apart``.

    Raises OSError, and DataError for a device, a pipe or a socket.
    """
    return os.fdopen(_opened(path, path, pipes=False), "rb")


def read_file(path: str, most: int, what: str, where: str | None = None, *, pipes: bool = True) -> bytes:
    """A whole regular file, or with ``pipes`` a pipe. ``what``: what it is, for the message of the limit; ``where``:
    how to name it.

    Raises OSError, DataError for more than ``most`` bytes, for a device, and for a pipe that does not end in time, and
    UsageError for a file that does not answer.
    """
    where = where or path

    def send_all(send: answering.Send) -> None:
        descriptor = _opened(path, where, pipes=pipes)
        try:
            _send_all(descriptor, most, what, where, send)
        finally:
            os.close(descriptor)

    return _read(send_all, path)


def read_document(name: str, most: int, what: str, where: str, hint: str) -> bytes:
    """The file of a document that llmcheck wrote; ``-`` is standard input. ``hint``: how to write one.

    Raises DataError for what cannot be read, and as ``read_file``.
    """
    try:
        if name != "-":
            return read_file(name, most, what, where)
        if sys.stdin is None:
            raise DataError(f"{where}: it is closed")
        return read_stream(sys.stdin.fileno(), most, what, where)
    except OSError as error:
        raise DataError(f"{where}: {error.strerror or error}; {hint}") from None
    except ValueError:
        raise DataError(f"{where}: not a path") from None


def read_stream(descriptor: int, most: int, what: str, where: str) -> bytes:
    """The rest of an open file or pipe, such as standard input. Raises as ``read_file``."""
    if os.isatty(descriptor):  # a child is in the background, and may not read from it
        pieces: list[bytes] = []
        _send_all(descriptor, most, what, where, pieces.append)
        return b"".join(pieces[1:])
    return _read(lambda send: _send_all(descriptor, most, what, where, send), where)


def _read(send_all: Callable[[answering.Send], None], where: str) -> bytes:
    pieces = answering.stream(send_all, [("", where)], streams=(0,), limited=False)
    if next(pieces) == _PIPE:
        _waiting.left()  # its time has begun
    return b"".join(pieces)


def _send_all(descriptor: int, most: int, what: str, where: str, send: answering.Send) -> None:
    """Sends what it is, ``_PIPE`` or ``_FILE``, and then all of it in pieces."""
    status = os.fstat(descriptor)
    regular = stat.S_ISREG(status.st_mode)
    send(_FILE if regular else _PIPE)
    size = 0
    end = time.monotonic() + _waiting.seconds
    while size <= most and not (regular and status.st_size > most):
        data = os.read(descriptor, _PIECE) if regular else _from_pipe(descriptor, where, started=size > 0)
        if not data:
            return
        size += len(data)
        if size <= most:
            send(data)
        if regular and time.monotonic() > end:
            raise DataError(f"{where}: it takes longer than {_waiting.seconds:g} s to read")
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
