"""Programs that are run for a while, and never longer."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

from llmcheck.install.resolver._values import Said, Trouble

_HEAD, _TAIL = 64 * 2**10, 256 * 2**10
_END_SECONDS = 2.0
QUESTION_SECONDS = 20.0
"""For a program that only says who it is."""


class Work:
    """The folder, the time and the variables that all calls of one verification share."""

    def __init__(self, folder: str, seconds: float, environ: Mapping[str, str] | None) -> None:
        self.folder, self.seconds, self.deadline = folder, seconds, time.monotonic() + seconds
        temporary = self.subfolder("tmp")
        own = os.environ if environ is None else environ
        # What a resolver that is ended leaves behind goes with our folder.
        self.environ = {**own, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary, "PYTHONDONTWRITEBYTECODE": "1"}
        self.cache = self.subfolder("cache")

    def subfolder(self, name: str) -> str:
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def which(self, name: str) -> str | None:
        found = shutil.which(name, path=self.environ.get("PATH", ""))
        return found and os.path.abspath(found)

    def run(self, argv: Sequence[str], *, here: bool = False, seconds: float | None = None) -> Said:
        """A program's end and words; it is ended with all that it started when time is up, or when we are interrupted.

        ``here``: in the user's folder, whose settings it reads; otherwise in an empty one, whose files cannot be taken
        for modules. Raises Trouble where it cannot be run or is late.
        """
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=None if here else self.subfolder("empty"),
                env=self.environ,
                bufsize=0,
                process_group=0 if os.name == "posix" else None,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise Trouble("failed", f"{argv[0]} cannot be run: {why}") from None
        left = self.deadline - time.monotonic()
        left = left if seconds is None else min(left, seconds)
        heard = _Heard(process)
        try:
            heard.join(max(0.0, left))
            if not heard.is_alive():
                process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            code = process.returncode
            _end(process, heard)
        if code is None:
            raise Trouble("failed", f"{os.path.basename(argv[0])} gave no answer within {seconds or self.seconds:g} s")
        return Said(code, heard.text())


class _Heard(threading.Thread):
    """Reads what a program says and keeps the beginning and the end; a thread, for Windows cannot wait for a pipe."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True, name="resolver")
        self._process, self._head, self._tail = process, bytearray(), bytearray()
        self.start()

    def run(self) -> None:
        stream = self._process.stdout
        with contextlib.suppress(OSError, ValueError):
            while stream is not None and (data := stream.read(1 << 16)):
                room = max(0, _HEAD - len(self._head))
                self._head += data[:room]
                self._tail += data[room:]
                del self._tail[:-_TAIL]

    def text(self) -> str:
        return (bytes(self._head) + bytes(self._tail)).decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes], heard: _Heard) -> None:
    """Ends a program that still runs, with all that it started; never waits long for what cannot be ended."""
    if process.returncode is None:
        # Nobody has waited for it yet, so its number, which is its group's, cannot belong to another by now.
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, 9)
            else:
                process.kill()
            process.wait(_END_SECONDS)
        heard.join(_END_SECONDS)
    if process.stdout is not None and not heard.is_alive():
        process.stdout.close()


def title(name: str, said: Said) -> str:
    found = re.search(rf"^{name} (\d\S*)", said.text, re.MULTILINE)
    return f"{name} {found[1]}" if found else name
