"""The only door to the operating system: files, commands, environment, free space, network.

Given a root other than ``/`` it answers from a captured tree and never from the live machine: what a tree cannot tell
(free space, the scheduler) is None. A tree may bring what is not a file of the machine in files of its own: the name of
the system in ``/.platform``, that of the processor in ``/.architecture``, and a command's output in ``/.commands/``
under its words joined by spaces, with ``_`` for each ``/``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from llmcheck.system.http import FETCH_LIMIT, Fetched, fetch

if TYPE_CHECKING:
    import mmap

_READ_LIMIT = 4 * 2**20
_FETCH_GRACE = 0.2


class Stat:
    """Sizes of a file system in bytes, and whether it is mounted read-only."""

    def __init__(self, size: int, free: int, read_only: bool) -> None:
        self.size, self.free, self.read_only = size, free, read_only


class Host:
    """One machine as llmcheck may read it; all methods answer None instead of raising when something is not there."""

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
        """Where a path of that machine lies for us."""
        return self.root + path

    def read(self, path: str) -> str | None:
        """A text file's content, at most 4 MiB of it; undecodable bytes are replaced."""
        try:
            with open(self.at(path), "rb") as file:
                return file.read(_READ_LIMIT).decode("utf-8", "replace")
        except OSError:
            return None

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

    def resolve(self, path: str) -> str:
        """The path without symbolic links, seen from that machine's root."""
        real = os.path.realpath(self.at(path))
        prefix = os.path.realpath(self.root) if self.root else ""
        return real.removeprefix(prefix) or "/"

    def device_of(self, path: str) -> str | None:
        """``major:minor`` of the device that holds a path; None for a captured tree."""
        if not self.live:
            return None
        try:
            number = os.stat(path).st_dev
        except OSError:
            return None
        return f"{os.major(number)}:{os.minor(number)}" if hasattr(os, "major") else None

    def statvfs(self, path: str) -> Stat | None:
        """Free space for this user; None for a captured tree or a path that cannot be reached."""
        if not self.live:
            return None
        try:
            if hasattr(os, "statvfs"):
                stat = os.statvfs(path)
                read_only = bool(stat.f_flag & getattr(os, "ST_RDONLY", 1))
                return Stat(stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize, read_only)
            import shutil  # Windows only: keeps it off the way of everybody else's start

            usage = shutil.disk_usage(path)
            return Stat(usage.total, usage.free, False)
        except OSError:
            return None

    def error_at(self, path: str) -> str | None:
        """Why a path cannot be looked at, as the C library names it (``ENOENT``, ``ESTALE``); None if it can."""
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

    def read_speed(self, path: str, seconds: float = 2.0, limit: int = 2**30) -> tuple[float | None, str]:
        """Bytes a second of reading a file from its start past the page cache, and how; or None, and why not.

        It reads for at most so long and so many bytes, and never writes. None for a captured tree.
        """
        if not self.live:
            return None, "this is a captured tree"
        return _read_past_cache(path, seconds, limit)

    def rlimit(self, name: str) -> tuple[int | None, int | None] | None:
        """Soft and hard limit of this process, None each for unlimited; None where the system has no such limits.

        ``name`` is ``memlock`` (bytes) or ``nofile`` (open files). A captured tree answers from /proc/self/limits.
        """
        if not self.live:
            return _listed_limit(self.read("/proc/self/limits") or "", name)
        try:
            import resource
        except ImportError:  # Windows
            return None
        number: int | None = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is None:
            return None
        soft, hard = resource.getrlimit(number)
        return _unlimited_is_none(soft, resource.RLIM_INFINITY), _unlimited_is_none(hard, resource.RLIM_INFINITY)

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

    def which(self, name: str) -> str | None:
        """Where a command lies on PATH; None if nowhere."""
        suffixes = (".exe", ".cmd", ".bat") if self.platform == "windows" else ("",)
        for folder in (self.environ.get("PATH") or "").split(os.pathsep):
            for suffix in suffixes:
                path = os.path.join(folder, name + suffix)
                if folder and os.path.isfile(self.at(path)) and (not self.live or os.access(path, os.X_OK)):
                    return path
        return None

    def run(self, argv: Sequence[str], timeout: float = 5.0) -> str | None:
        """A command's standard output; None if it is missing, fails or is late. A tree answers from what it brings."""
        if not self.live:
            return self.read("/.commands/" + " ".join(argv).replace("/", "_"))
        import subprocess

        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=True, env=dict(self.environ)
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.decode("utf-8", "replace")

    def fetch(self, url: str, seconds: float, limit: int = FETCH_LIMIT) -> Fetched:
        """GET an http or https address through the environment's proxies, within so long and so many bytes.

        Nothing personal is sent: no token, no cookie, no name and password out of the address. Never for a captured
        tree.
        """
        if not self.live:
            return Fetched(error="this is a captured tree")
        import threading

        # Names are looked up in the C library, which knows no deadline: what is stuck there is left behind.
        got: list[Fetched] = []
        end = time.monotonic() + seconds
        work = threading.Thread(
            target=lambda: got.append(fetch(url, self.environ, end, limit)), daemon=True, name="fetch"
        )
        work.start()
        work.join(seconds + _FETCH_GRACE)
        return got[0] if got else Fetched(error=f"no answer within {seconds:g} s")

    def affinity(self) -> int | None:
        """Logical processors that the scheduler lets this process use; None where the system does not say."""
        if not self.live or not hasattr(os, "sched_getaffinity"):
            return None
        return len(os.sched_getaffinity(0))

    def memory(self) -> tuple[int | None, int | None]:
        """RAM in bytes: total, and what can be had without swapping."""
        values = self.meminfo()
        total, available = values.get("MemTotal"), values.get("MemAvailable")
        if not self.live or (total is not None and available is not None):
            return total, available
        import psutil  # 12 ms, needed only where the kernel does not say it in one file

        memory = psutil.virtual_memory()
        return memory.total, memory.available

    def meminfo(self) -> dict[str, int]:
        """/proc/meminfo, sizes in bytes and counts as they are; empty where there is none."""
        return dict(_meminfo(self.read("/proc/meminfo") or ""))

    def swap(self) -> tuple[int | None, int | None]:
        """Swap space in bytes: total and free."""
        values = self.meminfo()
        if values or not self.live:
            return values.get("SwapTotal"), values.get("SwapFree")
        import psutil

        swap = psutil.swap_memory()
        return swap.total, swap.free

    def processors(self) -> tuple[int | None, int | None]:
        """Physical cores and logical processors; None where files say it (/proc/cpuinfo, the topology in /sys)."""
        if not self.live:
            return None, None
        if self.platform == "linux":
            return None, os.cpu_count()
        import psutil

        return psutil.cpu_count(logical=False), psutil.cpu_count(logical=True)

    def machine_architecture(self) -> str | None:
        if not self.live:
            return (self.read("/.architecture") or "").strip() or None
        return os.uname().machine if hasattr(os, "uname") else self.environ.get("PROCESSOR_ARCHITECTURE")

    def release(self) -> str | None:
        if not self.live:
            return (self.read("/proc/sys/kernel/osrelease") or "").strip() or None
        return os.uname().release if hasattr(os, "uname") else None

    def has_library(self, name: str) -> bool:
        """Whether the loader could find a shared library, without loading it: its search path, its cache, its defaults.

        Spares everybody else the import of ctypes. On systems with another loader the answer is always yes.
        """
        if self.platform != "linux":
            return True
        folders = [*(self.environ.get("LD_LIBRARY_PATH") or "").split(":"), "/usr/lib64", "/lib64", "/usr/lib", "/lib"]
        if any(folder and os.path.exists(f"{self.at(folder)}/{name}") for folder in folders):
            return True
        try:
            with open(self.at("/etc/ld.so.cache"), "rb") as file:
                return name.encode() in file.read(_READ_LIMIT)
        except OSError:
            return True

    def hostname(self) -> str | None:
        if not self.live:
            return (self.read("/etc/hostname") or "").strip() or None
        return os.uname().nodename if hasattr(os, "uname") else self.environ.get("COMPUTERNAME")

    def libc(self) -> str | None:
        """``glibc 2.36``; None on other C libraries and other systems."""
        if not self.live or not hasattr(os, "confstr"):
            return None
        with contextlib.suppress(ValueError, OSError):
            return os.confstr("CS_GNU_LIBC_VERSION")
        return None


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"


