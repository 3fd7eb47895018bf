"""Apple silicon, from a tree that brings the answers of sysctl and system_profiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.probe import Reading
from llmcheck.probe.gpu import apple
from llmcheck.schema.machine import Gpu
from llmcheck.system.host import Host
from tests.probe.host_trees import ask, tree

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
GIB, MIB = 2**30, 2**20


def read(root: Path, architecture: str = "arm64", **answers: str) -> Reading:
    commands = {f"/.commands/sysctl -n {name}": f"{text}\n" for name, text in answers.items()}
    return ask(apple, tree(root, {"/.platform": "darwin\n", "/.architecture": architecture, **commands}))


def only(reading: Reading) -> Gpu:
    (gpu,) = reading.gpus or ()
    return gpu


def test_a_captured_mac() -> None:
    host = Host(str(HOSTS / "mac-m2-max"), {})
    assert (host.platform, host.machine_architecture()) == ("darwin", "arm64")
    reading = ask(apple, host)
    gpu = only(reading)
    assert (gpu.vendor, gpu.name, gpu.unified, gpu.index) == ("apple", "Apple M2 Max", True, 0)
    assert gpu.memory_total == 72 * GIB
    assert "38 GPU cores" in reading.sources["gpus"]
    assert reading.sources["gpus.memory_total"].startswith("estimate")
    assert reading.problems == ()


@pytest.mark.parametrize(
    ("ram", "share"),
    [
        (8, 8 * GIB * 2 // 3),
        (16, 16 * GIB * 2 // 3),
        (32, 32 * GIB * 2 // 3),
        (36, 27 * GIB),
        (48, 36 * GIB),
        (128, 96 * GIB),
    ],
)
def test_the_usual_share(tmp_path: Path, ram: int, share: int) -> None:
    answers = {"hw.memsize": str(ram * GIB), "iogpu.wired_limit_mb": "0"}
    assert only(read(tmp_path, **answers)).memory_total == share


@pytest.mark.parametrize(
    ("limits", "share"),
    [
        ({"iogpu.wired_limit_mb": "14000"}, 14000 * MIB),
        ({"iogpu.wired_limit_mb": "999999"}, 16 * GIB),
        ({"debug.iogpu.wired_limit": str(13 * GIB)}, 13 * GIB),
        ({"iogpu.wired_limit_mb": "-5"}, 16 * GIB * 2 // 3),
        ({"iogpu.wired_limit_mb": "nonsense"}, 16 * GIB * 2 // 3),
    ],
)
def test_a_limit_that_was_set(tmp_path: Path, limits: dict[str, str], share: int) -> None:
    assert only(read(tmp_path, **{"hw.memsize": str(16 * GIB), **limits})).memory_total == share


def test_without_answers_it_is_unknown_with_the_reason(tmp_path: Path) -> None:
    reading = read(tmp_path)
    assert (only(reading).name, only(reading).memory_total, only(reading).unified) == ("Apple GPU", None, True)
    assert [problem.code for problem in reading.problems] == ["unified-memory"]


def test_a_damaged_report_is_no_report(tmp_path: Path) -> None:
    place = tmp_path / ".commands"
    place.mkdir()
    (place / "system_profiler -json SPDisplaysDataType").write_text('{"SPDisplaysDataType": [{"sppci_cores": 8}')
    assert only(read(tmp_path, **{"machdep.cpu.brand_string": "Apple M4"})).name == "Apple M4"


def test_other_systems_have_none(tmp_path: Path) -> None:
    assert read(tmp_path / "intel", architecture="x86_64").gpus == ()
    assert ask(apple, tree(tmp_path / "linux", {})).gpus == ()
