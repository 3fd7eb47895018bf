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
    from subprocess import Popen

# The answer has a line for each field, with values separated by NUL, between two marks: start-up files and wrapper
# scripts may also write to standard output.
PROGRAM_FIELDS = ("version", "implementation", "prefix", "base_prefix", "stdlib", "path")
BEGIN, END = b"\n#llmcheck-begin\n", b"#llmcheck-end\n"

# Runs in any Python since 2.6, so that an old one can report its version. sys and os are loaded at every start.
_PROGRAM = """
import sys, os
w = getattr(sys.stdout, 'buffer', sys.stdout).write
e = getattr(os, 'fsencode', lambda x: x)
i = getattr(sys, 'implementation', None)
b = getattr(sys, 'base_prefix', getattr(sys, 'real_prefix', sys.prefix))
n = i.name if i else 'pypy' if hasattr(sys, 'pypy_version_info') else 'cpython'
w(e('\\n#llmcheck-begin\\n'))
for v in (['%d.%d.%d' % sys.version_info[:3]], [n], [sys.prefix], [b], [os.path.dirname(os.__file__)],
          [p for p in sys.path if p]):
    w(e('\\0').join([e(x) for x in v]) + e('\\n'))
w(e('#llmcheck-end\\n'))
sys.stdout.flush()
"""
NAMED = "named with --python"
OWN = "the environment that llmcheck is installed in"
IN_DIRECTORY = ".venv in the working directory"
_VENV = ".venv"
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
        """Whether it may be started to be asked; of one that only lies in the working directory the files are read."""
        return self.reason != IN_DIRECTORY


def choose(explicit: str | None, environ: Mapping[str, str], cwd: str) -> InterpreterChoice | None:
    """The project's interpreter and the reason for the choice; None if none was found.

    The environment of llmcheck comes after the project's ``.venv``, and is not chosen if pipx or uv made it for
    llmcheck alone. An active environment whose Python cannot be run is ignored here; the ``software`` probe reports it.
    """
    if explicit:
        return InterpreterChoice(_named(explicit, environ, cwd), NAMED, explicit=True)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix and (found := in_prefix(os.path.join(cwd, prefix))) and not _is_tools(os.path.join(cwd, prefix)):
            return InterpreterChoice(found, f"the active environment ({variable})")
    folder = os.path.join(cwd, _VENV)
    if found := in_prefix(folder):
        own = os.path.realpath(folder) == os.path.realpath(sys.prefix)
        return InterpreterChoice(sys.executable if own else found, IN_DIRECTORY)
    if not _is_tools(sys.prefix):
        return InterpreterChoice(sys.executable, OWN)
    names = ("python3", "python.exe") if os.name == "nt" else ("python3",)
    path = _on_path(names, environ, cwd)
    return InterpreterChoice(path, "the first python3 on PATH") if path else None


def _named(explicit: str, environ: Mapping[str, str], cwd: str) -> str:
    """The path of ``--python``, which is a path or, as in a shell, the name of a command."""
    path = os.path.abspath(os.path.join(cwd, os.path.expanduser(explicit)))
    if os.path.dirname(explicit) or os.path.lexists(path):
        return path
    names = (explicit, f"{explicit}.exe") if os.name == "nt" else (explicit,)
    return _on_path(names, environ, cwd) or path


def _on_path(names: tuple[str, ...], environ: Mapping[str, str], cwd: str) -> str | None:
    for folder in (environ.get("PATH") or "").split(os.pathsep):
        for name in names:
            path = os.path.join(cwd, folder, name)
            if folder and _can_run(path):
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

    def __init__(self, choice: InterpreterChoice | None, cwd: str | None = None) -> None:
        """``cwd``: the working directory, None for ours. Version managers such as pyenv choose a Python by it."""
        self.choice = choice
        self._process: Popen[bytes] | None = None
        self._own = choice is not None and choice.executable == sys.executable
        self._files = choice is not None and not choice.may_run and not self._own
        if choice is not None and not self._own and not self._files:
            with ending.held():
                self._process = _start(choice.executable, cwd)
                if self._process is not None:
                    ending.on_end(self.close)

    def answer(self, timeout: float) -> bytes | None:
        """The interpreter's output; None if it cannot be run, stops early or takes more than ``timeout`` seconds.

        After ``timeout`` it is killed.
        """
        if self._own:
            return _own_answer()
        if self._files and self.choice is not None:
            from llmcheck.system import answering

            executable = self.choice.executable
            return answering.result(lambda: _answer_of_files(executable), timeout)
        if self._process is None:
            return None
        import threading  # subprocess has imported it already

        # A thread, because Windows cannot wait for a pipe with a timeout; it ends when the pipe is closed.
        output = bytearray()
        reader = threading.Thread(target=_read_answer, args=(self._process, output), daemon=True)
        reader.start()
        reader.join(timeout)
        if END not in output:
            self.close()
            reader.join(_END_SECONDS)
            return None
        return bytes(output)

    def close(self) -> None:
        """Kill the interpreter and its child processes, without a long wait for a process that cannot be killed."""
        if self._process is None or self._process.returncode is not None:
            return
        from subprocess import TimeoutExpired

        # Its exit status was not collected yet, so the kernel cannot have given its number to another process.
        try:
            if hasattr(os, "killpg"):
                ending.kill_group(self._process.pid)
            else:
                self._process.kill()
            self._process.wait(_END_SECONDS)
        except (OSError, TimeoutExpired):
            return


def _start(executable: str, cwd: str | None) -> Popen[bytes] | None:
    import subprocess  # 7 ms; usually the project's interpreter is our own

    parent = ending.parent_of_children()
    try:
        return subprocess.Popen(
            [executable, "-c", _PROGRAM],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=cwd,
            bufsize=0,
            preexec_fn=(lambda: ending.begin_child(parent)) if os.name == "posix" else None,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, ValueError):
        return None


def _read_answer(process: Popen[bytes], output: bytearray) -> None:
    """Read up to the end mark, the end of the pipe or ``_ANSWER_LIMIT``."""
    stream = process.stdout
    while stream is not None and len(output) < _ANSWER_LIMIT and END not in output:
        data = stream.read(1 << 16)
        if not data:
            return
        output += data


def _own_answer() -> bytes:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
    # The first entry is the folder of the script or the working directory, not one of the environment.
    path = sys.path if getattr(sys.flags, "safe_path", False) else sys.path[1:]
    return _answer(
        [
            [version],
            [sys.implementation.name],
            [sys.prefix],
            [sys.base_prefix],
            [os.path.dirname(os.__file__)],
            [place for place in path if place],
        ]
    )


def _answer_of_files(executable: str) -> bytes | None:
    from llmcheck.system.environment_files import facts

    found = facts(os.path.dirname(os.path.dirname(executable)), os.environ)
    return None if found is None else _answer([found[name] for name in PROGRAM_FIELDS])


def _answer(fields: list[list[str]]) -> bytes:
    lines = b"".join(b"\0".join(os.fsencode(value) for value in values) + b"\n" for values in fields)
    return BEGIN + lines + END
