"""Homes, folders, locales and streams as scripts, services and containers hand them over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import HANG_GUARD, LLMCHECK, Command, Done
from .processes import begun, clean_up, processes_of, until

TEXTS = (
    (),
    ("check", "inference-7b", "finetune-13b-30b"),
    ("machine", "-v"),
    ("install", "finetune-7b"),
    ("cloud", "inference-70b"),
    ("profiles", "list"),
    ("profiles", "show", "inference-70b-4bit"),
    ("libraries", "list"),
    ("libraries", "show", "vllm"),
)


def told_all(done: Done) -> None:
    assert (done.code, done.err) == (0, "")
    machine = done.document["machine"]
    assert machine["ram"]["total"]
    assert machine["cpu"]["threads"]
    assert [each for each in machine["problems"] if each["code"] in ("failed", "crashed", "deadline")] == []


@pytest.mark.parametrize("home", [None, "/nonexistent/home", "/proc", "", "relative", "~"])
def test_home_that_is_none(command: Command, home: str | None) -> None:
    told_all(command("--format", "json", env={"HOME": home}))


def test_home_that_is_read_only(command: Command) -> None:
    command.home.chmod(0o500)
    told_all(command("--format", "json"))


def test_no_environment_at_all(command: Command, profile: Callable[[str], Path]) -> None:
    names = ("PATH", "HOME", "LANG")
    done = command("check", profile("ready"), "--format", "json", env=dict.fromkeys(names))
    assert (done.code, done.document["verdict"]) == (0, "ready")


def test_deleted_working_directory(command: Command) -> None:
    gone = command.cwd / "gone"
    for words in (("--format", "json"), ("check", "inference-7b", "--only", "ram", "--format", "json")):
        gone.mkdir()
        done = command.shell('cd gone && rmdir ../gone && exec "$@"', *words)
        assert "Traceback" not in done.err
        assert done.err == ""
        assert done.document["machine"]["ram"]["total"]


def test_deleted_working_directory_with_a_relative_path(command: Command) -> None:
    (command.cwd / "gone").mkdir()
    done = command.shell('cd gone && rmdir ../gone && exec "$@"', "check", "mine.toml", "--output", "x")
    assert done.code == 2
    assert done.err.startswith("llmcheck: mine.toml")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("env", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}])
@pytest.mark.parametrize("words", TEXTS, ids=lambda words: " ".join(words) or "bare")
def test_c_locale_gets_ascii(command: Command, words: tuple[str, ...], env: dict[str, str]) -> None:
    done = command(*words, env={"LANG": None, **env})
    assert done.err == ""
    assert done.raw.isascii()
    assert done.raw.strip()


@pytest.mark.parametrize("words", TEXTS, ids=lambda words: " ".join(words) or "bare")
def test_latin_locale_gets_what_it_can_show(command: Command, words: tuple[str, ...]) -> None:
    env = {"LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "iso-8859-1"}
    done = command(*words, env=env)
    assert done.err == ""
    assert done.raw.isascii()
    assert done.raw.strip()


def test_utf8_locale_gets_signs(command: Command, profile: Callable[[str], Path]) -> None:
    assert "✗" in command("check", profile("not-ready"), env={"LANG": "C.UTF-8"}).out


def test_json_is_utf8_in_every_locale(command: Command) -> None:
    words = ("profiles", "show", "pretrain", "--format", "json")
    plain = command(*words)
    assert command(*words, env={"LC_ALL": "C"}).raw == plain.raw
    assert command(*words, env={"PYTHONIOENCODING": "iso-8859-1"}).raw == plain.raw


@pytest.mark.parametrize("format_", ["text", "json", "markdown"])
@pytest.mark.parametrize("name", ["ready", "not-ready"])
def test_reader_that_went_away(command: Command, profile: Callable[[str], Path], name: str, format_: str) -> None:
    """No traceback, and a gate that is not ready must not read as ready."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [*LLMCHECK, "check", profile(name), "--format", format_],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=command.environment(),
        cwd=command.cwd,
    )
    os.close(writer)
    _, err = process.communicate(timeout=HANG_GUARD)
    assert err == b""
    assert (process.returncode == 0) == (name == "ready")


def test_reader_that_takes_one_line(command: Command) -> None:
    done = command.shell('"$@" | head -n 1', "libraries", "list", "--format", "json")
    assert (done.code, done.out, done.err) == (0, "{\n", "")


STREAMS = ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"]


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize(("name", "code"), [("ready", 0), ("not-ready", 1)])
def test_streams_that_are_closed(
    command: Command, profile: Callable[[str], Path], name: str, code: int, streams: str
) -> None:
    """The gate answers with its exit code whatever the streams are; only the report has nowhere to go."""
    done = command.shell(f'"$@" {streams}', "check", profile(name), "--format", "json")
    assert "Traceback" not in done.err
    assert "this is a bug" not in done.err
    assert done.code == code
    if ">&-" not in streams.replace("2>&-", ""):
        assert done.document["verdict"] == name
        assert done.document["machine"]["problems"] == []


@pytest.mark.parametrize("streams", STREAMS)
def test_report_into_a_file_with_streams_closed(command: Command, profile: Callable[[str], Path], streams: str) -> None:
    words = ("check", profile("not-ready"), "--format", "json", "--output", "out.json")
    done = command.shell(f'"$@" {streams}', *words)
    assert done.code == 1
    if "2>&-" not in streams:
        assert done.err == "llmcheck: wrote out.json (json)\n"
    told = Done(0, (command.cwd / "out.json").read_bytes(), "")
    told_all(told)


@pytest.mark.parametrize("streams", STREAMS)
def test_wrong_words_with_streams_closed(command: Command, streams: str) -> None:
    assert command.shell(f'"$@" {streams}', "check", "no-such-profile").code == 2


def test_machine_from_a_closed_standard_input(command: Command) -> None:
    done = command.shell('"$@" <&-', "check", "inference-7b", "--machine", "-")
    assert done.code == 2
    assert "this is a bug" not in done.err
    assert "standard input" in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_is_told(command: Command, profile: Callable[[str], Path]) -> None:
    """What could not be delivered is no success, neither on standard output nor in a file."""
    done = command.shell('"$@" >/dev/full', "check", profile("ready"), "--format", "json")
    assert done.code not in (0, 1, 70)
    assert "No space left" in done.err
    assert len(done.err.splitlines()) == 1
    done = command("check", profile("ready"), "--output", "/dev/full")
    assert done.code not in (0, 1, 70)
    assert "No space left" in done.err


def test_working_directory_with_modules_of_our_names(command: Command, profile: Callable[[str], Path]) -> None:
    """The console script does not import from the project's folder."""
    script = shutil.which("llmcheck", path=str(Path(sys.executable).parent))
    assert script, "the tests run where llmcheck is installed"
    for name in ("click", "rich", "json", "msgspec", "pynvml", "psutil"):
        (command.cwd / f"{name}.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
    done = command("check", profile("ready"), program=(script,))
    assert (done.code, done.err) == (0, "")


def test_hanging_driver_leaves_no_process(driver: Callable[..., Command]) -> None:
    process = begun(driver("hang-init"), "machine", "--probe-timeout", "1")
    try:
        _, err = process.communicate(timeout=HANG_GUARD)
        assert (process.returncode, err) == (0, b"")
        assert until(lambda: not list(processes_of(process.pid))), "a child is left behind"
    finally:
        clean_up(process)
