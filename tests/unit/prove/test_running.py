"""One check is run: it is killed at its deadline with all that it began, and whatever it prints is survived."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from llmcheck.prove import NOT_APPLICABLE, Job, Request, child, on_device, running
from llmcheck.schema.machine import Cpu, Gpu, Machine, Ram
from llmcheck.schema.measurement import Trial

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="stands in for an interpreter with a script of sh")
ANSWER = (
    '#llmcheck-measured {"quantity": "matmul", "subject": "GPU 0", "unit": "TFLOP/s", "rate": 700.0, "right": true}'
)
GPU = Machine(gpus=(Gpu(vendor="nvidia", name="NVIDIA H100 80GB HBM3"),))


def tried(folder: Path, script: str, name: str = "matmul", deadline: float = 20.0, where: Machine = GPU) -> Trial:
    """Of a check whose interpreter is a shell script."""
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    request = Request(machine=where, python=str(python), own_python=str(python), deadline=deadline)
    return running.run(name, request, dict(os.environ))


def test_what_was_measured_is_read(tmp_path: Path) -> None:
    found = tried(tmp_path, f"echo hello\necho '{ANSWER}'")
    assert (found.state, found.reason, [each.rate for each in found.measurements]) == ("ended", None, [700.0])


def test_one_that_hangs_is_killed_with_what_it_began_and_what_it_measured_counts(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    found = tried(tmp_path, f"echo '{ANSWER}'\nsleep 300 &\necho $! > {mark}\nwait", deadline=1.5)
    assert (found.state, found.reason) == ("failed", "killed: no end within 2 s after GPU 0")
    assert [each.rate for each in found.measurements] == [700.0]
    assert has_ended(int(mark.read_text(encoding="ascii")))


def has_ended(pid: int) -> bool:
    """Within a generous time: gone, or dead and not yet collected."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_one_whose_child_holds_its_output_open_is_killed_too(tmp_path: Path) -> None:
    found = tried(tmp_path, "sleep 300 &", deadline=1.0)
    assert found.state == "failed"
    assert "killed" in (found.reason or "")


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("true", "failed", "ended without an answer"),
        ("exit 7", "failed", "ended with exit code 7"),
        ("echo 'CUDA error: uncorrectable ECC error'; exit 1", "failed", "uncorrectable ECC error"),
        ("kill -9 $$", "failed", "ended by signal 9 (the system may have run out of memory)"),
        ("kill -11 $$", "failed", "ended by signal 11"),
        ("echo 'no torch'; exit 4", "cannot", "no torch"),
        (f"echo 'one GPU'; exit {NOT_APPLICABLE}", "not-applicable", "one GPU"),
        ("while :; do echo 0123456789012345678901234567890123456789; done", "failed", "more than 1 MiB"),
        ("printf 'a\\033[31m\\n'; exit 1", "failed", "a\\x1b[31m"),
    ],
)
def test_a_bad_end_has_its_reason(tmp_path: Path, script: str, state: str, words: str) -> None:
    found = tried(tmp_path, script)
    assert found.state == state
    assert words in (found.reason or "")


@pytest.mark.parametrize(
    "answer",
    [
        "garbage",
        "{",
        '{"rate": 1}',
        ANSWER.removeprefix(child.MARK).replace("700.0", "NaN"),
        ANSWER.removeprefix(child.MARK).replace("700.0", "1e400"),
        ANSWER.removeprefix(child.MARK).replace("700.0", "-1"),
        ANSWER.removeprefix(child.MARK).replace("700.0", "0"),
        ANSWER.removeprefix(child.MARK).replace("TFLOP/s", "miles"),
        ANSWER.removeprefix(child.MARK).replace("matmul", "host-to-device"),
        ANSWER.removeprefix(child.MARK).replace('"right"', '"more": 1, "right"'),
        "[" * 10_000,
    ],
)
def test_an_answer_that_is_none_is_no_rate(tmp_path: Path, answer: str) -> None:
    (tmp_path / "answer").write_text(f"{child.MARK}{answer}\n", encoding="utf-8")
    (found,) = tried(tmp_path, f"cat {tmp_path}/answer").measurements
    assert found.rate is None
    assert found.reason


def test_an_interpreter_that_is_not_there_is_said(tmp_path: Path) -> None:
    request = Request(machine=GPU, python=str(tmp_path / "none"), own_python="")
    found = running.run("matmul", request, dict(os.environ))
    assert found.state == "failed"
    assert "could not be started: No such file" in (found.reason or "")


