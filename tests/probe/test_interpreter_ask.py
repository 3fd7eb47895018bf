"""Asking another interpreter: whatever it is, it becomes facts or a Problem, and nothing of it stays behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from llmcheck.probe import Reading, Request, software
from llmcheck.schema.machine import Software
from llmcheck.system.host import Host
from llmcheck.system.interpreter import BEGIN, END, InterpreterChoice, InterpreterQuery, choose

ENDLESS = 600
REAL = f'exec {sys.executable} "$@"'


def script(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def read(executable: str, seconds: float = 30, environ: dict[str, str] | None = None) -> Reading:
    question = InterpreterQuery(InterpreterChoice(executable, "named with --python"))
    request = Request(
        python=InterpreterChoice(executable, "named with --python", explicit=True),
        python_answer=question.answer(seconds),
    )
    question.close()
    return software.probe(Host(environ=environ or {}), request)


def facts(reading: Reading) -> Software:
    assert reading.software is not None
    return reading.software


def gone(pid: int) -> bool:
    """Ended, or only waiting to be collected."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def folder(root: Path) -> str:
    (root / "env").mkdir()
    return str(root / "env")


def dangling(root: Path) -> str:
    (root / "python").symlink_to(root / "removed")
    return str(root / "python")


def not_executable(root: Path) -> str:
    (root / "python").write_text("")
    return str(root / "python")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (folder, "is a folder"),
        (dangling, "is a broken link"),
        (lambda root: str(root / "nowhere"), "does not exist"),
        (lambda root: script(root / "python", "echo Python 3.12"), "did not answer"),
        (lambda root: script(root / "python", 'echo "$@"'), "is not a Python"),
        (lambda root: script(root / "python", "exit 3"), "did not answer"),
        (lambda root: script(root / "python", "kill -9 $$"), "did not answer"),
    ],
)
def test_what_is_no_python_is_a_problem_that_says_what_it_is(
    tmp_path: Path, make: Callable[[Path], str], said: str
) -> None:
    path = make(tmp_path)
    reading = read(path)
    (problem,) = reading.problems
    assert (problem.code, facts(reading).packages) == ("python-unusable", None)
    assert problem.message.startswith(f"{path} ")
    assert said in problem.message
    assert problem.remedy


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may run what nobody may")
def test_what_may_not_be_run_is_a_problem(tmp_path: Path) -> None:
    assert "not executable" in read(not_executable(tmp_path)).problems[0].message


def test_a_flood_of_words_is_neither_kept_nor_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    question = InterpreterQuery(InterpreterChoice(script(tmp_path / "python", "exec yes"), "named"))
    assert question.answer(20) is None
    assert time.monotonic() - began < 15


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    text = f"sleep {ENDLESS} & echo $! > {tmp_path}/pid; echo $$ >> {tmp_path}/pid; wait"
    question = InterpreterQuery(InterpreterChoice(script(tmp_path / "python", text), "named"))
    while not (tmp_path / "pid").exists() or len((tmp_path / "pid").read_text().split()) < 2:
        time.sleep(0.01)
    assert question.answer(0.1) is None
    below, own = map(int, (tmp_path / "pid").read_text().split())
    assert gone(own)
    assert gone(below)


def test_a_wrapper_that_talks_and_leaves_a_process_behind_is_understood(tmp_path: Path) -> None:
    text = f"echo loading modules; sleep {ENDLESS} & echo $! > {tmp_path}/pid; {REAL}"
    began = time.monotonic()
    reading = read(script(tmp_path / "python", text), ENDLESS)
    assert time.monotonic() - began < 60
    assert reading.problems == ()
    python = facts(reading).python
    assert python is not None
    assert python.version == "{}.{}.{}".format(*sys.version_info)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_wrapper_that_goes_on_talking_is_understood(tmp_path: Path) -> None:
    reading = read(script(tmp_path / "python", f'{sys.executable} "$@"; echo; echo bye; exit 1'))
    assert reading.problems == ()
    assert facts(reading).packages


def test_it_does_not_read_our_standard_input(tmp_path: Path) -> None:
    path = script(tmp_path / "python", f"cat > {tmp_path}/heard; {REAL}")
    asked = f"InterpreterQuery(InterpreterChoice({path!r}, 'named'))"
    program = f"from llmcheck.system.interpreter import *; print(len({asked}.answer(60)))"
    done = subprocess.run(
        [sys.executable, "-c", program], input=b"secret", capture_output=True, check=True, timeout=120
    )
    assert int(done.stdout) > 50
    assert (tmp_path / "heard").read_bytes() == b""


