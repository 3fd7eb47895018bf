"""Runs work that can be abandoned: in a forked child process, or in a daemon thread on systems without fork."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable

Work = Callable[[Callable[[bytes], None]], None]


class Child:
    """A forked child process that does some work and sends frames of bytes as they become ready.

    A call that is stuck in the kernel cannot be interrupted, and a thread stuck there keeps its whole process from
    ending. So the work runs in a child, which has none of our standard streams open; see ``start``.
    """

    def __init__(self, work: Work) -> None:
        self._reader, writer = _pipe()
        self._buffer, self._ended = b"", False
        self._pid = os.fork()
        if not self._pid:
            os.close(self._reader)
            _run_child(work, writer)
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
        """Kill the child if it still runs, without a wait for one that cannot be killed.

        Returns the number of the signal that ended the child earlier, else None.
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
    """Kill all children that still run; called before the process ends."""
    for child in tuple(_CHILDREN):
        child.leave()


class ThreadChild:
    """The same on systems without fork (Windows): a daemon thread, which is abandoned when it is late."""

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
        """Does nothing: a daemon thread ends with the process."""
        return None


def _pipe() -> tuple[int, int]:
    """A pipe whose descriptors are above 2: a closed standard stream frees its number, and the child replaces those."""
    spare: list[int] = []
    while True:
        ends = os.pipe()
        if min(ends) > 2:
            break
        spare += ends
    for descriptor in spare:
        os.close(descriptor)
    return ends


def leave_working_directory() -> None:
    """In a child, so that no library is loaded from the working directory, where somebody else's project may lie.

    The loader looks there for an empty or relative entry of LD_LIBRARY_PATH, such as ``:/opt/cuda/lib64`` begins with.
    Without fork the working directory is that of the whole process; Windows does not load libraries from it.
    """
    if hasattr(os, "fork"):
        os.chdir("/")


def start(work: Work) -> Child | ThreadChild:
    """Begin work that can be abandoned."""
    return Child(work) if hasattr(os, "fork") else ThreadChild(work)


def _run_child(work: Work, writer: int) -> None:
    def send(frame: bytes) -> None:
        data = len(frame).to_bytes(4, "big") + frame
        while data:
            data = data[os.write(writer, data) :]

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        devnull = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(devnull, stream)
        work(send)
    finally:
        os._exit(0)
