"""``llmcheck prove``: what was measured decides the exit code; the interpreters here only say that they measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="stands in for an interpreter with a script of sh")
LINE = (
    '#llmcheck-measured {{"quantity": "matmul", "subject": "GPU {gpu}", "unit": "TFLOP/s", "rate": {rate}, '
    '"right": {right}, "reason": {reason}, "vendor": "nvidia", "card": "{card}", "card_memory": 85017493504}}'
)


def interpreter(folder: Path, lines: list[str], more: str = "") -> Path:
    """Says that it has measured the lines."""
    (folder / "lines").write_text("\n".join(lines) + "\n", encoding="utf-8")
    python = folder / "python"
    python.write_text(f"#!/bin/sh\ncat {folder}/lines\n{more}\n", encoding="utf-8")
    python.chmod(0o755)
    return python


def line(gpu: int, rate: object = 760.0, *, wrong: bool = False, card: str = "NVIDIA H100 80GB HBM3") -> str:
    reason = '"the product has values that are not finite"' if wrong else "null"
    return LINE.format(gpu=gpu, rate=rate, right="false" if wrong else "true", reason=reason, card=card)


EIGHT = [line(gpu) for gpu in range(8)]
CASES = {
    "eight good GPUs": (EIGHT, (), 0, "✓ pass"),
    "a NaN in the product of one": ([*EIGHT[:7], line(7, "null", wrong=True)], (), 1, "not finite"),
    "one is slow": ([*EIGHT[:7], line(7, 400.0)], (), 0, "GPU 7: 400 TFLOP/s, 50 % of 794.5"),
    "one is slow, and a warning is enough": ([*EIGHT[:7], line(7, 400.0)], ("--fail-on", "warn"), 4, "50 %"),
    "one is slower than demanded": ([*EIGHT[:7], line(7, 400.0)], ("--at-least", "matmul=600"), 1, "--at-least"),
    "one did not work": (EIGHT[:7], (), 1, "7 of 8 GPUs worked"),
    "other cards than the driver's": ([line(each, card="NVIDIA H200") for each in range(8)], (), 0, "does not list"),
    "garbage": (["#llmcheck-measured {\x1b[31m"], (), 3, "cannot be read"),
    "nothing": ([""], (), 3, "without an answer"),
}


@pytest.mark.parametrize(("lines", "words", "code", "said"), CASES.values(), ids=CASES)
def test_what_was_measured_decides(
    driver: Callable[..., Command], tmp_path: Path, lines: list[str], words: tuple[str, ...], code: int, said: str
) -> None:
    python = interpreter(tmp_path, lines)
    command = driver("8xh100").under({"COLUMNS": "160"})
    done = command("prove", "--only", "matmul", "--python", python, *words)
    assert done.code == code, done.out + done.err
    assert said in " ".join(done.out.split())
    assert "\x1b" not in done.out


def test_the_exit_code_and_the_numbers_are_in_the_document(driver: Callable[..., Command], tmp_path: Path) -> None:
    python = interpreter(tmp_path, EIGHT)
    done = driver("8xh100")("prove", "--only", "matmul", "--python", python, "--format", "json")
    assert (done.code, done.document["exit_code"], done.document["verdict"]) == (0, 0, "ready")
    assert [each["rate"] for each in done.document["measurements"]] == [760.0] * 8
    assert {each["kind"] for each in done.document["profiles"][0]["findings"]} == {"measured"}


def test_a_check_that_hangs_is_killed_and_leaves_the_verdict_open(
    driver: Callable[..., Command], tmp_path: Path
) -> None:
    python = interpreter(tmp_path, EIGHT[:3], 'case "$*" in *task*) sleep 300;; esac')
    done = driver("8xh100")("prove", "--only", "matmul", "--python", python, "--seconds", "3")
    assert done.code == 3, done.out
    assert "killed: no end within 3 s after GPU 2" in " ".join(done.out.split())


def test_torch_that_is_not_installed_leaves_the_gpus_open(driver: Callable[..., Command]) -> None:
    done = driver("8xh100")("prove", "--only", "device-memory")
    assert done.code == 3, done.out
    assert "torch c" in " ".join(done.out.split())


def test_a_machine_without_a_gpu_is_judged_by_the_rest(command: Command, tmp_path: Path) -> None:
    words = ("--only", "tcp", "--only", "device-memory", "--seconds", "30")
    done = command("prove", *words, env={"COLUMNS": "160"})
    assert done.code == 0, done.out + done.err
    assert "this machine has no GPU" in " ".join(done.out.split())


def test_a_tool_that_is_missing_is_named(command: Command) -> None:
    done = command("prove", "--only", "nvbandwidth", "--seconds", "5", env={"PATH": "/nowhere"})
    assert done.code == 3
    assert "nvbandwidth is not on PATH" in " ".join(done.out.split())
    assert "nvbandwidth: not on PATH" in " ".join(
        command("prove", "--list", env={"PATH": "/nowhere", "COLUMNS": "160"}).out.split()
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "matmull"), "no check 'matmull' (did you mean 'matmul'?)"),
        (("--at-least", "matmul=fast"), "is not QUANTITY=RATE"),
        (("--at-least", "speed=3"), "no quantity 'speed'"),
        (("--listen", "0.0.0.0:5000", "--peer", "node2"), "one of them"),
        (("--listen", "0.0.0.0"), "names no port"),
        (("--peer", "-oProxyCommand=x"), "is not HOST or HOST:PORT"),
        (("--nodes", "2"), "--rendezvous"),
        (("--seconds", "nan"), "not a number"),
    ],
)
def test_bad_words_are_one_line_and_two(command: Command, words: tuple[str, ...], said: str) -> None:
    done = command("prove", *words)
    assert (done.code, done.raw) == (2, b"")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_nothing_is_left_in_home_and_working_directory(command: Command) -> None:
    command("prove", "--only", "tcp", "--only", "disk-read", "--seconds", "10")
    assert [*command.home.iterdir(), *command.cwd.iterdir()] == []


def test_an_interpreter_that_only_lies_in_the_working_directory_is_not_started(
    command: Command, tmp_path: Path
) -> None:
    binaries = command.cwd / ".venv/bin"
    binaries.mkdir(parents=True)
    python = binaries / "python"
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n", encoding="utf-8")
    python.chmod(0o755)
    command("prove", "--only", "matmul", "--seconds", "20")
    assert not (tmp_path / "was-run").exists()


def test_nothing_that_runs_is_two_and_says_why(command: Command) -> None:
    done = command("prove", "--only", "tcp", "--skip", "tcp")
    assert done.code == 2
    assert "--skip and --only leave out every requirement" in " ".join(done.out.split())
