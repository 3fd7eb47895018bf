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


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that somebody made, and installed llmcheck into."""
    home = tmp_path_factory.mktemp("own") / "env"
    venv.create(home, symlinks=True)
    return home


def test_the_projects_environment_comes_before_that_of_llmcheck(own_home: Path, tmp_path: Path) -> None:
    path = executable(tmp_path / ".venv" / "bin" / "python")
    chosen = choose_in(own_home, {"PATH": "/usr/bin"}, tmp_path)
    assert chosen == InterpreterChoice(path, ".venv in the working directory")


def test_the_environment_of_llmcheck_is_judged_where_there_is_no_other(own_home: Path, tmp_path: Path) -> None:
    chosen = choose_in(own_home, {"PATH": "/usr/bin"}, tmp_path)
    assert chosen == InterpreterChoice(f"{own_home}/bin/python", "the environment that llmcheck is installed in")


def test_a_projects_environment_that_has_llmcheck_in_it_is_the_projects(tmp_path: Path) -> None:
    """As the first command of the README makes it."""
    venv.create(tmp_path / ".venv", symlinks=True)
    chosen = choose_in(tmp_path / ".venv", {"PATH": "/usr/bin"}, tmp_path)
    assert chosen == InterpreterChoice(f"{tmp_path}/.venv/bin/python", ".venv in the working directory")


def test_a_tools_own_environment_is_not_the_projects_even_if_it_is_active(tool_home: Path, tmp_path: Path) -> None:
    path = executable(tmp_path / ".venv" / "bin" / "python")
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        chosen = choose_in(tool_home, {variable: str(tool_home)}, tmp_path)
        assert chosen == InterpreterChoice(path, ".venv in the working directory")


def test_of_an_environment_that_nobody_named_only_the_files_are_read(tmp_path: Path) -> None:
    home = tmp_path / ".venv"
    venv.create(home, symlinks=True)
    named = InterpreterQuery(InterpreterChoice(f"{home}/bin/python", "named")).answer(30)
    site = next(home.glob("lib/python3*/site-packages"))
    (tmp_path / "src").mkdir()
    (site / "mine.pth").write_text(f"import os; os.mkdir({str(tmp_path / 'ran')!r})\n{tmp_path}/src\nnowhere\n")
    (home / "bin" / "python").unlink()
    script = executable(home / "bin" / "python", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    chosen = InterpreterChoice(script, ".venv in the working directory")
    found = InterpreterQuery(chosen).answer(30)
    assert not (tmp_path / "ran").exists()
    assert told(found, script).version == told(named, script).version
    assert (told(found, script).prefix, told(found, script).environment) == (str(home), "venv")
    expected, seen = ([each for each in paths(answer) if Path(each).is_dir()] for answer in (named, found))
    assert seen == [*expected, f"{tmp_path}/src"]


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ("home = /usr/bin\nversion = 3.12.4\n", "3.12.4"),
        ("home = /usr/bin\nimplementation = CPython\nuv = 0.9.2\nversion_info = 3.13.1\n", "3.13.1"),
        ("home = /usr/bin\nversion_info = 3.10.4.final.0\n", "3.10.4"),
        ("home = /usr/bin\n", None),
        ("", None),
    ],
)
def test_the_version_of_an_environment_as_its_makers_write_it(
    tmp_path: Path, settings: str, version: str | None
) -> None:
    path = executable(tmp_path / ".venv" / "bin" / "python")
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(settings)
    query = InterpreterQuery(InterpreterChoice(path, ".venv in the working directory"))
    reading = software.probe(Host(environ={}), Request(python=query.choice, python_answer=query.answer(1)))
    assert reading.software is not None
    assert reading.software.python is not None
    assert reading.software.python.version == version
    assert [each.code for each in reading.problems] == ([] if version else ["python-unusable"])


def test_a_conda_environment_in_the_working_directory(tmp_path: Path) -> None:
    path = executable(tmp_path / ".venv" / "bin" / "python")
    (tmp_path / ".venv" / "conda-meta").mkdir()
    (tmp_path / ".venv" / "conda-meta" / "python-3.12.3-hab00c5b_0_cpython.json").write_text("{}")
    found = told(InterpreterQuery(InterpreterChoice(path, ".venv in the working directory")).answer(1), path)
    assert (found.version, found.environment) == ("3.12.3", "conda")


def paths(answer: bytes | None) -> list[str]:
    (line,) = [each for each in (answer or b"").decode().split("\n") if "lib-dynload" in each]
    return line.split("\0")


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
