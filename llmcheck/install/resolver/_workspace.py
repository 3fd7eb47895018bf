"""Runs programs with a time limit in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

from llmcheck.install.resolver._types import ProcessResult, ResolverError
from llmcheck.system import ending

_HEAD, _TAIL = 64 * 2**10, 256 * 2**10
_END_SECONDS = 2.0
VERSION_SECONDS = 20.0
"""For a program that only prints its version."""


class Workspace:
    """The folder, the deadline and the environment variables that all programs of one verification share."""

    def __init__(self, folder: str, seconds: float, environ: Mapping[str, str] | None) -> None:
        self.folder, self.seconds, self.deadline = folder, seconds, time.monotonic() + seconds
        temporary = self.subfolder("tmp")
        own = os.environ if environ is None else environ
        # The temporary files of a resolver that is killed are removed with our folder.
        self.environ = {**own, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary, "PYTHONDONTWRITEBYTECODE": "1"}
        self.cache = self.subfolder("cache")

    def subfolder(self, name: str) -> str:
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def which(self, name: str) -> str | None:
        """The path of a command. Relative entries of PATH, which lead into the working directory, are left out."""
        folders = filter(os.path.isabs, self.environ.get("PATH", "").split(os.pathsep))
        found = shutil.which(name, path=os.pathsep.join(folders))
        return found if found and os.path.isabs(found) else None  # Windows looks in the working directory first

    def run(self, argv: Sequence[str], *, here: bool = False, seconds: float | None = None) -> ProcessResult:
        """Runs a program. At the deadline, or if llmcheck is interrupted, it is killed with all its child processes.

        ``here``: run it in the current folder, whose settings it reads; otherwise in an empty folder, so that Python
        cannot import files from there. ``seconds``: a shorter limit than the deadline. Raises ResolverError if it
        cannot be run or does not end in time.
        """
        with ending.held():
            process = self._begun(argv, here)
            ended = ending.on_end(lambda: _kill(process))
        left = self.deadline - time.monotonic()
        left = left if seconds is None else min(left, seconds)
        reader = _OutputReader(process)
        try:
            reader.join(max(0.0, left))
            if not reader.is_alive():
                process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            exit_code = process.returncode
            _end_process(process, reader)
            ended()
        if exit_code is None:
            raise ResolverError(
                "failed", f"{os.path.basename(argv[0])} did not end within {seconds or self.seconds:g} s"
            )
        return ProcessResult(exit_code, reader.text())

    def _begun(self, argv: Sequence[str], here: bool) -> subprocess.Popen[bytes]:
        parent = ending.parent_of_children()
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=None if here else self.subfolder("empty"),
                env=self.environ,
                bufsize=0,
                preexec_fn=(lambda: ending.begin_child(parent)) if os.name == "posix" else None,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ResolverError("failed", f"{argv[0]} cannot be run: {why}") from None


class _OutputReader(threading.Thread):
    """Reads a program's output and keeps its beginning and end. A thread, because Windows cannot poll a pipe."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True, name="resolver")
        self._process, self._head, self._tail = process, bytearray(), bytearray()
        self.start()

    def run(self) -> None:
        stream = self._process.stdout
        with contextlib.suppress(OSError, ValueError):
            while stream is not None and (data := stream.read(1 << 16)):
                missing = max(0, _HEAD - len(self._head))
                self._head += data[:missing]
                self._tail += data[missing:]
                del self._tail[:-_TAIL]

    def text(self) -> str:
        return (bytes(self._head) + bytes(self._tail)).decode("utf-8", "replace")


def _end_process(process: subprocess.Popen[bytes], reader: _OutputReader) -> None:
    """Kills a program that still runs, with its child processes, and waits only briefly for them."""
    if process.returncode is None:
        _kill(process)
        reader.join(_END_SECONDS)
    if process.stdout is not None and not reader.is_alive():
        process.stdout.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """It was not waited for yet, so the system cannot have given its process id to another process."""
    if process.returncode is not None:
        return
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if hasattr(os, "killpg"):
            ending.kill_group(process.pid)
        else:
            process.kill()
        process.wait(_END_SECONDS)


def program_title(name: str, result: ProcessResult) -> str:
    """``uv 0.13.9`` from the output of ``--version``; the name alone if there is no version in it."""
    found = re.search(rf"^{name} (\d\S*)", result.output, re.MULTILINE)
    return f"{name} {found[1]}" if found else name
