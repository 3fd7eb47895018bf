"""Which Python is taken for the project's, and what it says of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from llmcheck.probe import Request, software
from llmcheck.schema.machine import Python
from llmcheck.system.host import Host
from llmcheck.system.interpreter import InterpreterChoice, InterpreterQuery, choose

ROOT = Path(__file__).resolve().parents[3]
ASK = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from llmcheck.system.interpreter import choose
json.dump(choose(None, json.loads(sys.argv[2]), sys.argv[3]), sys.stdout)
"""


def executable(path: Path, text: str = "#!/bin/sh\nexit 0\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture(scope="module", params=["pipx/venvs/llmcheck", "uv/tools/llmcheck", "with-receipt"])
def tool_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that was made for llmcheck alone, as pipx and uv make them."""
    home: Path = tmp_path_factory.mktemp("home") / request.param
    venv.create(home, symlinks=True)
    if request.param == "with-receipt":
        (home / "uv-receipt.toml").write_text("")
    return home


def choose_in(home: Path, environ: dict[str, str], cwd: Path) -> InterpreterChoice | None:
    """What is chosen when llmcheck itself runs in that environment."""
    argv = [str(home / "bin" / "python"), "-I", "-c", ASK, str(ROOT), json.dumps(environ), str(cwd)]
    said = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    return None if said is None else InterpreterChoice(*said)


def test_an_explicit_interpreter_wins_over_everything(tmp_path: Path) -> None:
    executable(tmp_path / "env" / "bin" / "python")
    chosen = choose("/opt/python", {"VIRTUAL_ENV": str(tmp_path / "env")}, str(tmp_path))
    assert chosen == InterpreterChoice("/opt/python", "named with --python", explicit=True)


def test_an_explicit_interpreter_may_start_at_home() -> None:
    chosen = choose("~/env/bin/python", {}, "/")
    assert chosen is not None
    assert chosen.executable == os.path.expanduser("~/env/bin/python")


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_active_environment_is_taken(tmp_path: Path, variable: str) -> None:
    path = executable(tmp_path / "env" / "bin" / "python")
    chosen = choose(None, {variable: str(tmp_path / "env")}, "/")
    assert chosen is not None
    assert chosen.executable == path
    assert variable in chosen.reason


def test_an_active_virtual_environment_wins_over_conda(tmp_path: Path) -> None:
    path = executable(tmp_path / "venv" / "bin" / "python")
    executable(tmp_path / "conda" / "bin" / "python")
    chosen = choose(None, {"CONDA_PREFIX": f"{tmp_path}/conda", "VIRTUAL_ENV": f"{tmp_path}/venv"}, "/")
    assert chosen is not None
    assert chosen.executable == path


@pytest.mark.parametrize("prefix", ["", "/nowhere"])
def test_an_environment_that_is_gone_is_passed_over(prefix: str, tmp_path: Path) -> None:
    chosen = choose(None, {"VIRTUAL_ENV": prefix}, str(tmp_path))
    assert chosen is not None
    assert "VIRTUAL_ENV" not in chosen.reason


def test_the_environment_that_llmcheck_is_installed_in_is_the_projects(tmp_path: Path) -> None:
    home = tmp_path / "project-env"
    venv.create(home, symlinks=True)
    executable(tmp_path / ".venv" / "bin" / "python")
    chosen = choose_in(home, {"PATH": "/usr/bin"}, tmp_path)
    assert chosen == InterpreterChoice(str(home / "bin" / "python"), "the environment that llmcheck is installed in")


def test_an_environment_made_for_llmcheck_alone_is_not_the_projects(tool_home: Path, tmp_path: Path) -> None:
    assert choose_in(tool_home, {}, tmp_path) is None


def test_a_dot_venv_in_the_working_directory_is_found_from_a_tools_home(tool_home: Path, tmp_path: Path) -> None:
    path = executable(tmp_path / ".venv" / "bin" / "python")
    chosen = choose_in(tool_home, {"PATH": "/usr/bin"}, tmp_path)
    assert chosen == InterpreterChoice(path, ".venv in the working directory")


def test_the_first_python_on_path_is_the_last_resort(tool_home: Path, tmp_path: Path) -> None:
    (tmp_path / "dir" / "python3").mkdir(parents=True)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "python3").write_text("not executable")
    path = executable(tmp_path / "bin" / "python3")
    places = ["", f"{tmp_path}/nowhere", f"{tmp_path}/dir", f"{tmp_path}/plain", f"{tmp_path}/bin", "/usr/bin"]
    chosen = choose_in(tool_home, {"PATH": os.pathsep.join(places)}, tmp_path)
    assert chosen == InterpreterChoice(path, "the first python3 on PATH")


def told(answer: bytes | None, path: str) -> Python:
    """What the inventory makes of an interpreter's answer."""
    reading = software.probe(
        Host(environ={}), Request(python=InterpreterChoice(path, "named", explicit=True), python_answer=answer)
    )
    assert reading.software is not None
    assert reading.software.python is not None
    return reading.software.python


def test_another_interpreter_is_asked_in_a_process_of_its_own(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    path = str(tmp_path / "env" / "bin" / "python")
    found = told(InterpreterQuery(InterpreterChoice(path, "named")).answer(30), path)
    assert found.version == "{}.{}.{}".format(*sys.version_info)
    assert (found.implementation, found.prefix, found.environment) == ("cpython", str(tmp_path / "env"), "venv")


def test_our_own_interpreter_answers_without_a_process() -> None:
    found = told(InterpreterQuery(InterpreterChoice(sys.executable, "own")).answer(0), sys.executable)
    assert found.version == "{}.{}.{}".format(*sys.version_info)
    assert found.prefix == sys.prefix


@pytest.mark.parametrize(
    "script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho 3.12; exit 1\n", "#!/no/such/interpreter\n", "\x7fELF junk"]
)
def test_an_interpreter_that_fails_has_no_answer(tmp_path: Path, script: str) -> None:
    path = executable(tmp_path / "python", script)
    assert InterpreterQuery(InterpreterChoice(path, "named")).answer(30) is None
    assert told(None, path) == Python(executable=path, reason="named")


@pytest.mark.parametrize("said", ["", "hello", "3.12.1\ncpython\n", "\n\n\n\n\n\n\n"])
def test_an_interpreter_that_talks_nonsense_is_unusable(tmp_path: Path, said: str) -> None:
    path = executable(tmp_path / "python", f"#!/bin/sh\nprintf '{said}'\n")
    assert told(InterpreterQuery(InterpreterChoice(path, "named")).answer(30), path).version is None


def test_an_interpreter_that_hangs_is_left_behind(tmp_path: Path) -> None:
    path = executable(tmp_path / "python", "#!/bin/sh\nexec sleep 600\n")
    assert InterpreterQuery(InterpreterChoice(path, "named")).answer(0.2) is None


def test_without_any_interpreter_there_is_nothing_to_ask() -> None:
    assert InterpreterQuery(None).answer(0) is None
