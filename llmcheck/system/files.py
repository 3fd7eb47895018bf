"""Files and folders of the live machine or of a captured tree."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

READ_LIMIT = 4 * 2**20
WITHOUT_WAITING = os.O_RDONLY
"""How a file is opened to be read: a FIFO without a writer would wait for one."""
for _flag in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # no system has all of them
    WITHOUT_WAITING |= getattr(os, _flag, 0)


_FILE_KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
)


class FileStatus(NamedTuple):
    """A file or folder."""

    kind: str
    size: int | None
    """Bytes of a file; None for anything else."""
    mode: int
    owner: str
    """A name, or the number of an owner without one."""
    readable: bool
    writable: bool


class Files:
    """The files below a root folder, ``/`` for the live machine, and the environment of this process.

    No method raises an exception for a missing file: each returns None or False.
    """

    def __init__(self, root: str = "/", environ: Mapping[str, str] | None = None, cwd: str | None = None) -> None:
        """``environ`` and ``cwd`` default to this process's own for the live machine, to nothing for a tree."""
        self.root = root.rstrip("/")
        self.live = not self.root
        own = dict(os.environ) if self.live else {}
        self.environ: Mapping[str, str] = MappingProxyType(own if environ is None else dict(environ))
        self.cwd = cwd or (_working_directory() if self.live else "/")

    @property
    def platform(self) -> str:
        """``linux``, ``darwin`` or ``windows``."""
        if not self.live:
            return (self.read("/.platform") or "").strip() or "linux"
        if sys.platform.startswith("linux"):
            return "linux"
        return "windows" if sys.platform == "win32" else sys.platform

    def at(self, path: str) -> str:
        """The path by which this process reaches a path of that machine."""
        return self.root + path

    def read(self, path: str, limit: int = READ_LIMIT) -> str | None:
        """A text file's content, at most ``limit`` bytes of it; undecodable bytes are replaced.

        None for a device or a pipe.
        """
        data = self.read_bytes(path, limit)
        return None if data is None else data.decode("utf-8", "replace")

    def read_bytes(self, path: str, most: int, *, from_end: bool = False) -> bytes | None:
        """At most so many bytes of a regular file, of its start or of its end; None for anything else."""
        try:
            descriptor = os.open(self.at(path), WITHOUT_WAITING)
        except (OSError, ValueError):
            return None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                return None
            with open(descriptor, "rb", closefd=False) as file:
                if from_end:
                    file.seek(max(0, found.st_size - most))
                return file.read(most)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def read_int(self, path: str) -> int | None:
        text = self.read(path)
        try:
            return None if text is None else int(text.strip(), 0)
        except ValueError:
            return None

    def list(self, path: str) -> list[str] | None:
        """A folder's entries, sorted; None if it cannot be listed."""
        try:
            return sorted(os.listdir(self.at(path)))
        except OSError:
            return None

    def entries(self, path: str, most: int) -> Sequence[tuple[str, bool]] | None:
        """At most so many entries of a folder in any order, and whether each is a folder; None if it cannot be listed.

        A link to a folder is no folder here.
        """
        try:
            with os.scandir(self.at(path)) as found:
                return [(each.name, each.is_dir(follow_symlinks=False)) for each in itertools.islice(found, most)]
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.at(path))

    def is_file(self, path: str) -> bool:
        return os.path.isfile(self.at(path))

    def is_executable(self, path: str) -> bool:
        """Whether this process may run a file; of a tree, whether its owner might."""
        try:
            if self.live:
                return os.access(path, os.X_OK)
            return os.stat(self.at(path)).st_mode & 0o100 != 0
        except OSError:
            return False

    def may_use(self, path: str) -> bool:
        """Whether this process may read and write a device; of a tree, whether its stand-in's owner might."""
        try:
            if self.live:
                return os.access(path, os.R_OK | os.W_OK)
            return os.stat(self.at(path)).st_mode & 0o600 == 0o600
        except OSError:
            return False

    def may_write(self, path: str) -> bool:
        """Whether this process may make files in a folder; of a tree, whether its owner might."""
        try:
            if self.live:
                return os.access(path, os.W_OK | os.X_OK)
            return os.stat(self.at(path)).st_mode & 0o300 == 0o300
        except OSError:
            return False

    def resolve(self, path: str) -> str:
        """The path without symbolic links, as seen from that machine's root."""
        real = os.path.realpath(self.at(path))
        prefix = os.path.realpath(self.root) if self.root else ""
        return real.removeprefix(prefix) or "/"

    def error_at(self, path: str) -> str | None:
        """Why a path cannot be examined, by the C library's name (``ENOENT``, ``ESTALE``); None if it can."""
        try:
            os.stat(self.at(path))
        except (OSError, ValueError) as error:
            return errno.errorcode.get(getattr(error, "errno", 0) or 0, "EIO")
        return None

    def file_size(self, path: str) -> int | None:
        """Bytes of a regular file; None for anything else."""
        try:
            status = os.stat(self.at(path))
        except (OSError, ValueError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def own_size(self, path: str) -> int | None:
        """Bytes of a regular file; None for anything else, also for a link to one."""
        try:
            status = os.lstat(self.at(path))
        except (OSError, ValueError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def described(self, path: str) -> FileStatus | str:
        """What a path leads to, links followed; a word of the C library (``EACCES``) where that cannot be read."""
        try:
            status = os.stat(self.at(path))
        except (OSError, ValueError) as error:
            return errno.errorcode.get(getattr(error, "errno", 0) or 0, "EIO")
        mode = status.st_mode
        kind = next((name for is_kind, name in _FILE_KINDS if is_kind(mode)), "other")
        readable, writable = (self.live and os.access(path, right) for right in (os.R_OK, os.W_OK))
        size = status.st_size if kind == "file" else None
        return FileStatus(kind, size, stat.S_IMODE(mode), _owner(status.st_uid), readable, writable)

    def link(self, path: str) -> str | None:
        """What a symbolic link says; None for anything else."""
        try:
            return os.readlink(self.at(path))
        except (OSError, ValueError):
            return None

    def home(self) -> str | None:
        """The user's home folder; None where the account has none."""
        home = self.environ.get("HOME") or self.environ.get("USERPROFILE")
        if home:
            return home
        expanded = os.path.expanduser("~") if self.live else "~"
        return None if expanded == "~" else expanded

    def absolute(self, path: str) -> str:
        """A path as the user wrote it, made absolute: ``~`` and relative paths included."""
        home = self.home()
        if home and (path == "~" or path.startswith("~/")):
            path = home + path[1:]
        return os.path.normpath(os.path.join(self.cwd, path))


def _owner(number: int) -> str:
    try:
        import pwd
    except ImportError:  # Windows
        return str(number)
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"