def _meminfo(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            yield name, int(words[0]) * (1024 if words[1:] == ["kB"] else 1)


# What /proc/self/limits calls the limits that are asked for here.
_LIMIT_TITLES = {"memlock": "Max locked memory", "nofile": "Max open files"}


def _listed_limit(text: str, name: str) -> tuple[int | None, int | None] | None:
    for line in text.splitlines():
        if line.startswith(_LIMIT_TITLES[name]):
            soft, hard = line.removeprefix(_LIMIT_TITLES[name]).split()[:2]
            return (int(soft) if soft.isdigit() else None, int(hard) if hard.isdigit() else None)
    return None


def _unlimited_is_none(value: int, infinity: int) -> int | None:
    return None if value == infinity or value < 0 else value


def _read_past_cache(path: str, seconds: float, limit: int) -> tuple[float | None, str]:
    """See ``Host.read_speed``."""
    import mmap

    direct: int = getattr(os, "O_DIRECT", 0)
    if not direct and sys.platform != "darwin":
        return None, "this system offers no way past the page cache"
    try:
        descriptor = os.open(path, os.O_RDONLY | direct)
    except OSError as error:
        return None, f"it cannot be opened past the page cache: {error.strerror}"
    try:
        if not direct:
            import fcntl

            fcntl.fcntl(descriptor, getattr(fcntl, "F_NOCACHE", 48), 1)
        # O_DIRECT wants aligned memory, which an anonymous map is; large reads keep a drive's queue full.
        with mmap.mmap(-1, 8 * 2**20) as buffer:
            return _timed_reads(descriptor, buffer, seconds, limit)
    except OSError as error:
        return None, f"reading past the page cache failed: {error.strerror}"
    finally:
        os.close(descriptor)


def _timed_reads(descriptor: int, buffer: mmap.mmap, seconds: float, limit: int) -> tuple[float | None, str]:
    done, began = 0, time.monotonic()
    while done < limit and time.monotonic() - began < seconds:
        count = os.readv(descriptor, [buffer])
        done += count
        if count < len(buffer):
            break
    spent = time.monotonic() - began
    if not done or spent <= 0:
        return None, "nothing could be read"
    return done / spent, f"{done / 2**20:.0f} MiB in {spent:.2f} s, page cache bypassed"
