"""Programs that are started without a wait: the mount that one lies on, or its working folder, may not answer.

``subprocess`` waits until the new process has become the program, and that can last for ever.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Protocol

from llmcheck.system import ending, worker

if TYPE_CHECKING:
    from subprocess import Popen


class Program(Protocol):
    """A program that was started, with its standard output; its process group is its own."""

    pid: int

    @property
    def stdout(self) -> IO[bytes] | None: ...

    @property
    def returncode(self) -> int | None:
        """As ``wait`` found it; negative: the signal that ended it."""

    def wait(self, seconds: float) -> None:
        """Waits for its end, at most so long."""

    def why_not(self) -> str | None:
        """After its end: why it could not be started; None if it was."""


def start(argv: Sequence[str], environ: Mapping[str, str], cwd: str | None = None, *, errors: bool = False) -> Program:
    """Starts a program that cannot read our standard input. Raises OSError and ValueError where that is known at once.

    ``errors``: what it writes to standard error goes to ``stdout`` too, else nowhere.
    """
    return _Forked(argv, environ, cwd, errors) if hasattr(os, "fork") else _Windows(argv, environ, cwd, errors)


class _Forked:
    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], cwd: str | None, errors: bool) -> None:
        self.returncode: int | None = None
        parent = ending.parent_of_children()
        reader, writer = worker.pipe()
        self._failures, failures = worker.pipe()
        with ending.held():
            self.pid = os.fork()
            if not self.pid:
                _become(argv, environ, cwd, writer, writer if errors else None, failures, parent)
        os.close(writer)
        os.close(failures)
        self.stdout: IO[bytes] | None = os.fdopen(reader, "rb", buffering=0)

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        pause = 0.001
        while self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                return
            else:
                time.sleep(pause)
                pause = min(2 * pause, 0.05)

    def why_not(self) -> str | None:
        os.set_blocking(self._failures, False)
        with contextlib.suppress(BlockingIOError):
            return os.read(self._failures, 200).decode("utf-8", "replace") or None
        return None

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._failures)


def _become(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str | None,
    output: int,
    errors: int | None,
    failures: int,
    parent: int | None,
) -> None:
    """In the new process. Does not return."""
    import _signal  # type: ignore[import-not-found] # see ``ending``

    try:
        ending.begin_child(parent)
        for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores both
            if hasattr(_signal, name):
                _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(nothing if errors is None else errors, 2)
        if cwd is not None:
            os.chdir(cwd)
        os.execvpe(argv[0], list(argv), dict(environ))  # noqa: S606 - no shell is wanted
    except Exception as error:
        why = getattr(error, "strerror", None) or error
        os.write(failures, str(why).encode("utf-8", "replace"))
    finally:
        os._exit(127)


class _Windows:
    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], cwd: str | None, errors: bool) -> None:
        import subprocess

        self._process: Popen[bytes] = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
            cwd=cwd,
            env=dict(environ),
            bufsize=0,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.pid = self._process.pid

    @property
    def stdout(self) -> IO[bytes] | None:
        return self._process.stdout

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def wait(self, seconds: float) -> None:
        from subprocess import TimeoutExpired

        with contextlib.suppress(TimeoutExpired):
            self._process.wait(seconds)

    def why_not(self) -> str | None:
        return None


def end(program: Program, seconds: float) -> None:
    """Kills a program and what it began, if it still runs, and waits at most so long for its end."""
    if program.returncode is not None:  # the system may have given its number to another process
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            ending.kill_group(program.pid)
        else:
            os.kill(program.pid, 15)  # Windows ends it at once, whatever the number
        program.wait(seconds)
