"""A mount whose server is gone: whatever a person or the environment names there ends in one line, not in a wait."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nvml import build

from .command import HANG_GUARD, Command, complaint
from .processes import begun, clean_up, processes_of, until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the library is preloaded on Linux")

SOURCE = Path(__file__).parents[1] / "dead_mount" / "dead_mount.c"
PROGRAM = (sys.executable, "-P", "-m", "llmcheck")
"""-P: otherwise Python itself looks for modules in the working directory, and waits before llmcheck begins."""
LIMIT = ("--probe-timeout", "1")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = build.compiler()
    if compiler is None:
        reason = "the stand-in for a dead mount takes a C compiler"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    path = tmp_path_factory.mktemp("dead_mount") / "dead_mount.so"
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Werror")
    subprocess.run([compiler, *flags, "-o", str(path), str(SOURCE), "-ldl"], check=True)
    return path


@pytest.fixture
def mount(command: Command) -> Path:
    """The folder, with what the options name: it would all be found if the mount answered."""
    folder = command.home / "mount"
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / "machine.json").write_text("{}", encoding="ascii")
    (folder / "model.gguf").write_bytes(b"GGUF")
    shutil.copytree(folder / "venv", folder / ".venv", symlinks=True)
    return folder


@pytest.fixture
def dead(command: Command, library: Path, mount: Path) -> Command:
    return command.under({"LD_PRELOAD": str(library), "LLMCHECK_DEAD_MOUNT": str(mount)})


NAMED = [
    (("machine", "--path", "{}", *LIMIT), "--path {}"),
    (("machine", "--python", "{}/venv/bin/python", *LIMIT), "--python {}/venv/bin/python"),
    (("machine", "--output", "{}/report.json", *LIMIT), "--output {}/report.json"),
    (("machine", "--output", "{}/report", *LIMIT), "--output {}/report"),
    (("machine", "--save", "{}/machine.json", *LIMIT), "--save {}/machine.json"),
    (("machine", "--machine", "{}/machine.json", *LIMIT), "--machine {}/machine.json"),
    (("install", "toolkit", "--venv", "{}/venv", *LIMIT), "--venv {}/venv"),
    (("install", "toolkit", "--venv", "{}/new", *LIMIT), "--venv {}/new"),
    (("install", "{}/node.toml", *LIMIT), "{}/node.toml"),
    (("check", "{}/node.toml", *LIMIT), "{}/node.toml"),
    (("fit", "{}/model.gguf", *LIMIT), "{}/model.gguf"),
    (("fit", "--config", "{}/config.json", *LIMIT), "--config {}/config.json"),
]


@pytest.mark.parametrize(("words", "named"), NAMED, ids=lambda value: " ".join(value) if type(value) is tuple else "")
def test_option_that_names_it(dead: Command, mount: Path, words: tuple[str, ...], named: str) -> None:
    done = dead(*(word.format(mount) for word in words), program=PROGRAM)
    assert complaint(done).startswith(f"{named.format(mount)} does not answer")
    assert done.code == 2


@pytest.mark.parametrize(
    ("variable", "below", "words"),
    [
        ("VIRTUAL_ENV", "/venv", ()),
        ("CONDA_PREFIX", "/venv", ("check", "inference-7b")),
        ("HF_HOME", "", ("fit", "7B")),
        ("HF_HUB_CACHE", "/hub", ("cloud", "--model", "7B")),
    ],
)
def test_variable_that_names_it(dead: Command, mount: Path, variable: str, below: str, words: tuple[str, ...]) -> None:
    limit = () if "cloud" in words else LIMIT
    done = dead(*words, *limit, env={variable: f"{mount}{below}"}, program=PROGRAM)
    assert complaint(done).startswith(f"{variable} {mount}{below} does not answer")
    assert done.code == 2


def test_cache_of_a_run_that_needs_none_of_it(dead: Command, mount: Path) -> None:
    """A fact is unknown with its reason, and the others are there."""
    done = dead("machine", "--format", "json", *LIMIT, env={"HF_HOME": str(mount)}, program=PROGRAM)
    assert (done.code, done.err) == (0, "")
    late = {each["probe"] for each in done.document["problems"] if each["code"] == "deadline"}
    assert late >= {"disk", "model_caches"}
    assert done.document["ram"]["total"]


def test_working_directory(dead: Command, mount: Path) -> None:
    done = dead("machine", *LIMIT, cwd=mount, program=PROGRAM)
    assert complaint(done).startswith(f"the working directory {mount} does not answer")
    assert done.code == 2


def test_folder_of_path(dead: Command, mount: Path, tmp_path: Path) -> None:
    """Tools are looked for in it by a probe, which is abandoned."""
    done = dead("machine", "--format", "json", *LIMIT, env={"PATH": f"{mount}/bin:/usr/bin"}, program=PROGRAM)
    assert (done.code, done.err) == (0, "")
    assert "deadline" in {each["code"] for each in done.document["problems"]}


@pytest.mark.parametrize(
    "words", [("machine", "--path", "{}"), ("fit", "{}/model.gguf"), ("machine", "--save", "{}/x")]
)
def test_signal_ends_the_wait(dead: Command, mount: Path, words: tuple[str, ...]) -> None:
    process = begun(dead, *(word.format(mount) for word in words), "--probe-timeout", "600", program=PROGRAM)
    try:
        assert until(lambda: len(list(processes_of(process.pid))) > 1), "it touches the path itself"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=HANG_GUARD)
        assert (process.returncode, out, err) == (128 + signal.SIGTERM, b"", b"")
        assert until(lambda: not list(processes_of(process.pid))), "a child is left behind"
    finally:
        clean_up(process)


def test_mount_that_answers_is_used(command: Command, mount: Path) -> None:
    """The same paths without the library."""
    words = ("machine", "--path", mount, "--python", mount / "venv/bin/python", "--output", mount / "out.json")
    done = command(*words, env={"VIRTUAL_ENV": str(mount / "venv")}, program=PROGRAM)
    assert (done.code, done.err) == (0, f"llmcheck: wrote {mount}/out.json (json)\n")
