"""Chooses the project's Python and queries it while the rest of llmcheck is imported.

It imports almost nothing, because it is imported first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from llmcheck.system import ending

if TYPE_CHECKING:
    from llmcheck.system.started import Program

# The answer has a line for each field, with values separated by NUL, between two marks: wrapper scripts may also write
# to standard output. ``source``: how the version became known.
PROGRAM_FIELDS = ("version", "implementation", "prefix", "base_prefix", "stdlib", "path", "source")
BEGIN, END = b"\n#llmcheck-begin\n", b"#llmcheck-end\n"

# -I -S -B: no start-up file, no .pth file, no PYTHON* variable, nothing of the working directory, nothing is written.
# Without the site module an environment is not set up, so only what is the same for all its environments is asked.
_SWITCHES = ("-I", "-S", "-B", "-c")
_PROGRAM = """
import sys, os
w, e = sys.stdout.buffer.write, os.fsencode
w(b'\\n#llmcheck-begin\\n')
for v in ('%d.%d.%d' % sys.version_info[:3], sys.implementation.name, sys.base_prefix, os.path.dirname(os.__file__),
          sys.executable):
    w(e(v) + b'\\n')
w(b'#llmcheck-end\\n')
sys.stdout.flush()
"""
NAMED = "named with --python"
OWN = "the environment that llmcheck is installed in"
IN_DIRECTORY = ".venv in the working directory"
ON_PATH = "the first python3 on PATH"
LEFT_OUT = "environment-of-another-user"
"""Code of the problem that a ``.venv`` was not read; see ``left_out``."""
_VENV = ".venv"
_LINES = 5
"""Of the answer to ``_PROGRAM``."""
_ANSWER_LIMIT = 1 << 20
_END_SECONDS = 0.2
_TOOL_HOMES = (f"{os.sep}pipx{os.sep}", f"{os.sep}uv{os.sep}tools{os.sep}", f"{os.sep}uv{os.sep}archive-")


class InterpreterChoice(NamedTuple):
    executable: str
    reason: str
    explicit: bool = False
    """Whether ``--python`` names it."""

    @property
    def may_run(self) -> bool:
        """Whether it may be started where its files do not tell its version: only if ``--python`` or an active
        environment names it.
        """
        return self.reason not in (IN_DIRECTORY, ON_PATH) and os.path.isabs(self.executable)


def choose(explicit: str | None, environ: Mapping[str, str], cwd: str) -> InterpreterChoice | None:
    """The project's interpreter and the reason for the choice; None if none was found.

    The environment of llmcheck comes after the project's ``.venv``, and is not chosen if pipx or uv made it for
    llmcheck alone. An active environment whose Python cannot be run is ignored here, and a ``.venv`` of another user
    where this process is root's; the ``software`` probe reports both.
    """
    if explicit:
        return InterpreterChoice(_named(explicit, environ, cwd), NAMED, explicit=True)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix and (found := in_prefix(os.path.join(cwd, prefix))) and not _is_tools(os.path.join(cwd, prefix)):
            return InterpreterChoice(found, f"the active environment ({variable})")
    folder = os.path.join(cwd, _VENV)
    if found := in_prefix(folder):
        if os.path.realpath(folder) == os.path.realpath(sys.prefix):
            return InterpreterChoice(sys.executable, IN_DIRECTORY)
        if not left_out(cwd):
            return InterpreterChoice(found, IN_DIRECTORY)
    if not _is_tools(sys.prefix):
        return InterpreterChoice(sys.executable, OWN)
    names = ("python3", "python.exe") if os.name == "nt" else ("python3",)
    path = _on_path(names, environ)
    return InterpreterChoice(path, ON_PATH) if path else None


def left_out(cwd: str, user: int | None = None) -> bool:
    """Whether the working directory has a ``.venv`` that is not even read: another user made it, and this is root.

    ``user``: whose process this is; None for this one's, which has none on Windows.
    """
    if user is None:
        user = os.geteuid() if hasattr(os, "geteuid") else 1
    folder = os.path.join(cwd, _VENV)
    if user != 0 or in_prefix(folder) is None:
        return False
    try:
        return any(status.st_uid != 0 for status in (os.stat(cwd), os.lstat(folder), os.stat(folder)))
    except OSError:
        return True


def _named(explicit: str, environ: Mapping[str, str], cwd: str) -> str:
    """The path of ``--python``; or, as in a shell, the name of a command, which stays a name where PATH has none."""
    names = (explicit, f"{explicit}.exe") if os.name == "nt" else (explicit,)
    if os.path.dirname(explicit) or explicit.startswith("~"):
        return os.path.abspath(os.path.join(cwd, os.path.expanduser(explicit)))
    return _on_path(names, environ) or explicit


def _on_path(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """Entries such as ``.`` are left out: what they name may have come with somebody else's project."""
    for folder in (environ.get("PATH") or "").split(os.pathsep):
        for name in names if os.path.isabs(folder) else ():
            path = os.path.join(folder, name)
            if _can_run(path):
                return path
    return None


def _can_run(path: str) -> bool:
    return os.access(path, os.X_OK) and not os.path.isdir(path)


