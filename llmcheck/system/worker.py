"""Runs work that can be abandoned: in a forked child process, or in a daemon thread on systems without fork."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence

from llmcheck.system import ending

Work = Callable[[Callable[[bytes], None]], None]


class Child:
    """A forked child process that does some work and sends frames of bytes as they become ready.

    A call that is stuck in the kernel cannot be interrupted, and a thread stuck there keeps its whole process from
    ending. So the work runs in a child, which has none of our standard streams open; see ``start``.
    """

    def __init__(self, work: Work, streams: Sequence[int] = ()) -> None:
        """``streams``: those of our standard streams that stay open in it."""
        self._buffer, self._ended = bytearray(), False
        if not _CHILDREN:
            ending.on_end(end_children)
        _collect_left()
        parent = ending.parent_of_children()
        with ending.held():
            self._reader, writer = pipe()
            try:
                self._pid = os.fork()
            except OSError:
                os.close(self._reader)
                os.close(writer)
                raise
            if not self._pid:
                _run_child(work, writer, self._reader, parent, streams)
            _CHILDREN.add(self)
        os.close(writer)

    def frame(self, deadline: float) -> bytes | None:
        """The next frame; None at the end. Raises TimeoutError when ``time.monotonic()`` passes ``deadline``."""
        while True:
            if len(self._buffer) >= 4:
                size = 4 + int.from_bytes(self._buffer[:4], "big")
                if len(self._buffer) >= size:
                    frame = bytes(self._buffer[4:size])
                    del self._buffer[:size]
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
        if not self._ended:
            with ending.held():  # otherwise the end of the process would kill it again
                self.kill()
                _collect([self], 0.0)
            return None
        _CHILDREN.discard(self)
        os.close(self._reader)
        _, status = os.waitpid(self._pid, 0)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None

    def kill(self) -> None:
        """Kill it with all that it began; ``collect`` has to follow."""
        ending.kill_group(self._pid)

    def collect(self) -> bool:
        """Whether a killed child has ended. One that is stuck in the kernel has not, and cannot be waited for."""
        return os.waitpid(self._pid, os.WNOHANG)[0] != 0

    def forget(self) -> None:
        """After ``kill``: nothing of it is of interest any more."""
        _CHILDREN.discard(self)
        os.close(self._reader)


_CHILDREN: set[Child] = set()
_LEFT: set[int] = set()
"""Process ids of killed children that had not ended when they were left."""
_COLLECT_SECONDS = 0.5
"""For killed children to end, all together. It takes a few milliseconds unless one is stuck in the kernel."""


def end_children() -> None:
    """Kill all children that still run; called before the process ends."""
    children = list(_CHILDREN)
    for child in children:
        child.kill()
    _collect(children, _COLLECT_SECONDS)


def _collect(children: list[Child], seconds: float) -> None:
    """Collects killed children, so that none is left as a zombie where nobody else would collect it."""
    end = time.monotonic() + seconds
    waiting = [child for child in children if not child.collect()]
    while waiting and time.monotonic() < end:
        time.sleep(0.002)
        waiting = [child for child in waiting if not child.collect()]
    _LEFT.update(child._pid for child in waiting)
    for child in children:
        child.forget()


def _collect_left() -> None:
    """Collects those killed earlier that have ended since: a process that inspects again and again keeps none."""
    for pid in tuple(_LEFT):
        if os.waitpid(pid, os.WNOHANG)[0]:
            _LEFT.discard(pid)


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


def pipe() -> tuple[int, int]:
    """A pipe whose descriptors are above 2: a closed standard stream frees its number, and the child replaces those."""
    spare: list[int] = []
    try:
        while True:
            ends = os.pipe()
            if min(ends) > 2:
                return ends
            spare += ends
    finally:
        for descriptor in spare:
            os.close(descriptor)


def leave_working_directory() -> None:
    """In a child, so that no library is loaded from the working directory, where somebody else's project may lie.

    The loader looks there for an empty or relative entry of LD_LIBRARY_PATH, such as ``:/opt/cuda/lib64`` begins with.
    Without fork the working directory is that of the whole process; Windows does not load libraries from it.
    """
    if hasattr(os, "fork"):
        os.chdir("/")


def start(work: Work, streams: Sequence[int] = ()) -> Child | ThreadChild:
    """Begin work that can be abandoned. ``streams``: the standard streams that it keeps open, where it is a child."""
    return Child(work, streams) if hasattr(os, "fork") else ThreadChild(work)


def _run_child(work: Work, writer: int, reader: int, parent: int | None, streams: Sequence[int]) -> None:
    def send(frame: bytes) -> None:
        data = len(frame).to_bytes(4, "big") + frame
        while data:
            data = data[os.write(writer, data) :]

    try:
        ending.begin_child(parent)
        _CHILDREN.clear()
        _LEFT.clear()
        os.close(reader)
        devnull = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            if stream not in streams:
                os.dup2(devnull, stream)
        work(send)
    finally:
        os._exit(0)