def test_a_program_of_ours_gets_nothing_of_pythons_variables_and_runs_outside_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PYTHONSTARTUP", "/somewhere/else")
    found = tried(tmp_path, 'echo "$PWD $PYTHONPATH$PYTHONSTARTUP $PYTHONSAFEPATH"; exit 1')
    assert found.reason == "ended with exit code 1: /  1"


# --- the checks of our own that need no torch, for real ---


def real(name: str, **changes: object) -> Trial:
    where = Machine(cpu=Cpu(threads_usable=2), ram=Ram(available=2**30))
    request = Request(machine=where, python=sys.executable, own_python=sys.executable, seconds=0.2, deadline=120)
    return running.run(name, replace(request, **changes), dict(os.environ))


@pytest.mark.parametrize("name", ["ram-copy", "tcp"])
def test_a_check_of_our_own_measures_and_compares(name: str) -> None:
    found = real(name)
    assert found.reason is None
    assert [(each.right, (each.rate or 0) > 0) for each in found.measurements] == [(True, True)]


def test_a_disk_is_read_where_there_is_a_large_file(tmp_path: Path) -> None:
    large = tmp_path / "model.bin"
    with large.open("wb") as file:
        for _ in range(257):
            file.write(b"a" * 2**20)
    found = real("disk-read", path=str(tmp_path))
    assert [(each.subject, each.right) for each in found.measurements] == [(str(large), True)]


def test_nothing_is_written_unless_it_is_allowed_and_nothing_is_left(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(2**30)
    refused = real("disk-read", path=str(tmp_path))
    assert refused.state == "cannot"
    assert "--write writes a file" in (refused.reason or "")
    assert [each.name for each in tmp_path.iterdir()] == ["sparse"]
    allowed = real("disk-read", path=str(tmp_path), write=True)
    assert [each.right for each in allowed.measurements] == [True]
    assert [each.name for each in tmp_path.iterdir()] == ["sparse"]


def test_two_hosts_exchange_bytes_over_tcp() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    jobs = tuple(
        child.job(sys.executable, "tcp", {"listen": None, "peer": None, "seconds": 0.2, "deadline": 60, **role})
        for role in ({"listen": ["127.0.0.1", port]}, {"peer": ["127.0.0.1", port]})
    )
    later = Job(argv=jobs[1].argv, after=2.0)
    ended = running.programs((jobs[0], later), dict(os.environ), 120)
    assert [each.code for each in ended] == [0, 0], [each.output for each in ended]


def test_a_peer_that_does_not_listen_is_named() -> None:
    found = real("tcp", peer=("127.0.0.1", 1))
    assert found.state == "failed"
    assert "127.0.0.1 port 1: Connection refused" in (found.reason or "")


def test_too_little_memory_for_a_copy_is_said_before_it_is_taken() -> None:
    found = real("ram-copy", machine=Machine(cpu=Cpu(threads_usable=64), ram=Ram(available=2**26)))
    assert (found.state, found.reason) == ("cannot", "less than 128 MiB of RAM are free")


# --- the processor is no GPU ---

BROKEN = Gpu(vendor="nvidia", name="NVIDIA H100 80GB HBM3", usable=False)


@pytest.mark.parametrize(
    ("gpus", "device"),
    [
        ((), "cpu"),
        ((Gpu(vendor="intel", integrated=True),), "cpu"),
        ((BROKEN,), "cuda"),
        ((Gpu(vendor="nvidia", visible=False),), "cuda"),
        (None, "cuda"),
        (GPU.gpus, "cuda"),
    ],
)
def test_the_processor_never_stands_in_for_a_gpu(gpus: tuple[Gpu, ...] | None, device: str) -> None:
    request = Request(machine=Machine(gpus=gpus), python="", own_python="")
    assert on_device.chosen(request) == device
    assert on_device.chosen(replace(request, device="cpu")) == "cpu"


@pytest.mark.parametrize("name", ["host-device", "device-device", "device-memory"])
def test_copies_are_skipped_where_there_is_no_gpu_and_not_where_one_is_broken(tmp_path: Path, name: str) -> None:
    assert tried(tmp_path, "exit 4", name, where=Machine(gpus=())).state == "not-applicable"
    assert tried(tmp_path, "echo why; exit 4", name, where=Machine(gpus=(BROKEN,))).state == "cannot"
