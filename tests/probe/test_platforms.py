"""The way to a result holds where POSIX's own functions are missing: they are taken away before the first import.

This is no Windows: it shows that nothing that Windows lacks is needed, not that what it has is used rightly.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "llmcheck"

# In modules that Windows does not have.
MODULES = ("resource", "fcntl", "pwd", "grp", "termios", "tty", "syslog", "readline")
# Of os and signal, what Windows does not have, as the standard library's documentation has it.
FUNCTIONS = """
    fork forkpty uname statvfs fstatvfs confstr sysconf getuid geteuid getgid getegid getgroups getpgid getpgrp getsid
    setsid setpgid killpg sched_getaffinity sched_setaffinity major minor makedev mkfifo mknod chown lchown chroot
    fchmod fchown nice wait wait3 wait4 waitid WNOHANG WIFSIGNALED WTERMSIG WIFEXITED WEXITSTATUS
    posix_fadvise posix_fallocate posix_spawn pread preadv pwrite pwritev readv writev O_DIRECT O_NOCTTY O_NONBLOCK
    getloadavg getpriority initgroups openpty pipe2 memfd_create eventfd sendfile getxattr listxattr setxattr
    ST_RDONLY statvfs_result
""".split()  # noqa: SIM905 - a list with quotes is harder to read
SIGNALS = ("SIGKILL", "SIGALRM", "SIGCHLD", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE", "alarm", "setitimer")

DRIVER = """
import sys
sys.path[:0] = [{root!r}]
import ctypes, os, psutil, select, shutil, signal, subprocess, tempfile, threading, types
# How the standard library keeps its own promises on this system is its business: it keeps what it uses.
subprocess.signal, subprocess.os = types.SimpleNamespace(**vars(signal)), types.SimpleNamespace(**vars(os))
statvfs = os.statvfs
shutil.disk_usage = lambda path: shutil._ntuple_diskusage(*[n * statvfs(path).f_frsize for n in blocks(path)])
blocks = lambda path: (lambda s: (s.f_blocks, s.f_blocks - s.f_bfree, s.f_bavail))(statvfs(path))
for module in {modules!r}:
    sys.modules[module] = None
for name in {functions!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in {signals!r}:
    if hasattr(signal, name):
        delattr(signal, name)
def refuse(*_):
    raise OSError("only sockets can be waited for here")
select.select = refuse
for name in ("poll", "epoll", "kqueue"):
    if hasattr(select, name):
        delattr(select, name)
"""
RUN = "sys.argv[0] = 'llmcheck'\nfrom llmcheck.__main__ import main\nmain()\n"


def bare(program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    driver = DRIVER.format(root=str(PACKAGE.parent), modules=MODULES, functions=FUNCTIONS, signals=SIGNALS)
    return subprocess.run([sys.executable, "-c", driver + program, *arguments], capture_output=True, timeout=120)


def modules() -> list[str]:
    """All but the tools for agents, whose library imports fcntl on the system that the test runs on, and the programs
    of ``prove``, which run when they are read."""
    paths = sorted(path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py"))
    paths.remove(Path("llmcheck/cli/agent_tools"))
    paths = [each for each in paths if each.parent.name != "children" or each.name == "__init__"]
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


def test_what_is_taken_away_is_really_gone() -> None:
    """The stage itself: a function that is still there would prove nothing."""
    program = "import json; print(json.dumps([hasattr(os, 'fork'), hasattr(os, 'uname'), hasattr(signal, 'SIGKILL')]))"
    assert json.loads(bare(program).stdout) == [False, False, False]
    assert bare("import resource").returncode == 1


def test_every_module_can_be_imported() -> None:
    names = modules()
    assert "llmcheck.probe.access" in names
    done = bare(f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)\nprint(len({names!r}))")
    assert done.stderr == b""
    assert int(done.stdout) == len(names)


def document(*arguments: str) -> Any:
    done = bare(RUN, *arguments)
    assert done.stderr == b""
    assert done.returncode == 0
    return json.loads(done.stdout)


def test_the_inventory_comes_whole() -> None:
    machine = document("machine", "--format", "json")
    assert [problem for problem in machine["problems"] if problem["code"] in ("failed", "crashed", "deadline")] == []
    assert machine["cpu"]["threads"] > 0, "from psutil"
    assert machine["ram"]["total"] > 0
    assert machine["software"]["python"]["version"] == "{}.{}.{}".format(*sys.version_info)
    assert machine["software"]["packages"]
    assert {disk["role"] for disk in machine["disks"]} == {"models", "work"}
    assert all(disk["size"] for disk in machine["disks"])
    assert machine["cpu"]["threads_affinity"] is None or machine["cpu"]["threads_affinity"] > 0
    assert machine["access"]["endpoints"] is None


@pytest.mark.parametrize("words", [("--format", "json"), ("cloud", "inference-7b", "--format", "json")])
def test_the_whole_command_comes_to_a_result(words: tuple[str, ...]) -> None:
    assert document(*words)["schema"].startswith("llmcheck.")


def test_the_gate_decides() -> None:
    done = bare(RUN, "check", "inference-7b", "--format", "json")
    assert done.stderr == b""
    assert done.returncode in (0, 1, 3)
    assert json.loads(done.stdout)["exit_code"] == done.returncode


def test_another_interpreter_is_asked_without_process_groups() -> None:
    import venv
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        venv.create(folder, symlinks=True)
        python = f"{folder}/bin/python"
        machine = document("machine", "--format", "json", "--python", python)
        assert machine["software"]["python"]["prefix"] == folder


def test_an_interpreter_that_hangs_is_left_without_process_groups(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 600\n")
    python.chmod(0o755)
    machine = document("machine", "--format", "json", "--python", str(python), "--probe-timeout", "0.5")
    assert "python-unusable" in [problem["code"] for problem in machine["problems"]]


def imported_at_once(tree: ast.Module) -> Iterator[str]:
    """Modules that are imported as soon as a file is, outside of functions and of ``if TYPE_CHECKING``."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_no_file_imports_what_windows_lacks() -> None:
    for path in PACKAGE.rglob("*.py"):
        names = set(imported_at_once(ast.parse(path.read_text(encoding="utf-8"))))
        assert not names & set(MODULES), path
