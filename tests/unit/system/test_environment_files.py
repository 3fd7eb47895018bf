"""What names and text files say of a Python: layouts of Linux, Windows and conda, and what makes files contradict."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmcheck.probe import Request, software
from llmcheck.schema.machine import Python
from llmcheck.system.environment_files import facts
from llmcheck.system.host import Host
from llmcheck.system.interpreter import IN_DIRECTORY, InterpreterChoice, InterpreterQuery, choose, left_out

ELF = b"\x7fELF" + bytes(2**20 - 7)
"""So long that the version lies across the border of two pieces that are read."""


def program(path: Path, content: bytes = b"#!/bin/sh\nexit 3\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return str(path)


def library(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "os.py").write_text("")
    return path


def told(executable: str, environ: dict[str, str] | None = None) -> dict[str, list[str]]:
    found = facts(executable, environ or {})
    assert found is not None
    return found


def existing(found: dict[str, list[str]]) -> list[str]:
    return [each for each in found["path"] if Path(each).is_dir()]


def test_a_system_python_is_known_by_its_name_and_the_text_of_its_version(tmp_path: Path) -> None:
    real = program(tmp_path / "usr/bin/python3.12", ELF + b"\0libfoo 3.12.9 \x003.12.4\0")
    (tmp_path / "usr/bin/python3").symlink_to("python3.12")
    stdlib = library(tmp_path / "usr/lib/python3.12")
    (tmp_path / "usr/lib/python3/dist-packages").mkdir(parents=True)
    found = told(str(tmp_path / "usr/bin/python3"))
    assert (found["version"], found["source"]) == (["3.12.4"], [real])
    assert found["prefix"] == found["base_prefix"] == [str(tmp_path / "usr")]
    assert existing(found) == [str(stdlib), f"{tmp_path}/usr/lib/python3/dist-packages"]


def test_a_small_program_has_its_version_in_its_library(tmp_path: Path) -> None:
    program(tmp_path / "usr/bin/python3.13", b"\x7fELF" + bytes(100))
    path = program(tmp_path / "usr/lib64/libpython3.13.so.1.0", b"\x7fELF\x003.13.0rc2+\0")
    stdlib = library(tmp_path / "usr/lib64/python3.13")
    site = tmp_path / "usr/local/lib64/python3.13/site-packages"
    site.mkdir(parents=True)
    found = told(str(tmp_path / "usr/bin/python3.13"))
    assert (found["version"], found["source"], found["stdlib"]) == (["3.13.0"], [path], [str(stdlib)])
    assert str(site) in found["path"]


@pytest.mark.parametrize(
    "content", [b"#!/bin/sh\n\x003.12.4\0", b"\x7fELF\x003.11.4\0", b"\x7fELF 13.12.4\0", b"\x7fELF\x003.12.4", b""]
)
def test_what_does_not_have_the_version_does_not_tell_it(tmp_path: Path, content: bytes) -> None:
    library(tmp_path / "usr/lib/python3.12")
    assert facts(program(tmp_path / "usr/bin/python3.12", content), {}) is None


def test_a_program_without_a_standard_library_tells_nothing(tmp_path: Path) -> None:
    assert facts(program(tmp_path / "bin/python3.12", b"\x7fELF\x003.12.4\0"), {}) is None


@pytest.mark.parametrize("name", ["pip", "python-config", "start", "ipython"])
def test_a_program_beside_python_is_not_taken_for_it(tmp_path: Path, name: str) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    assert facts(program(tmp_path / "env" / "bin" / name), {}) is None


def test_an_environment_of_an_upgraded_system_has_the_version_that_runs(tmp_path: Path) -> None:
    """Its link leads to another Python than the one that it was made with, for which its packages do not exist."""
    venv.create(tmp_path / "env", symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    settings = tmp_path / "env" / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace("version = 3.", "version = 3.9"))
    assert "version = 3.9" in settings.read_text()
    found = told(str(python))
    assert found["version"] == ["{}.{}.{}".format(*sys.version_info)]
    assert found["source"] == [os.path.realpath(python)]
    assert found["prefix"] == [str(tmp_path / "env")]


def test_packages_of_the_system_come_after_those_of_the_environment(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True, system_site_packages=True)
    user = tmp_path / "user/lib/python{}.{}/site-packages".format(*sys.version_info)
    user.mkdir(parents=True)
    environ = {"PYTHONUSERBASE": str(tmp_path / "user")}
    found = existing(told(str(tmp_path / "env/bin/python"), environ))
    own = next(each for each in found if each.startswith(str(tmp_path / "env")))
    base = next(each for each in found if each.endswith("-packages") and each.startswith(sys.base_prefix))
    assert found.index(own) < found.index(str(user)) < found.index(base)
    assert str(user) not in told(str(tmp_path / "env/bin/python"), {**environ, "PYTHONNOUSERSITE": "1"})["path"]


def test_an_environment_of_windows(tmp_path: Path) -> None:
    base, env = tmp_path / "Python312", tmp_path / "env"
    stdlib = library(base / "Lib")
    (env / "Lib" / "site-packages").mkdir(parents=True)
    python = program(env / "Scripts" / "python.exe", b"MZ")
    (env / "pyvenv.cfg").write_text(f"home = {base}\ninclude-system-site-packages = false\nversion = 3.12.4\n")
    found = told(python)
    assert (found["version"], found["prefix"], found["base_prefix"]) == (["3.12.4"], [str(env)], [str(base)])
    assert existing(found) == [str(stdlib), str(env / "Lib" / "site-packages")]


def test_a_python_of_windows(tmp_path: Path) -> None:
    base = tmp_path / "Python312"
    library(base / "Lib")
    (base / "Lib" / "site-packages").mkdir()
    (base / "python3.dll").write_bytes(b"MZ")
    path = program(base / "python312.dll", b"MZ" + bytes(99) + b"\x003.12.4\0")
    found = told(program(base / "python.exe", b"MZ"))
    assert (found["version"], found["prefix"], found["source"]) == (["3.12.4"], [str(base)], [path])
    assert existing(found) == [str(base / "Lib"), str(base / "Lib" / "site-packages")]


def test_a_conda_environment_of_windows(tmp_path: Path) -> None:
    library(tmp_path / "Lib")
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "python-3.12.4-h14ffc60_1.json").write_text("{}")
    found = told(program(tmp_path / "python.exe", b"MZ"))
    assert (found["version"], found["prefix"]) == (["3.12.4"], [str(tmp_path)])


@pytest.mark.parametrize("name", ["python3.13t", "pypy3.10"])
def test_other_builds_of_python(tmp_path: Path, name: str) -> None:
    minor = name.removeprefix("python").removeprefix("pypy").removesuffix("t")
    site = tmp_path / "env/lib" / name / "site-packages"
    site.mkdir(parents=True)
    python = program(tmp_path / "env/bin/python")
    kind = "PyPy" if name.startswith("pypy") else "CPython"
    (tmp_path / "env/pyvenv.cfg").write_text(f"home = /gone/bin\nimplementation = {kind}\nversion_info = {minor}.1\n")
    found = told(python)
    assert (found["version"], found["implementation"]) == ([f"{minor}.1"], [kind.lower()])
    assert str(site) in found["path"]


def test_lines_of_pth_files_are_folders_or_left_alone(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    site = next((tmp_path / "env").glob("lib/python3*/site-packages"))
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    (site / "a.pth").write_bytes(b"\xef\xbb\xbf" + f"{tmp_path}/one\n# {tmp_path}/three\nimport three\n\n".encode())
    (site / "b.pth").write_text(f"import os; os.mkdir({str(tmp_path / 'ran')!r})\n../../../../two\n/dev/null\n\0\n")
    (site / ".hidden.pth").write_text(f"{tmp_path}/three\n")
    os.mkfifo(site / "c.pth")
    added = [os.path.realpath(each) for each in told(str(tmp_path / "env/bin/python"))["path"]]
    assert added[-2:] == [str(tmp_path / "one"), str(tmp_path / "two")]
    assert not (tmp_path / "ran").exists()


def test_a_folder_with_a_line_break_in_its_name_takes_no_other_fact_away(tmp_path: Path) -> None:
    home = tmp_path / "a\n9.9.9\nb"
    venv.create(home, symlinks=True)
    chosen = InterpreterChoice(str(home / "bin" / "python"), IN_DIRECTORY)
    request = Request(python=chosen, python_answer=InterpreterQuery(chosen).answer(1))
    reading = software.probe(Host(environ={}), request)
    assert reading.software is not None
    assert reading.software.python == Python(executable=chosen.executable, reason=IN_DIRECTORY)
    assert [each.code for each in reading.problems] == ["python-unusable"]


def test_only_root_leaves_out_what_another_user_made(tmp_path: Path) -> None:
    assert left_out(str(tmp_path), 0) is False
    program(tmp_path / ".venv" / "bin" / "python")
    assert left_out(str(tmp_path), 1000) is False
    assert left_out(str(tmp_path), 0) is (tmp_path.stat().st_uid != 0)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_link_of_another_user_is_left_out(tmp_path: Path) -> None:
    program(tmp_path / "env" / "bin" / "python")
    (tmp_path / ".venv").symlink_to("env")
    assert left_out(str(tmp_path), 0) is False
    os.lchown(tmp_path / ".venv", 54321, 54321)
    assert left_out(str(tmp_path), 0) is True


@pytest.mark.parametrize("entry", [".", "", "bin", "./bin"])
def test_relative_entries_of_path_are_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.chdir(tmp_path)
    program(tmp_path / entry / "python9.9")
    program(tmp_path / "python9.9")
    for path in (entry, f"{entry}:/nowhere", f"/nowhere:{entry}"):
        assert choose("python9.9", {"PATH": path}, str(tmp_path)) == ("python9.9", "named with --python", True)
        host = Host(environ={"PATH": path})
        assert (host.which("python9.9"), host.run(["python9.9"])) == (None, None)
    found = choose("./python9.9", {"PATH": "."}, str(tmp_path))
    assert found is not None
    assert found.executable == str(tmp_path / "python9.9")


def test_a_command_is_run_from_path(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "say", b'#!/bin/sh\necho "$1"\n')
    assert Host(environ={"PATH": f".:{tmp_path}/bin"}).run(["say", "yes"]) == "yes\n"


HUGE = "3." + "9" * 5000 + ".1"
SETTING = st.tuples(
    st.sampled_from(["home", "version", "version_info", "implementation", "include-system-site-packages", "x"]),
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            ["/usr/bin", "..", "/", "\0", "/a\0b", "3.12.4", HUGE, "\u0663.\u0661\u0662.\u0664", "true", "PyPy"]
        ),
    ),
)


@example([("version", "3.12.4"), ("home", "/a\0b"), ("include-system-site-packages", "true")], b"")
@example([("version", HUGE)], b"")
@example([("version", "\u0663.\u0661\u0662.\u0664")], b"")
@given(st.lists(SETTING, max_size=6), st.binary(max_size=60))
def test_whatever_files_say_becomes_facts_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, settings: list[tuple[str, str]], lines: bytes
) -> None:
    home = tmp_path_factory.mktemp("env")
    path = program(home / "bin" / "python")
    text = "".join(f"{name} = {value}\n" for name, value in settings)
    (home / "pyvenv.cfg").write_bytes(text.encode("utf-8", "surrogatepass"))
    (home / "lib/python3.12/site-packages").mkdir(parents=True)
    (home / "lib/python3.12/site-packages/x.pth").write_bytes(lines)
    chosen = InterpreterChoice(path, IN_DIRECTORY)
    request = Request(python=chosen, python_answer=InterpreterQuery(chosen).answer(1))
    reading = software.probe(Host(environ={}), request)
    assert reading.software is not None
    assert reading.software.python is not None
    known = reading.software.python.version is not None
    assert known is not ("python-unusable" in {each.code for each in reading.problems})
