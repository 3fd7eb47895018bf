"""Which Python the project uses, and asking it about itself in a process that is started before our own imports.

Imports next to nothing, for it runs first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from subprocess import Popen

# One line per field, the values of a field separated by NUL; sys and os are loaded in every interpreter already.
PROGRAM_FIELDS = ("version", "implementation", "prefix", "base_prefix", "stdlib", "path")
_PROGRAM = """
import sys, os
w = sys.stdout.buffer.write
for v in (['%d.%d.%d' % sys.version_info[:3]], [sys.implementation.name], [sys.prefix], [sys.base_prefix],
          [os.path.dirname(os.__file__)],
          [p for p in sys.path if os.path.basename(p) in ('site-packages', 'dist-packages')]):
    w(b'\\0'.join(os.fsencode(x) for x in v) + b'\\n')
"""
_TOOL_HOMES = (f"{os.sep}pipx{os.sep}", f"{os.sep}uv{os.sep}tools{os.sep}", f"{os.sep}uv{os.sep}archive-")


class Choice(NamedTuple):
    executable: str
    reason: str


def choose(explicit: str | None, environ: Mapping[str, str], cwd: str) -> Choice | None:
    """The project's interpreter and why it is taken; None if there is none."""
    if explicit:
        return Choice(os.path.abspath(os.path.expanduser(explicit)), "named with --python")
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix and (found := _in_prefix(prefix)):
            return Choice(found, f"the active environment ({variable})")
    if not any(home in sys.prefix + os.sep for home in _TOOL_HOMES) and not _is_ephemeral():
        return Choice(sys.executable, "the environment that llmcheck is installed in")
    if found := _in_prefix(os.path.join(cwd, ".venv")):
        return Choice(found, ".venv in the working directory")
    for folder in (environ.get("PATH") or "").split(os.pathsep):
        for name in ("python3", "python.exe") if os.name == "nt" else ("python3",):
            path = os.path.join(folder, name)
            if folder and os.access(path, os.X_OK) and not os.path.isdir(path):
                return Choice(path, "the first python3 on PATH")
    return None


def _is_ephemeral() -> bool:
    """An environment made for llmcheck alone: pipx leaves its metadata, uv a receipt."""
    return any(os.path.exists(os.path.join(sys.prefix, name)) for name in ("pipx_metadata.json", "uv-receipt.toml"))


def _in_prefix(prefix: str) -> str | None:
    for parts in (("Scripts", "python.exe"), ("python.exe",)) if os.name == "nt" else (("bin", "python"),):
        path = os.path.join(prefix, *parts)
        if os.access(path, os.X_OK):
            return path
    return None


class Question:
    """An interpreter that is being asked; ``answer`` waits for it at most so long."""

    def __init__(self, choice: Choice | None, cwd: str = os.sep) -> None:
        self.choice = choice
        self._process: Popen[bytes] | None = None
        self._own = choice is not None and choice.executable == sys.executable
        if choice is None or self._own:
            return
        import subprocess  # 7 ms, and mostly the project's interpreter is our own

        try:
            self._process = subprocess.Popen(
                [choice.executable, "-c", _PROGRAM],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=cwd,
            )
        except OSError:
            self._process = None

    def answer(self, timeout: float) -> bytes | None:
        """What the interpreter said; None if it cannot be run, fails or is late (it is then killed, not waited for)."""
        if self._own:
            return _own_answer()
        if self._process is None:
            return None
        from subprocess import TimeoutExpired

        try:
            output, _ = self._process.communicate(timeout=timeout)
        except TimeoutExpired:
            self._process.kill()
            return None
        return output if self._process.returncode == 0 else None


def _own_answer() -> bytes:
    site = [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
    fields = [
        [version],
        [sys.implementation.name],
        [sys.prefix],
        [sys.base_prefix],
        [os.path.dirname(os.__file__)],
        site,
    ]
    return b"".join(b"\0".join(os.fsencode(value) for value in values) + b"\n" for values in fields)
