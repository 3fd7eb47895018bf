"""Copies RAM in several threads at once; ``memmove`` holds no lock of Python meanwhile."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import sys
import threading
import time
from typing import Any

MARK = "#llmcheck-measured "
SETTINGS = json.loads(sys.argv[1])


def answer(**fields: Any) -> None:
    print(MARK + json.dumps(fields), flush=True)


def main() -> None:
    count, size, seconds = SETTINGS["threads"], SETTINGS["bytes"], SETTINGS["seconds"]
    pattern = os.urandom(2**20)
    ready = threading.Barrier(count)
    copied: list[int] = [0] * count
    same = [False] * count
    times: list[tuple[float, float]] = [(0.0, 0.0)] * count

    def work(number: int) -> None:
        source, target = mmap.mmap(-1, size), mmap.mmap(-1, size)
        for start in range(0, size, len(pattern)):  # each thread touches its own first, on its own node
            source[start : start + len(pattern)] = pattern
            target[start : start + len(pattern)] = b"\0" * len(pattern)
        here = ctypes.addressof(ctypes.c_char.from_buffer(source))
        there = ctypes.addressof(ctypes.c_char.from_buffer(target))
        ready.wait()
        begun = time.perf_counter()
        while True:
            ctypes.memmove(there, here, size)
            copied[number] += size
            ended = time.perf_counter()
            if ended >= begun + seconds:
                break
        times[number] = (begun, ended)
        same[number] = target[:] == source[:]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    try:
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    except (MemoryError, OSError, RuntimeError) as error:
        raise SystemExit(f"out of memory: {error}") from None
    took = max(end for _, end in times) - min(begun for begun, _ in times)
    right = all(same)
    answer(
        quantity="ram-copy",
        subject=f"{count} {'threads' if count > 1 else 'thread'}",
        unit="GB/s",
        rate=2 * sum(copied) / took / 1e9 if took > 0 else None,
        right=right,
        reason=None if right else "the copy is not what was copied",
        detail=f"{size // 2**20} MiB each, read and written",
    )


if __name__ == "__main__":
    main()