def test_it_ends_with_us_though_nobody_waited_for_its_answer(tmp_path: Path) -> None:
    path = script(tmp_path / "python", f"echo $$ > {tmp_path}/pid; exec sleep {ENDLESS}")
    program = (
        "import os, time\nfrom llmcheck.system.interpreter import *\n"
        f"question = InterpreterQuery(InterpreterChoice({path!r}, 'named'))\n"
        f"while not os.path.exists('{tmp_path}/pid') or not open('{tmp_path}/pid').read(): time.sleep(0.01)\n"
        "raise SystemExit(2)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=120)
    assert done.returncode == 2
    assert gone(int((tmp_path / "pid").read_text()))


def version_of(name: str) -> str | None:
    """An interpreter of that version on this machine; a version manager's shim may lead to none."""
    home = Path.home() / ".pyenv" / "versions"
    found = sorted(home.glob(f"{name}.*/bin/python")) if home.exists() else []
    path = str(found[-1]) if found else shutil.which(f"python{name}")
    answers = path is not None and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    return path if answers else None


@pytest.mark.parametrize("name", ["2.7", "3.6", "3.7"])
def test_an_old_python_is_told_from_none(name: str) -> None:
    path = version_of(name)
    if path is None:
        pytest.skip(f"Python {name} is not here")
    reading = read(path)
    (problem,) = reading.problems
    python = facts(reading).python
    assert python is not None
    assert python.version is not None
    assert (problem.code, python.version.rpartition(".")[0]) == ("python-too-old", name)
    assert python.version in problem.message


@pytest.mark.parametrize("name", ["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_supported_pythons_answer(name: str) -> None:
    path = version_of(name)
    if path is None:
        pytest.skip(f"Python {name} is not here")
    assert read(path).problems == ()


@pytest.mark.parametrize(
    ("version", "codes"), [("3.7.99", ["python-too-old"]), ("3.8.0", []), ("2.6.6", ["python-too-old"]), ("4.0.0", [])]
)
def test_what_counts_as_too_old(version: str, codes: list[str]) -> None:
    said = BEGIN + "\n".join((version, "pypy", "/p", "/p", "/p/lib/pypy3.7", "")).encode() + b"\n" + END
    reading = software.probe(
        Host(environ={}), Request(python=InterpreterChoice("/p/bin/pypy", "named", explicit=True), python_answer=said)
    )
    assert [problem.code for problem in reading.problems] == codes
    python = facts(reading).python
    assert python is not None
    assert python.implementation == "pypy"


def test_a_shim_asks_for_the_version_of_the_working_directory(tmp_path: Path) -> None:
    """As the shims of version managers do: what runs depends on where it is run."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".python-version").write_text("chosen")
    shim = script(tmp_path / "shims" / "python3", f'test "$(cat .python-version)" = chosen && {REAL}')
    asked = f"InterpreterQuery(InterpreterChoice({shim!r}, 'named'))"
    program = f"from llmcheck.system.interpreter import *; print({asked}.answer(60) is not None)"
    for where, answers in ((tmp_path / "project", b"True"), (tmp_path, b"False")):
        done = subprocess.run([sys.executable, "-c", program], cwd=where, capture_output=True, check=True, timeout=120)
        assert done.stdout.strip() == answers


def test_a_broken_environment_is_passed_over_and_named(tmp_path: Path) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").symlink_to("/nowhere/python3.9")
    environ = {"VIRTUAL_ENV": str(tmp_path / "env")}
    chosen = choose(None, environ, str(tmp_path))
    assert chosen is not None
    assert not chosen.executable.startswith(str(tmp_path))
    request = Request(python=chosen, python_answer=InterpreterQuery(chosen).answer(30))
    (problem,) = software.probe(Host(environ=environ), request).problems
    assert (problem.code, str(tmp_path / "env") in problem.message) == ("environment-broken", True)
    assert "VIRTUAL_ENV" in (problem.remedy or "")


def test_a_sound_environment_is_no_problem(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    environ = {"VIRTUAL_ENV": str(tmp_path / "env")}
    chosen = choose(None, environ, "/")
    assert chosen is not None
    request = Request(python=chosen, python_answer=InterpreterQuery(chosen).answer(30))
    assert software.probe(Host(environ=environ), request).problems == ()


def test_a_relative_environment_is_one_of_the_working_directory(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    chosen = choose(None, {"VIRTUAL_ENV": "env"}, str(tmp_path))
    assert chosen is not None
    assert chosen.executable == str(tmp_path / "env" / "bin" / "python")


def test_a_bare_name_is_looked_up_on_path(tmp_path: Path) -> None:
    path = script(tmp_path / "bin" / "python9.9", "exit")
    chosen = choose("python9.9", {"PATH": str(tmp_path / "bin")}, str(tmp_path))
    assert chosen is not None
    assert chosen.executable == path


def test_the_whole_path_of_an_interpreter_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHONPATH and the user's own folder beside the environment's own."""
    minor = "{}.{}".format(*sys.version_info)
    (tmp_path / "extra" / "hidden_gem-1.2.dist-info").mkdir(parents=True)
    (tmp_path / f"user/lib/python{minor}/site-packages/mine-3.dist-info").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "extra"))
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    base = os.path.realpath(sys.executable)
    for path in (base, script(tmp_path / "python", f'exec {base} "$@"')):
        known = {(each.name, each.version) for each in facts(read(path)).packages or ()}
        assert known >= {("hidden-gem", "1.2"), ("mine", "3")}


def test_our_own_answer_leaves_out_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "stray-1.0.dist-info").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "llmcheck", "machine", "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert b'"software"' in done.stdout
    assert b"stray" not in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes only there")
def test_a_folder_whose_name_is_no_text_does_not_take_the_packages_away(tmp_path: Path) -> None:
    site = os.fsencode(tmp_path) + b"/caf\xe9/site-packages"
    os.makedirs(site + b"/torch-2.0.dist-info")
    said = BEGIN + b"3.12.0\ncpython\n/caf\xe9\n/usr\n/usr/lib/python3.12\n" + site + b"\n" + END
    reading = software.probe(
        Host(environ={}), Request(python=InterpreterChoice("/p", "named", explicit=True), python_answer=said)
    )
    assert [package.name for package in facts(reading).packages or ()] == ["torch"]
    from llmcheck import codec

    assert codec.pack(reading)
