"""The file in which a project says what is checked there: found from the working directory up to its repository's root.

It is only read. Who may be its author is looked at first, for root alone, as with a ``.venv``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from llmcheck.system.files import WITHOUT_WAITING

OWN, SHARED = "llmcheck.toml", "pyproject.toml"
"""The names, in this order within a folder. The second belongs to many programs, and may say nothing for this one."""
LARGEST = 2 * 2**20
"""Bytes."""
_ROOTS = (".git", ".hg", ".jj", ".svn")
_MOST_FOLDERS = 64
_MENTION = b"llmcheck"


class ProjectFile(NamedTuple):
    """A file that may speak for the project."""

    path: str
    data: bytes | None
    """None where it was not read, for ``reason``."""
    reason: str = ""
    """Why it was not read, in words."""


def candidates(cwd: str, user: int | None = None) -> tuple[ProjectFile, ...]:
    """The files that are there, the nearest first. A shared one that does not even mention this program is left out.

    Outside of a repository only the working directory is looked at; a folder of another file system ends the way up.
    ``user``: whose process this is; None for this one's, which has none on Windows.
    """
    if user is None:
        user = os.geteuid() if hasattr(os, "geteuid") else 1
    names = ((folder, name) for folder in _folders(cwd) for name in (OWN, SHARED))
    found = (_read(os.path.join(folder, name), folder, name, user) for folder, name in names)
    return tuple(each for each in found if each is not None)


def _folders(cwd: str) -> tuple[str, ...]:
    """From the working directory up to the root of its repository; only itself where there is none."""
    folders: list[str] = []
    for folder in _upwards(cwd):
        folders.append(folder)
        if any(os.path.lexists(os.path.join(folder, name)) for name in _ROOTS):
            return tuple(folders)
    return tuple(folders[:1])


def _upwards(folder: str) -> Iterator[str]:
    try:
        device = os.stat(folder).st_dev
        for _ in range(_MOST_FOLDERS):
            if os.stat(folder).st_dev != device:
                return
            yield folder
            above = os.path.dirname(folder)
            if above == folder:
                return
            folder = above
    except OSError:  # it was deleted, or may not be looked at
        return


def _read(path: str, folder: str, name: str, user: int) -> ProjectFile | None:
    """A file of another user is not parsed for root; of a shared one it is known whether it mentions this program."""
    try:
        owners = {os.stat(folder).st_uid, os.lstat(path).st_uid, os.stat(path).st_uid}
        data = _content(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return ProjectFile(path, None, error.strerror or str(error))
    if name == SHARED and (data is None or _MENTION not in data):
        return None
    if user == 0 and owners != {0}:
        return ProjectFile(path, None, "another user owns it or its folder, and this is root")
    if data is None:
        return ProjectFile(path, None, f"no file of at most {LARGEST >> 20} MiB")
    return ProjectFile(path, data)


def _content(path: str) -> bytes | None:
    """None for what is no regular file, and for one that is too large. Raises OSError."""
    descriptor = os.open(path, WITHOUT_WAITING)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return None
        pieces: list[bytes] = []
        while sum(map(len, pieces)) <= LARGEST and (piece := os.read(descriptor, LARGEST)):
            pieces.append(piece)
    finally:
        os.close(descriptor)
    return b"".join(pieces)
