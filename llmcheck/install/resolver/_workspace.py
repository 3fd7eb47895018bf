"""Runs programs with a time limit in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from llmcheck.errors import UsageError
from llmcheck.install.resolver._types import ProcessResult, ResolverError
from llmcheck.system import answering, ending, started, worker
from llmcheck.system.started import Program

_HEAD, _TAIL = 64 * 2**10, 256 * 2**10
_END_SECONDS = 2.0
_REMOVE_SECONDS = 3.0
"""After a signal; the cache of a resolver may have thousands of files."""
TEMPORARY = "the folder for temporary files"
VERSION_SECONDS = 20.0
"""For a program that only prints its version."""


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A new folder, which is gone afterwards, however this process ends. Raises UsageError if none can be made."""
    try:
        place = answering.apart(tempfile.gettempdir, [(TEMPORARY, os.environ.get("TMPDIR", ""))])
    except OSError as error:
        raise UsageError(f"{TEMPORARY}: {error.strerror or error}; set TMPDIR to one that can be written") from None
    folder = os.path.join(place, f"llmcheck-{os.urandom(8).hex()}")
    with ending.held():
        removed = ending.on_end(lambda: _remove(folder))
    try:
        try:
            answering.apart(lambda: os.mkdir(folder, 0o700), [(TEMPORARY, place)])
        except OSError as error:
            raise UsageError(f"{TEMPORARY} {place}: {error.strerror or error}; set TMPDIR to another one") from None
        yield folder
    finally:
        with contextlib.suppress(UsageError):  # it does not answer: nothing can be removed
            answering.apart(lambda: shutil.rmtree(folder, ignore_errors=True), [(TEMPORARY, folder)])
        removed()


def _remove(folder: str) -> None:
    """At the end of the process: without a long wait."""
    child = worker.start(lambda _: shutil.rmtree(folder, ignore_errors=True))
    with contextlib.suppress(TimeoutError):
        child.frame(time.monotonic() + _REMOVE_SECONDS)
    child.leave()


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
        answering.apart(lambda: os.makedirs(path, exist_ok=True), [(TEMPORARY, path)])
        return path

    def which(self, name: str) -> str | None:
        """The path of a command. Relative entries of PATH, which lead into the working directory, are left out."""
        folders = [each for each in self.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(each)]
        named = [("the folder of PATH", each) for each in folders]
        found = answering.apart(lambda: shutil.which(name, path=os.pathsep.join(folders)), named) if named else None
        return found if found and os.path.isabs(found) else None  # Windows looks in the working directory first

    def run(self, argv: Sequence[str], *, here: bool = False, seconds: float | None = None) -> ProcessResult:
        """Runs a program. At the deadline, or if llmcheck is interrupted, it is killed with all its child processes.

        ``here``: run it in the current folder, whose settings it reads; otherwise in an empty folder, so that Python
        cannot import files from there. ``seconds``: a shorter limit than the deadline. Raises ResolverError if it
        cannot be run or does not end in time.
        """
        with ending.held():
            process = self._begun(argv, here)
            ended = ending.on_end(lambda: started.end(process, _END_SECONDS))
        left = self.deadline - time.monotonic()
        left = left if seconds is None else min(left, seconds)
        reader = _OutputReader(process)
        try:
            self._wait(reader, argv[0], time.monotonic() + left)
            if not reader.is_alive():
                process.wait(_END_SECONDS)
        finally:
            exit_code = process.returncode
            _end_process(process, reader)
            ended()
        if exit_code is None:
            raise ResolverError(
                "failed", f"{os.path.basename(argv[0])} did not end within {seconds or self.seconds:g} s"
            )
        why = process.why_not()
        if why is not None:
            raise ResolverError("failed", f"{argv[0]} cannot be run: {why}")
        return ProcessResult(exit_code, reader.text())

    def _wait(self, reader: _OutputReader, program: str, end: float) -> None:
        """Raises UsageError where it waits for our folder, or for its own file, which do not answer any more."""
        named = [(TEMPORARY, self.folder), ("", program)]
        while reader.is_alive() and (left := end - time.monotonic()) > 0:
            reader.join(min(left, answering.patience()))
            if reader.is_alive():
                answering.require_again(named)

    def _begun(self, argv: Sequence[str], here: bool) -> Program:
        try:
            return started.start(argv, self.environ, None if here else self.subfolder("empty"), errors=True)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ResolverError("failed", f"{argv[0]} cannot be run: {why}") from None


class _OutputReader(threading.Thread):
    """Reads a program's output and keeps its beginning and end. A thread, because Windows cannot poll a pipe."""

    def __init__(self, process: Program) -> None:
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


def _end_process(process: Program, reader: _OutputReader) -> None:
    """Kills a program that still runs, with its child processes, and waits only briefly for them."""
    if process.returncode is None:
        started.end(process, _END_SECONDS)
        reader.join(_END_SECONDS)
    if process.stdout is not None and not reader.is_alive():
        process.stdout.close()


def program_title(name: str, result: ProcessResult) -> str:
    """``uv 0.13.9`` from the output of ``--version``; the name alone if there is no version in it."""
    found = re.search(rf"^{name} (\d\S*)", result.output, re.MULTILINE)
    return f"{name} {found[1]}" if found else name
