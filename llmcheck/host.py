"""The only door to the operating system: files, commands, environment, free space, and children that can be abandoned.

Given a root other than ``/`` it answers from a captured tree and never from the live machine: what a tree cannot tell
(free space, the scheduler) is None. A tree may bring what is not a file of the machine in files of its own: the name of
the system in ``/.platform``, that of the processor in ``/.architecture``, and a command's output in ``/.commands/``
under its words joined by spaces, with ``_`` for each ``/``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import http.client
    import mmap
    import ssl

_READ_LIMIT = 4 * 2**20
_FETCH_LIMIT = 4 * 2**20
_FETCH_SECONDS = 3.0
_FETCH_GRACE = 0.2
_REDIRECTIONS = 5

Work = Callable[[Callable[[bytes], None]], None]


class Stat:
    """Sizes of a file system in bytes, and whether it is mounted read-only."""

    def __init__(self, size: int, free: int, read_only: bool) -> None:
        self.size, self.free, self.read_only = size, free, read_only


class Fetched(NamedTuple):
    """What came of one request."""

    status: int | None = None
    """The HTTP status; None where no server answered."""
    first_byte: float | None = None
    """Seconds until the answer began, redirections included."""
    received: int = 0
    """Bytes of its body."""
    receiving: float = 0.0
    """Seconds that these took."""
    proxy: str | None = None
    """Through which it went, without credentials; None for none."""
    error: str | None = None
    """In one line; None where a server answered."""


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

    def fetch(self, url: str, seconds: float, limit: int = _FETCH_LIMIT) -> Fetched:
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
            target=lambda: got.append(_fetch(url, self.environ, end, limit)), daemon=True, name="fetch"
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
            return self.environ.get("LLMCHECK_ARCHITECTURE") or (self.read("/.architecture") or "").strip() or None
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


def public_address(url: str) -> str:
    """An address without user name, password, query and fragment, which may be secrets."""
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _fetch(url: str, environ: Mapping[str, str], end: float, limit: int) -> Fetched:
    """As ``Host.fetch``, without its guard against what knows no deadline."""
    import http.client
    from urllib.parse import urljoin

    began, proxy = time.monotonic(), None
    try:
        url = public_address(url)
        for _ in range(_REDIRECTIONS):
            proxy = _proxy_for(url, environ)
            connection = _request(url, proxy, environ, end)
            try:
                socket = connection.sock  # which the connection forgets when the server will close
                response = connection.getresponse()
                there = response.getheader("Location")
                if response.status in (301, 302, 303, 307, 308) and there:
                    url = urljoin(url, there)
                    continue
                first = time.monotonic()
                received = _receive(socket, response, min(end, first + _FETCH_SECONDS), limit)
                shown = public_address(proxy) if proxy else None
                return Fetched(response.status, first - began, received, time.monotonic() - first, shown)
            finally:
                connection.close()
        error = f"more than {_REDIRECTIONS} redirections"
    except (OSError, http.client.HTTPException, ValueError) as failure:
        error = " ".join(str(failure).split()) or type(failure).__name__
    return Fetched(proxy=public_address(proxy) if proxy else None, error=error)


def _request(url: str, proxy: str | None, environ: Mapping[str, str], end: float) -> http.client.HTTPConnection:
    """A connection on which the request has been sent. Raises OSError, HTTPException and ValueError."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https address")
    left = max(0.01, end - time.monotonic())
    via = urlsplit(proxy) if proxy else parts
    if proxy and (via.scheme != "http" or not via.hostname):
        raise ValueError(f"a proxy of the kind '{via.scheme}' cannot be used for this measurement")
    pass_key = _proxy_authorization(proxy) if proxy else {}
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            via.hostname or "", via.port, timeout=left, context=_certificates(environ)
        )
        if proxy:
            connection.set_tunnel(parts.hostname, parts.port, pass_key)
            pass_key = {}
    else:
        connection = http.client.HTTPConnection(via.hostname or "", via.port, timeout=left)
    path = url if proxy and parts.scheme == "http" else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers={"User-Agent": "llmcheck", **pass_key})
    except BaseException:
        connection.close()
        raise
    return connection


