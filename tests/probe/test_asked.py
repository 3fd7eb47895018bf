"""What profiles ask of a machine beyond its inventory: variables, files, processes, programs."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from llmcheck.probe import _asked
from llmcheck.schema.asked import Ask, Asked, AskedFile
from llmcheck.system.host import Host

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")


def ask(host: Host, *asks: Ask) -> Asked:
    return _asked.ask(host, asks, 5.0, 20.0)


def described(host: Host, path: str, *, text: bool = False) -> AskedFile:
    files = ask(host, Ask(file=path, text=text)).files
    assert files is not None
    return files[path]


def test_nothing_is_asked_where_no_profile_asks() -> None:
    assert ask(Host()) == Asked(commands={})


def test_variables_are_those_of_the_environment() -> None:
    host = Host(environ={"HF_HOME": "/data", "EMPTY": ""})
    found = ask(host, *(Ask(variable=name) for name in ("HF_HOME", "EMPTY", "NOT_SET"))).variables
    assert found == {"HF_HOME": "/data", "EMPTY": "", "NOT_SET": None}


@posix
def test_a_file_is_described_and_read_only_where_its_text_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_text("on = 1\n")
    path.chmod(0o640)
    host = Host(environ={"HOME": str(tmp_path)}, cwd=str(tmp_path))
    for written in (str(path), "conf", "~/conf"):
        found = described(host, written)
        assert (found.kind, found.size, found.mode, found.text) == ("file", 7, 0o640, None)
        assert found.owner
        assert (found.readable, found.writable) == (True, True)
    assert described(host, "conf", text=True).text == "on = 1\n"


@posix
def test_other_things_are_named_and_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("gone")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    host = Host(cwd=str(tmp_path))
    kinds = {
        "pipe": "pipe",
        "folder": "folder",
        "link": "none",
        "socket": "socket",
        "gone/x": "none",
        "/dev/zero": "device",
    }
    for name, kind in kinds.items():
        found = described(host, name, text=True)
        assert (found.kind, found.text) == (kind, None)
    listening.close()
    assert described(host, "x\0y").kind is None


def test_processes_are_counted_by_the_name_of_their_program(tmp_path: Path) -> None:
    for number, comm, line in (
        (1, "init", "/sbin/init\0splash"),
        (7, "nvidia-persiste", "/usr/bin/nvidia-persistenced\0--verbose"),
        (8, "nvidia-persiste", "/usr/bin/nvidia-persistenced"),
        (9, "kworker/0:1", ""),
        (10, "python3", "python3\0/usr/bin/nv-fabricmanager"),
    ):
        folder = tmp_path / "proc" / str(number)
        folder.mkdir(parents=True)
        (folder / "comm").write_text(f"{comm}\n")
        (folder / "cmdline").write_text(line)
    names = ("nvidia-persistenced", "init", "nv-fabricmanager", "python3")
    found = ask(Host(root=str(tmp_path)), *(Ask(process=name) for name in names)).processes
    assert found == {"nvidia-persistenced": 2, "init": 1, "nv-fabricmanager": 0, "python3": 1}


def test_processes_that_cannot_be_listed_are_not_none(tmp_path: Path) -> None:
    assert ask(Host(root=str(tmp_path)), Ask(process="init")).processes is None


@posix
def test_programs_share_the_time_of_all() -> None:
    slow = Ask(argv=(sys.executable, "-c", "import time; time.sleep(60)"), seconds=60)
    quick = Ask(argv=("true",), seconds=60)
    begin = time.monotonic()
    found = _asked.ask(Host(), (slow, quick), 5.0, 0.5).commands
    assert time.monotonic() - begin < 30
    assert found is not None
    assert "did not end" in (found[slow.argv].reason or "")
    assert "the time of the inspection is over" in (found[quick.argv].reason or "")


@posix
def test_a_program_is_not_looked_for_in_the_working_directory(tmp_path: Path) -> None:
    path = tmp_path / "check-it"
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    host = Host(environ={"PATH": f".:{os.environ['PATH']}"}, cwd=str(tmp_path))
    commands = ask(host, Ask(argv=("check-it",)), Ask(argv=("./check-it",))).commands
    assert commands is not None
    assert "no program" in (commands["check-it",].reason or "")
    assert commands["./check-it",].code == 0
