"""File systems: which device holds a path, how large it is, how fast it reads."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from llmcheck.system.files import Files

if TYPE_CHECKING:
    import mmap


class Stat(Struct, frozen=True):
    """A file system."""

    size: int
    """Bytes."""
    free: int
    """Bytes that this user may still write."""
    read_only: bool
    inodes_free: int | None = None
    """Files that may still be made; None where the file system does not count them."""


class Storage(Files):
    """What only the kernel of the live machine can say of a path; None for a captured tree."""

    def device_of(self, path: str) -> str | None:
        """``major:minor`` of the device that holds a path."""
        if not self.live:
            return None
        try:
            number = os.stat(path).st_dev
        except OSError:
            return None
        return f"{os.major(number)}:{os.minor(number)}" if hasattr(os, "major") else None

    def statvfs(self, path: str) -> Stat | None:
        """Size and free space of the file system that holds a path; None if it cannot be reached."""
        if not self.live:
            return None
        try:
            if hasattr(os, "statvfs"):
                found = os.statvfs(path)
                read_only = bool(found.f_flag & getattr(os, "ST_RDONLY", 1))
                counted = 0 <= found.f_favail <= found.f_files  # CephFS says -1, btrfs 0 of 0
                left = found.f_favail if counted and found.f_files else None
                return Stat(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, read_only, left)
            import shutil  # only Windows needs it

            usage = shutil.disk_usage(path)
            return Stat(usage.total, usage.free, False)
        except OSError:
            return None

    def read_speed(self, path: str, seconds: float = 2.0, limit: int = 2**30) -> tuple[float | None, str]:
        """Bytes a second of reading a file from its start past the page cache, and how; or None, and why not.

        It reads for at most so long and so many bytes, and never writes.
        """
        if not self.live:
            return None, "this is a captured tree"
        return _read_past_cache(path, seconds, limit)


def _read_past_cache(path: str, seconds: float, limit: int) -> tuple[float | None, str]:
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