def _receive(socket: Any, response: http.client.HTTPResponse, end: float, limit: int) -> int:
    """Bytes of the body, as many as come until then."""
    received = 0
    with contextlib.suppress(OSError, ValueError):  # what came until it broke off is what counts
        while received < limit and (left := end - time.monotonic()) > 0:
            socket.settimeout(left)
            data = response.read1(min(1 << 16, limit - received))
            if not data:
                break
            received += len(data)
    return received


def _proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """As most libraries choose: the small letters win, and NO_PROXY names who is asked directly."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)

    def value(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    proxy = value(f"{parts.scheme}_proxy") or value("all_proxy")
    if not proxy or _is_direct((parts.hostname or "").lower(), value("no_proxy").lower()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_direct(name: str, no_proxy: str) -> bool:
    for rule in map(str.strip, no_proxy.split(",")):
        bare = rule.removeprefix("*").lstrip(".").partition(":")[0]
        if rule == "*" or (bare and (name == bare or name.endswith(f".{bare}"))):
            return True
    return False


def _proxy_authorization(proxy: str) -> dict[str, str]:
    """What the proxy asks for, to be sent to it alone."""
    from base64 import b64encode
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Whom to trust: the system's list, and a company's own that libraries are told of by these variables."""
    import ssl

    context = ssl.create_default_context()
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = environ.get(name)
        if path and os.path.isfile(path):
            context.load_verify_locations(path)
    return context


class Child:
    """Work that is done where it can be abandoned; it hands over frames of bytes as they become ready.

    A call that is stuck in the kernel cannot be interrupted, and a thread stuck there keeps its whole process from
    ending. So the work runs in a forked child which holds none of our standard streams; see ``start``.
    """

    def __init__(self, work: Work) -> None:
        self._reader, writer = _pipe()
        self._buffer, self._ended = b"", False
        self._pid = os.fork()
        if not self._pid:
            os.close(self._reader)
            _be_a_child(work, writer)
        os.close(writer)
        _CHILDREN.add(self)

    def frame(self, deadline: float) -> bytes | None:
        """The next frame; None at the end. Raises TimeoutError when ``time.monotonic()`` passes ``deadline``."""
        while True:
            if len(self._buffer) >= 4:
                size = 4 + int.from_bytes(self._buffer[:4], "big")
                if len(self._buffer) >= size:
                    frame, self._buffer = self._buffer[4:size], self._buffer[size:]
                    return frame
            if self._ended:
                return None
            if not select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            data = os.read(self._reader, 1 << 16)
            self._ended = not data
            self._buffer += data

    def leave(self) -> int | None:
        """Ends the child if it still runs and never waits for one that cannot be ended.

        The signal's number if it died of one that was not ours, else None.
        """
        _CHILDREN.discard(self)
        os.close(self._reader)
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, os.WNOHANG)
            return None
        _, status = os.waitpid(self._pid, 0)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


_CHILDREN: set[Child] = set()


def end_children() -> None:
    """End all work that is still under way; for the way out."""
    for child in tuple(_CHILDREN):
        child.leave()


class ThreadChild:
    """The same where there is no fork (Windows): a daemon thread, left behind when it is late."""

    def __init__(self, work: Work) -> None:
        import queue
        import threading

        self._empty = queue.Empty
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    def _run(self, work: Work) -> None:
        try:
            work(self._frames.put)
        finally:
            self._frames.put(None)

    def frame(self, deadline: float) -> bytes | None:
        """As ``Child.frame``."""
        try:
            return self._frames.get(timeout=max(0.0, deadline - time.monotonic()))
        except self._empty:
            raise TimeoutError from None

    def leave(self) -> int | None:
        """Nothing to end: a daemon thread goes with the process."""
        return None


def _pipe() -> tuple[int, int]:
    """A pipe above the standard streams' numbers, which are free where those were closed, and which a child takes."""
    spare: list[int] = []
    while True:
        ends = os.pipe()
        if min(ends) > 2:
            break
        spare += ends
    for descriptor in spare:
        os.close(descriptor)
    return ends


def start(work: Work) -> Child | ThreadChild:
    """Begin work that can be abandoned."""
    return Child(work) if hasattr(os, "fork") else ThreadChild(work)


def _be_a_child(work: Work, writer: int) -> None:
    def send(frame: bytes) -> None:
        data = len(frame).to_bytes(4, "big") + frame
        while data:
            data = data[os.write(writer, data) :]

    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        work(send)
    finally:
        os._exit(0)
