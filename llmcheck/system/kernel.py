"""Facts from the kernel about the machine and this process: processors, memory, limits, names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from llmcheck.system.files import WITHOUT_WAITING, Files

_LOG_FILES = ("/var/log/kern.log", "/var/log/messages")
_LOG_LIMIT = 2 * 2**20
_RECORD = 8192
"""Bytes of the longest record (printk's CONSOLE_EXT_LOG_MAX)."""
_LIMIT_TITLES = {"memlock": "Max locked memory", "nofile": "Max open files"}
"""What /proc/self/limits calls them."""


class Kernel(Files):
    """Answers of the live kernel; of a captured tree, what its files say, else None."""

    def affinity(self) -> int | None:
        """Logical processors that the scheduler lets this process use; None where the system does not say."""
        if not self.live or not hasattr(os, "sched_getaffinity"):
            return None
        return len(os.sched_getaffinity(0))

    def processors(self) -> tuple[int | None, int | None]:
        """Physical cores and logical processors; None where files say it (/proc/cpuinfo, the topology in /sys)."""
        if not self.live:
            return None, None
        if self.platform == "linux":
            return None, os.cpu_count()
        import psutil

        return psutil.cpu_count(logical=False), psutil.cpu_count(logical=True)

    def memory(self) -> tuple[int | None, int | None]:
        """RAM in bytes: total, and what is available without swapping."""
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

    def log(self) -> tuple[str | None, str]:
        """The kernel's messages since it started, bounded, and where they were read; or None, and why not.

        The newest 2 MiB: from /dev/kmsg, else from the end of a log file, where this user may read one.
        """
        text = _records("/dev/kmsg") if self.live else self.read("/dev/kmsg")
        if text is not None:
            return text, "/dev/kmsg"
        for path in _LOG_FILES:
            data = self.read_bytes(path, _LOG_LIMIT, from_end=True)
            if data is not None:
                # The file goes back to earlier starts; each begins with the kernel's own version.
                return data.decode("utf-8", "replace").rpartition("Linux version ")[2], path
        return None, f"not read: this user may read neither /dev/kmsg nor {' nor '.join(_LOG_FILES)}"

    def machine_architecture(self) -> str | None:
        """``x86_64``, ``aarch64``, ``arm64``, ``AMD64``, ..., as the system names it."""
        if not self.live:
            return (self.read("/.architecture") or "").strip() or None
        return os.uname().machine if hasattr(os, "uname") else self.environ.get("PROCESSOR_ARCHITECTURE")

    def release(self) -> str | None:
        """The kernel's release, such as ``6.8.0-31-generic``."""
        if not self.live:
            return (self.read("/proc/sys/kernel/osrelease") or "").strip() or None
        return os.uname().release if hasattr(os, "uname") else None

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


def _records(path: str) -> str | None:
    """The records of the kernel's ring buffer; None where it may not be opened. It is never waited for."""
    try:
        descriptor = os.open(path, WITHOUT_WAITING)
    except OSError:
        return None
    found: list[bytes] = []
    left = _LOG_LIMIT
    try:
        while left > 0:
            try:
                found.append(os.read(descriptor, _RECORD))
            except BrokenPipeError:  # a record was overwritten before it was read
                left -= 1
                continue
            if not found[-1]:
                break
            left -= len(found[-1])
    except OSError:  # BlockingIOError: there are no more
        pass
    finally:
        os.close(descriptor)
    return b"".join(found).decode("utf-8", "replace")


def _meminfo(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            yield name, int(words[0]) * (1024 if words[1:] == ["kB"] else 1)


def _listed_limit(text: str, name: str) -> tuple[int | None, int | None] | None:
    for line in text.splitlines():
        if line.startswith(_LIMIT_TITLES[name]):
            soft, hard = line.removeprefix(_LIMIT_TITLES[name]).split()[:2]
            return (int(soft) if soft.isdigit() else None, int(hard) if hard.isdigit() else None)
    return None


def _unlimited_is_none(value: int, infinity: int) -> int | None:
    return None if value == infinity or value < 0 else value
