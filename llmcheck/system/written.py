"""Writes a file as a careful program does, by a child that can be left: see ``answering``."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time

from llmcheck.errors import UsageError
from llmcheck.system import answering, ending, worker

_CLEAN_UP_SECONDS = 0.5
_REPLACED = b"replaced"
_OWN = ("/dev/", "/proc/")
"""Standard output, or a descriptor that this process was given: a child has others, and no server is behind them."""


def write(path: str, data: bytes, name: str) -> bool:
    """Replaces a file, whole or not at all: its mode, its owner and the links to it stay.

    Returns False for a device or a pipe, which is written to instead. ``name``: what names the path. Raises OSError,
    and UsageError where it does not answer; then nothing was written, or into a pipe or device perhaps a part.
    """
    temporary = f".llmcheck-{os.urandom(8).hex()}"
    if path.startswith(_OWN):
        replaced = _replaced(path, data, temporary)
    else:
        with ending.held():
            left = ending.on_end(lambda: _clean_up(path, temporary))
        try:
            pieces = answering.stream(
                lambda send: send(_REPLACED if _replaced(path, data, temporary) else b""), [(name, path)]
            )
            replaced = b"".join(pieces) == _REPLACED
        except UsageError:  # the child was left
            _clean_up(path, temporary)
            raise
        finally:
            left()
    if not replaced:  # a device or a pipe
        with open(path, "wb") as file:
            file.write(data)
    return replaced


def append(path: str, data: bytes, name: str) -> None:
    """Adds to the end of a file, in one piece. ``name``: what names the path.

    Raises OSError, and UsageError where it does not answer.
    """

    def add() -> None:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "ab", buffering=0) as file:
            file.write(data)

    answering.apart(add, [(name, path)])


def _replaced(path: str, data: bytes, temporary: str) -> bool:
    """False, and nothing was written, where there is something that is no file."""
    there = _status(path)
    if there is not None and not stat.S_ISREG(there.st_mode):
        return False
    try:
        _replace(os.path.realpath(path), data, temporary, there)  # of a link, what it leads to
    except OSError as error:
        if there is None or not _is_mounted(path, there, error):
            raise
        _overwrite(path, data)
    return True


def _is_mounted(path: str, there: os.stat_result, error: OSError) -> bool:
    """Whether a file could not be replaced because it is mounted itself, as a container's /dev/termination-log is."""
    if error.errno == errno.EBUSY:
        return True
    folder = os.stat(os.path.dirname(os.path.realpath(path)))
    refused = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    return refused and folder.st_dev != there.st_dev and os.access(path, os.W_OK)


def _overwrite(path: str, data: bytes) -> None:
    with open(path, "r+b", buffering=0) as file:
        file.write(data)
        file.truncate()


def _status(path: str) -> os.stat_result | None:
    """Of what is there, or of what a link leads to; None for a new file.

    Raises OSError where a link may not be followed, such as one that another user made in /tmp.
    """
    if path.endswith(("/", os.sep)) and not os.path.exists(path):
        raise IsADirectoryError(errno.EISDIR, "this is the name of a folder")
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _replace(path: str, data: bytes, name: str, there: os.stat_result | None) -> None:
    temporary = os.path.join(os.path.dirname(os.path.abspath(path)), name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        if there is not None and hasattr(os, "chown"):
            with contextlib.suppress(OSError):  # only root may give a file to another user
                os.chown(temporary, there.st_uid, there.st_gid)
        os.chmod(temporary, _mode(there))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode(there: os.stat_result | None) -> int:
    """Of the file that is there, else of a new one."""
    if there is not None:
        return there.st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _clean_up(path: str, temporary: str) -> None:
    """Removes what a write that was ended may have left, by another child, for the folder may not answer."""
    worker.end_children()

    def remove(_send: answering.Send) -> None:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(os.path.dirname(os.path.realpath(path)), temporary))

    child = worker.start(remove)
    with contextlib.suppress(TimeoutError):
        child.frame(time.monotonic() + _CLEAN_UP_SECONDS)
    child.leave()
