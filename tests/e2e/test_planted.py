"""A working directory and environments that somebody else made: to ask whether the machine is ready runs none of it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.nvml import build

from .command import LLMCHECK, Command, complaint

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [(), ("check", "toolkit"), ("machine", "--explain"), ("install", "toolkit"), ("fit", "7B")]
ISOLATED = (sys.executable, "-I", "-m", "llmcheck")
"""llmcheck whose own Python reads no PYTHON* variable: only what it starts could."""
SOMEBODY = 54321
by_words = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root is refused")


@pytest.fixture
def sprung(tmp_path: Path) -> Iterator[Path]:
    """A folder in which each trap that is run leaves a file; none may be there at the end."""
    folder = tmp_path / "sprung"
    folder.mkdir()
    yield folder
    assert sorted(each.name for each in folder.iterdir()) == []


def program(path: Path, sprung: Path, then: str = "") -> Path:
    """A command that is a trap."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n: > {shlex.quote(str(sprung / path.name))}\n{then}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def modules(folder: Path, sprung: Path) -> None:
    """Everything that Python runs by itself from a folder on its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("sitecustomize", "usercustomize", "torch"):
        (folder / f"{name}.py").write_text(f"open({str(sprung / name)!r}, 'w')\n", encoding="utf-8")
    (folder / "startup.pth").write_text(f"import os; open({str(sprung / 'pth')!r}, 'w')\n", encoding="utf-8")
    (folder / "planted-1.0.dist-info").mkdir()


def site_of(home: Path) -> Path:
    return next(home.glob("lib/python3*/site-packages"))


def environment(home: Path, sprung: Path) -> Path:
    """A virtual environment that was tampered with, by its Python."""
    venv.create(home, symlinks=True)
    modules(site_of(home), sprung)
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """llmcheck in an environment of its own, as pipx makes it."""
    home = tmp_path_factory.mktemp("home") / "pipx" / "venvs" / "llmcheck"
    venv.create(home, symlinks=True)
    ours = [each for each in sys.path if each.endswith("site-packages")]
    (site_of(home) / "llmcheck.pth").write_text("\n".join([*ours, str(ROOT)]), encoding="utf-8")
    return (str(home / "bin" / "python"), "-I", "-m", "llmcheck")


def names(document: dict[str, dict[str, list[dict[str, str]]]]) -> set[str]:
    return {each["name"] for each in document["software"]["packages"]}


@by_words
def test_a_dot_venv_is_not_run(command: Command, tool: tuple[str, ...], sprung: Path, words: tuple[str, ...]) -> None:
    environment(command.cwd / ".venv", sprung)
    for name in ("python", "python3"):
        program(command.cwd / ".venv" / "bin" / name, sprung)
    done = command(*words, program=tool)
    assert (done.code in (0, 1, 3), done.err) == (True, "")
    known = command("machine", "--format", "json", program=tool).document
    assert known["software"]["python"]["version"] == "{}.{}.{}".format(*sys.version_info)
    assert "planted" in names(known)


@by_words
def test_an_active_environment_is_not_run(command: Command, sprung: Path, words: tuple[str, ...]) -> None:
    environment(command.home / "env", sprung)
    env = {"VIRTUAL_ENV": str(command.home / "env")}
    assert command(*words, env=env).err == ""
    assert "planted" in names(command("machine", "--format", "json", env=env).document)


def test_what_has_to_be_asked_runs_no_start_up_file(command: Command, sprung: Path) -> None:
    """A named program that is no Python by its files: it starts one whose environment was tampered with."""
    python = environment(command.home / "env", sprung)
    modules(command.home / "more", sprung)
    (command.home / "startup.py").write_text(f"open({str(sprung / 'startup')!r}, 'w')\n", encoding="utf-8")
    log, start = command.home / "log", command.home / "start"
    start.write_text(f'#!/bin/sh\nenv > {log}; printf "%s " "$@" >> {log}\nexec {python} "$@"\n', encoding="utf-8")
    start.chmod(0o755)
    env = {"PYTHONPATH": f"{command.home}/more", "PYTHONSTARTUP": f"{command.home}/startup.py", "PYTHONINSPECT": "1"}
    words = ("machine", "--python", start, "--format", "json", "--explain")
    document = command(*words, env=env, program=ISOLATED).document
    judged = document["software"]["python"]
    assert (judged["prefix"], judged["environment"]) == (str(command.home / "env"), "venv")
    assert "planted" in names(document)
    assert "PYTHON" not in log.read_text("utf-8").partition("import sys")[0]
    assert " -I -S " in log.read_text("utf-8").replace("\n", " ")
    (source,) = [each["source"] for each in document["sources"] if each["fact"] == "software.python"]
    assert source.startswith(f"its own answer to: {start} -I -S ")


def test_explain_says_which_file_was_read(command: Command, sprung: Path) -> None:
    python = environment(command.home / "env", sprung)
    document = command("machine", "--python", python, "--format", "json", "--explain").document
    (source,) = [each["source"] for each in document["sources"] if each["fact"] == "software.python"]
    assert source == str(command.home / "env" / "pyvenv.cfg")


@pytest.mark.parametrize("path", [".", "", "bin"])
def test_nothing_of_the_working_directory_is_on_path(
    command: Command, tool: tuple[str, ...], sprung: Path, path: str
) -> None:
    for name in ("python3", "git", "uv", "nvcc", "ollama", "sw_vers", "sysctl"):
        program(command.cwd / path / name, sprung)
    for words in COMMANDS:
        assert command(*words, env={"PATH": f"{path}:/nowhere"}, program=tool).err == ""
    software = command("machine", "--format", "json", env={"PATH": f"{path}:/nowhere"}, program=tool).document[
        "software"
    ]
    assert software["python"] is None
    assert {each["name"] for each in software["tools"] if each["path"] is not None} <= {
        "nvcc",
        "nvidia-container-toolkit",
    }


def test_a_bare_name_is_no_file_of_the_working_directory(command: Command, sprung: Path) -> None:
    program(command.cwd / "python9.9", sprung)
    for path in ("/nowhere", ".:/nowhere"):
        words = ("machine", "--python", "python9.9", "--format", "json")
        (problem,) = [
            each
            for each in command(*words, env={"PATH": path}).document["problems"]
            if each["code"] == "python-unusable"
        ]
        assert problem["message"] == (
            "python9.9 is not a command on PATH; a file of the working directory is named ./python9.9"
        )


def test_the_first_python_on_path_is_read_and_not_run(command: Command, tool: tuple[str, ...], sprung: Path) -> None:
    (command.home / "bin").mkdir()
    (command.home / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    words = ("machine", "--format", "json")
    found = command(*words, env={"PATH": f"{command.home}/bin"}, program=tool).document["software"]["python"]
    assert (found["version"], found["reason"]) == ("{}.{}.{}".format(*sys.version_info), "the first python3 on PATH")
    program(command.home / "bin" / "python3", sprung)
    document = command(*words, env={"PATH": f"{command.home}/bin"}, program=tool).document
    (problem,) = [each for each in document["problems"] if each["code"] == "python-not-asked"]
    assert "is not run, because nobody named it" in problem["message"]
    assert document["software"]["packages"] is None
    shown = command("check", "toolkit", env={"PATH": f"{command.home}/bin"}, program=tool)
    assert (shown.code, "unknown" in shown.out) == (3, True)


def test_a_conda_environment_is_read(command: Command, sprung: Path) -> None:
    home = command.home / "conda"
    (home / "conda-meta").mkdir(parents=True)
    for name in ("python-3.12.4-h99e199e_1.json", "numpy-2.1.0-py312h_0.json"):
        (home / "conda-meta" / name).write_text("{}", encoding="utf-8")
    modules(home / "lib" / "python3.12" / "site-packages", sprung)
    program(home / "bin" / "python", sprung)
    document = command("machine", "--format", "json", env={"CONDA_PREFIX": str(home)}).document
    found = document["software"]["python"]
    assert (found["version"], found["prefix"], found["environment"]) == ("3.12.4", str(home), "conda")
    assert "planted" in names(document)


@as_root
@pytest.mark.parametrize("owned", ["folder", ".venv"])
def test_root_leaves_out_what_another_user_made(
    command: Command, tool: tuple[str, ...], sprung: Path, owned: str
) -> None:
    python = environment(command.cwd / ".venv", sprung)
    os.chown(command.cwd if owned == "folder" else command.cwd / ".venv", SOMEBODY, SOMEBODY)
    document = command("machine", "--format", "json", program=tool).document
    assert (document["software"]["python"] or {}).get("reason") != ".venv in the working directory"
    assert "planted" not in names(document)
    (problem,) = [each for each in document["problems"] if each["code"] == "environment-of-another-user"]
    assert str(python) in problem["remedy"]
    (line,) = command("check", "minimum", program=tool).err.splitlines()
    assert line.startswith("llmcheck: ./.venv was left out: this runs as root, and another user owns ")
    assert line.endswith(f"if you trust it, name it: --python {python}")
    named = command("machine", "--format", "json", "--python", python, program=tool).document
    assert "planted" in names(named)
    assert "environment-of-another-user" not in {each["code"] for each in named["problems"]}


def test_a_dot_venv_is_not_run_to_verify_a_plan(command: Command, tool: tuple[str, ...], sprung: Path) -> None:
    environment(command.cwd / ".venv", sprung)
    program(command.cwd / ".venv" / "bin" / "python", sprung)
    done = command("install", "peft", "--verify", program=tool)
    assert done.code == 2
    assert f"--verify runs {command.cwd}/.venv/bin/python, which nobody has named" in complaint(done)


@pytest.mark.parametrize("entry", ["", ".", "lib"])
def test_no_driver_library_is_loaded_from_the_working_directory(
    driver: Callable[..., Command], nvml_folder: Path, entry: str
) -> None:
    command = driver("8xh100")
    (command.cwd / "lib").mkdir()
    for folder in (command.cwd, command.cwd / "lib"):
        shutil.copy(nvml_folder / build.LIBRARY, folder)
    assert len(command("machine", "--format", "json").document["gpus"]) == 8
    for path in (f"{entry}:/nowhere", f"/nowhere:{entry}"):
        found = command("machine", "--format", "json", env={"LD_LIBRARY_PATH": path}, program=LLMCHECK).document
        assert [each for each in found["gpus"] or () if each["vendor"] == "nvidia"] == []


@pytest.mark.parametrize("entry", ["", ".", "lib"])
def test_a_library_of_the_working_directory_does_not_come_before_the_drivers(
    driver: Callable[..., Command], nvml_folder: Path, entry: str
) -> None:
    command = driver("8xh100")
    (command.cwd / entry).mkdir(exist_ok=True)
    (command.cwd / entry / build.LIBRARY).write_text("no library", encoding="utf-8")
    env = {"LD_LIBRARY_PATH": f"{entry}:{nvml_folder}"}
    assert len(command("machine", "--format", "json", env=env).document["gpus"]) == 8
