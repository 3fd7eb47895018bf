"""``install`` prints what to run and runs none of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command

TARGETS = [("inference-7b",), ("finetune-13b-30b",), ("toolkit",), ("vllm", "lm-eval"), ("torch",), ("pretrain",)]
by_targets = pytest.mark.parametrize("targets", TARGETS, ids=" ".join)


@by_targets
@pytest.mark.parametrize("scenario", ["8xh100", "rtx3060", "not-loaded"])
def test_script_is_valid_shell_and_nothing_else(
    driver: Callable[..., Command], targets: tuple[str, ...], scenario: str
) -> None:
    command = driver(scenario)
    done = command("install", *targets, "--format", "sh")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("#!/bin/sh\n")
    script = command.cwd / "install.sh"
    script.write_bytes(done.raw)
    checked = command(script, program=("/bin/sh", "-n"))
    assert (checked.code, checked.err) == (0, "")


@by_targets
def test_script_holds_the_commands_of_the_plan(command: Command, targets: tuple[str, ...]) -> None:
    plan = command("install", *targets, "--format", "json").document
    planned = [step["command"] for environment in plan["environments"] for step in environment["steps"]]
    lines = command("install", *targets, "--format", "sh").out.splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["set -eu", *planned]
    for line in planned:
        assert shlex.split(line)


def recorder(folder: Path, name: str, log: Path, then: str = "") -> Path:
    """A command that writes down how it was called."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >> {shlex.quote(str(log))}\n{then}\n', encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("format_", ["text", "sh", "json", "markdown"])
def test_nothing_is_run(command: Command, tmp_path: Path, format_: str) -> None:
    tools, log = tmp_path / "tools", tmp_path / "calls"
    tools.mkdir()
    for name in ("pip", "pip3", "uv", "conda", "git", "cmake", "docker", "nvidia-smi", "nvcc", "sudo", "sh", "python3"):
        recorder(tools, name, log)
    done = command("install", "toolkit", "vllm", "--format", format_, env={"PATH": str(tools)})
    assert (done.code, done.err) == (0, "")
    assert "pip install" in done.out
    assert not log.exists(), log.read_text(encoding="utf-8")


def test_named_interpreter_is_only_asked_about_itself(command: Command, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    python = recorder(tmp_path, "project-python", log, f'exec {shlex.quote(sys.executable)} "$@"')
    done = command("install", "inference-7b", "--python", python, "--format", "sh")
    assert (done.code, done.err) == (0, "")
    assert f"{python} -m pip install" in done.out
    calls = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("project-python")]
    assert len(calls) == 1
    assert calls[0].startswith("project-python -c")


def test_interpreter_with_a_blank_in_its_path_is_quoted(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "my $project's"
    folder.mkdir()
    python = recorder(folder, "python", tmp_path / "calls", f'exec {shlex.quote(sys.executable)} "$@"')
    done = command("install", "torch", "--python", python, "--format", "sh")
    (line,) = [line for line in done.out.splitlines() if "pip install" in line and not line.startswith("#")]
    assert shlex.split(line)[0] == str(python)


def test_installed_library_is_not_installed_again(command: Command, tmp_path: Path) -> None:
    """Torch in the project's environment: the plan of a tier leaves it out."""
    site = tmp_path / "site-packages"
    (site / "torch-2.99.0.dist-info").mkdir(parents=True)
    python = recorder(
        tmp_path, "python", tmp_path / "calls", f'PYTHONPATH={shlex.quote(str(site))} exec {sys.executable} "$@"'
    )
    commands = {}
    for name, words in (("without", ()), ("with", ("--python", python))):
        plan = command("install", "inference-7b", *words, "--format", "json").document
        commands[name] = " ".join(step["command"] for part in plan["environments"] for step in part["steps"])
    assert "transformers" in commands["with"]
    assert "torch" in commands["without"].replace("https://download.pytorch.org", "")
    assert "'torch" not in commands["with"]