def _is_tools(prefix: str) -> bool:
    """Whether this is the environment of llmcheck, and pipx or uv made it for llmcheck alone; both leave a file."""
    if prefix != sys.prefix and os.path.realpath(prefix) != os.path.realpath(sys.prefix):
        return False
    if any(home in prefix + os.sep for home in _TOOL_HOMES):
        return True
    return any(os.path.exists(os.path.join(prefix, name)) for name in ("pipx_metadata.json", "uv-receipt.toml"))


def in_prefix(prefix: str) -> str | None:
    """The path of the Python in an environment's folder; None where none can be run."""
    for parts in (("Scripts", "python.exe"), ("python.exe",)) if os.name == "nt" else (("bin", "python"),):
        path = os.path.join(prefix, *parts)
        if _can_run(path):
            return path
    return None


class InterpreterQuery:
    """A running query of an interpreter; ``answer`` waits for the result.

    The interpreter cannot read our standard input. It has its own process group, so that its child processes are killed
    with it, at the latest when this process ends.
    """

    def __init__(self, choice: InterpreterChoice | None, cwd: str | None = None, seconds: float = 10.0) -> None:
        """``cwd``: the working directory, None for ours. Version managers such as pyenv choose a Python by it.

        ``seconds``: for its files to be read. Raises UsageError where they are on a mount that does not answer.
        """
        self.choice = choice
        self._process: Program | None = None
        self._facts: Mapping[str, list[str]] | None = None
        if choice is None:
            return
        if choice.executable == sys.executable:
            self._facts = _own_facts() if _can_run(choice.executable) else None
            return
        runs, self._facts = _read(choice.executable, seconds)
        if runs and self._facts is None and choice.may_run:
            with ending.held():
                self._process = _start(choice.executable, cwd)
                if self._process is not None:
                    ending.on_end(self.close)

    def answer(self, timeout: float) -> bytes | None:
        """``PROGRAM_FIELDS``; None if neither files nor the interpreter tell them within ``timeout`` seconds.

        Output that is not the expected one is returned as it is. After ``timeout`` the interpreter is killed.
        """
        if self._facts is not None:
            return _answer(self._facts)
        if self._process is None:
            return None
        import threading

        # A thread, because Windows cannot wait for a pipe with a timeout; it ends when the pipe is closed.
        output = bytearray()
        reader = threading.Thread(target=_read_answer, args=(self._process, output), daemon=True)
        reader.start()
        reader.join(timeout)
        if END not in output:
            self.close()
            reader.join(_END_SECONDS)
            return None
        return _completed(bytes(output), self.choice.executable if self.choice else "")

    def close(self) -> None:
        """Kill the interpreter and its child processes, without a long wait for a process that cannot be killed."""
        if self._process is not None:
            from llmcheck.system import started

            started.end(self._process, _END_SECONDS)


def _read(executable: str, seconds: float) -> tuple[bool, Mapping[str, list[str]] | None]:
    """Whether it can be run, and what its files tell."""
    from llmcheck.system import answering
    from llmcheck.system.environment_files import facts

    def read() -> tuple[bool, Mapping[str, list[str]] | None]:
        runs = _can_run(executable)
        return runs, facts(executable, os.environ) if runs else None

    prefix = os.path.dirname(os.path.dirname(executable))
    return answering.or_who(read, lambda: [("the environment", prefix)], seconds)


def _start(executable: str, cwd: str | None) -> Program | None:
    from llmcheck.system import started  # usually the project's interpreter is our own

    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "__PYVENV"))}
    try:
        return started.start([executable, *_SWITCHES, _PROGRAM], environ, cwd)
    except (OSError, ValueError):
        return None


def _read_answer(process: Program, output: bytearray) -> None:
    """Read up to the end mark, the end of the pipe or ``_ANSWER_LIMIT``."""
    stream = process.stdout
    while stream is not None and len(output) < _ANSWER_LIMIT and END not in output:
        data = stream.read(1 << 16)
        if not data:
            return
        output += data


def _completed(output: bytes, program: str) -> bytes:
    """The answer of an interpreter with the folders of its environment; what is no answer stays as it is."""
    from llmcheck.system.environment_files import Found, completed

    _, begun, rest = output.rpartition(BEGIN)
    text, ended, _ = rest.partition(END)
    lines = os.fsdecode(text).splitlines()
    if not begun or not ended or len(lines) != _LINES or not all(lines):
        return output
    version, implementation, base, stdlib, executable = lines
    source = f"its own answer to: {program} {' '.join(_SWITCHES)} ..."
    return _answer(completed(Found(executable, version, implementation, base, stdlib, source), os.environ))


def _own_facts() -> Mapping[str, list[str]]:
    # The first entry is the folder of the script or the working directory, not one of the environment.
    path = sys.path if getattr(sys.flags, "safe_path", False) else sys.path[1:]
    return {
        "version": [f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"],
        "implementation": [sys.implementation.name],
        "prefix": [sys.prefix],
        "base_prefix": [sys.base_prefix],
        "stdlib": [os.path.dirname(os.__file__)],
        "path": [place for place in path if place],
        "source": ["the Python that runs llmcheck"],
    }


def _answer(facts: Mapping[str, list[str]]) -> bytes:
    """A folder whose name has a line break is left out."""
    fields = ([value for value in facts[name] if "\n" not in value] for name in PROGRAM_FIELDS)
    lines = b"".join(b"\0".join(os.fsencode(value) for value in values) + b"\n" for values in fields)
    return BEGIN + lines + END
