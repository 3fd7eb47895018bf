"""Reads a large file past the page cache, from several threads. Writes a file only where it is told to."""

from __future__ import annotations

import json
import mmap
import os
import sys
import tempfile
import threading
import time
from typing import Any, NoReturn

CANNOT = 4
MARK = "#llmcheck-measured "
SETTINGS = json.loads(sys.argv[1])
BLOCK = 4 * 2**20
LEAST = 256 * 2**20
"""Bytes of a file that is worth reading."""
MOST_FOLDERS = 2000


def cannot(why: str, code: int = CANNOT) -> NoReturn:
    print(why, flush=True)
    sys.exit(code)


def answer(**fields: Any) -> None:
    print(MARK + json.dumps(fields), flush=True)


def largest(folder: str) -> tuple[int, str] | None:
    """The largest regular file below a folder; a walk ends after ``MOST_FOLDERS``, and follows no link to a folder."""
    best: tuple[int, str] | None = None
    for seen, (place, folders, names) in enumerate(os.walk(folder)):
        if seen >= MOST_FOLDERS:
            break
        folders[:] = [name for name in folders if not os.path.ismount(os.path.join(place, name))]
        for name in names:
            path = os.path.join(place, name)
            try:
                status = os.stat(path, follow_symlinks=False)
            except OSError:
                continue
            kept = getattr(status, "st_blocks", status.st_size // 512) * 512
            if kept < status.st_size // 2:  # a sparse file: there is nothing to read of most of it
                continue
            if status.st_size >= LEAST and (status.st_mode & 0o170000) == 0o100000 and os.access(path, os.R_OK):
                best = max(best or (0, ""), (status.st_size, path))
    return best


def read_all(path: str, seconds: float) -> tuple[int, float, bool]:
    """Bytes that were read, the seconds that it took, and whether the page cache was passed by (O_DIRECT)."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    direct = getattr(os, "O_DIRECT", 0)
    try:
        descriptor = os.open(path, flags | direct)
    except OSError:  # a file system that has no such reads
        descriptor, direct = os.open(path, flags), 0
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # only clean pages are dropped
    blocks = os.fstat(descriptor).st_size // BLOCK
    turn, done, errors = iter(range(blocks)), [0], []
    lock, end = threading.Lock(), time.perf_counter() + seconds

    def work() -> None:
        buffer = mmap.mmap(-1, BLOCK)  # O_DIRECT wants aligned memory
        while time.perf_counter() < end:
            with lock:
                block = next(turn, None)
            if block is None:
                return
            try:
                got = os.preadv(descriptor, [buffer], block * BLOCK)
            except OSError as error:
                errors.append(error)
                return
            with lock:
                done[0] += got

    begun = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    took = time.perf_counter() - begun
    os.close(descriptor)
    if errors:
        raise errors[0]
    return done[0], took, bool(direct)


def written(folder: str) -> str:
    """A temporary file of which nothing is in the page cache afterwards."""
    descriptor, path = tempfile.mkstemp(prefix=".llmcheck-prove-", dir=folder)
    try:
        block = os.urandom(BLOCK)
        for _ in range(2 * LEAST // BLOCK):
            os.write(descriptor, block)
        os.fsync(descriptor)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
    return path


def main() -> None:
    if not hasattr(os, "preadv"):
        cannot("this system has no positioned reads (preadv)")
    folders, temporary = SETTINGS["folders"], None
    found = next((each for each in map(largest, folders) if each), None)
    try:
        if found is None and SETTINGS["write"]:
            temporary = written(folders[0])
            found = (os.path.getsize(temporary), temporary)
        if found is None:
            where = ", ".join(folders) or "no folder"
            cannot(f"no file of 256 MiB or more below {where}: --path names a folder, --write writes a file")
        path = found[1]
        done, took, direct = read_all(path, SETTINGS["seconds"])
    except OSError as error:
        answer(quantity="disk-read", subject=error.filename or "file", unit="GB/s", right=False, reason=str(error))
        return
    finally:
        if temporary is not None:
            os.unlink(temporary)
    cached = not direct and not hasattr(os, "posix_fadvise")
    how = "past the page cache" if direct else "perhaps from the page cache" if cached else "page cache dropped"
    answer(
        quantity="disk-read",
        subject=path if temporary is None else f"a temporary file in {folders[0]}",
        unit="GB/s",
        rate=done / took / 1e9 if done and took else None,
        right=done > 0,
        detail=f"{done // 2**20} MiB in 8 threads, {how}",
    )


if __name__ == "__main__":
    main()
