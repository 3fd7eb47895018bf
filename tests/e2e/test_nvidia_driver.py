"""NVIDIA's library, played by a stand-in that the real binding loads: healthy, broken, dying and hanging drivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .command import Command, findings

JSON = ("--format", "json")
HARDWARE = ("check", "inference-7b", "--only", "driver", "--only", "gpu", *JSON)


def nvidia(machine: dict[str, Any]) -> list[dict[str, Any]]:
    return [gpu for gpu in machine["gpus"] or () if gpu["vendor"] == "nvidia"]


def problem_codes(machine: dict[str, Any]) -> list[str]:
    return [each["code"] for each in machine["problems"] if each["probe"] == "gpu.nvidia"]


def told_the_rest(machine: dict[str, Any]) -> bool:
    """Whether a driver's trouble has left everything else in place."""
    return bool(
        machine["ram"]["total"] and machine["cpu"]["threads"] and machine["disks"] and machine["software"]["packages"]
    )


@pytest.mark.parametrize(
    ("scenario", "count", "name", "mib", "capability"),
    [
        ("rtx3060", 1, "NVIDIA GeForce RTX 3060", 12288, "8.6"),
        ("2x4090", 2, "NVIDIA GeForce RTX 4090", 24564, "8.9"),
        ("a100-80", 1, "NVIDIA A100-SXM4-80GB", 81920, "8.0"),
        ("8xh100", 8, "NVIDIA H100 80GB HBM3", 81559, "9.0"),
    ],
)
def test_healthy(
    driver: Callable[..., Command], scenario: str, count: int, name: str, mib: int, capability: str
) -> None:
    done = driver(scenario)(*HARDWARE)
    gpus = nvidia(done.document["machine"])
    assert [gpu["index"] for gpu in gpus] == list(range(count))
    assert {(gpu["name"], gpu["memory_total"], gpu["compute_capability"]) for gpu in gpus} == {
        (name, mib * 2**20, capability)
    }
    assert (done.code, done.document["verdict"]) == (0, "ready")
    assert problem_codes(done.document["machine"]) == []


def test_card_that_is_too_small(driver: Callable[..., Command]) -> None:
    done = driver("rtx3060")("check", "inference-13b-30b", "--only", "gpu", *JSON)
    gpu = findings(done)["gpu"]
    assert (done.code, gpu["status"]) == (1, "fail")
    assert "RTX 3060" in gpu["message"]
    assert gpu["short_by"]


@pytest.mark.parametrize(
    ("scenario", "code", "status", "exit_code"),
    [
        ("not-loaded", "driver-not-loaded", "fail", 1),
        ("mismatch", "driver-mismatch", "fail", 1),
        ("unknown-error", "nvml-unknown-error", "unknown", 3),
        ("no-permission", "no-permission", "unknown", 3),
    ],
)
def test_driver_that_does_not_answer(
    driver: Callable[..., Command], scenario: str, code: str, status: str, exit_code: int
) -> None:
    done = driver(scenario)(*HARDWARE)
    machine = done.document["machine"]
    found = findings(done)
    assert problem_codes(machine) == [code]
    assert machine["drivers"]["nvidia"]["fault"] == code
    assert machine["gpus"] != []  # [] would say that there is none
    assert (found["driver"]["status"], found["gpu"]["status"]) == (status, "skipped")
    assert found["driver"]["remedy"]
    assert done.code == exit_code
    assert told_the_rest(machine)


@pytest.mark.parametrize("level", ["required", "recommended", "info"])
def test_hanging_driver_never_makes_a_required_gpu_ready(driver: Callable[..., Command], level: str) -> None:
    command = driver("hang-init")
    name = cards(command, 8)
    more = f'[[require]]\nid = "driver"\nkind = "driver"\nlevel = "{level}"\n'
    with (command.cwd / name).open("a", encoding="utf-8") as file:
        file.write(more)
    done = command("check", name, "--probe-timeout", "1", *JSON)
    gpu = findings(done)["gpu"]
    assert (done.code, done.document["verdict"]) == (3, "undetermined")
    assert (gpu["status"], gpu["skipped"], gpu["blocked_by"]) == ("skipped", "blocked", "driver")


@pytest.mark.parametrize("scenario", ["unknown-error", "no-permission"])
def test_what_could_not_be_asked_is_not_called_absent(driver: Callable[..., Command], scenario: str) -> None:
    text = driver(scenario)().out
    assert "no GPU" not in text
    assert "NVML error" in text


def test_lost_gpu_is_listed_and_not_counted(driver: Callable[..., Command]) -> None:
    done = driver("lost-of-8")("check", "pretrain", "--only", "gpu-cluster", "--only", "gpu", *JSON)
    gpus = nvidia(done.document["machine"])
    assert [gpu["usable"] for gpu in gpus] == [True] * 3 + [False] + [True] * 4
    assert gpus[3]["fault"] == "gpu-lost"
    assert problem_codes(done.document["machine"]) == ["gpu-lost"]
    assert findings(done)["gpu-cluster"]["found"].startswith("7 ")


def cards(command: Command, count: int) -> str:
    """The name of a profile that asks for so many cards of 80 GB."""
    need = 'title = "t"\ntask = "general"\nsources = ["s"]\n[[require]]\nid = "gpu"\nkind = "gpu"\nmemory = "80 GB"\n'
    (command.cwd / f"cards-{count}.toml").write_text(f'id = "cards-{count}"\n{need}count = {count}\n', encoding="utf-8")
    return f"cards-{count}.toml"


def test_lost_gpu_fails_a_tier_that_needs_all(driver: Callable[..., Command]) -> None:
    command = driver("lost-of-8")
    assert [command("check", cards(command, count)).code for count in (7, 8)] == [0, 1]


def test_unified_memory_is_the_machines_ram(driver: Callable[..., Command]) -> None:
    """A GPU that reports no memory of its own has neither none nor some: it shares the machine's."""
    machine = driver("gb10")("machine", *JSON).document
    (gpu,) = nvidia(machine)
    assert (gpu["name"], gpu["unified"], gpu["memory_total"]) == ("NVIDIA GB10", True, machine["ram"]["total"])


def test_memory_that_cannot_be_read_is_unknown_and_not_zero(driver: Callable[..., Command]) -> None:
    done = driver("rtx3060", "[fault]", "nvmlDeviceGetMemoryInfo=999", "nvmlDeviceGetMemoryInfo_v2=999")(*HARDWARE)
    (gpu,) = nvidia(done.document["machine"])
    assert (gpu["memory_total"], gpu["memory_free"]) == (None, None)
    assert findings(done)["gpu"]["status"] == "unknown"
    assert problem_codes(done.document["machine"]) == ["nvml-unknown-error"]
    assert (done.code, done.document["verdict"]) == (3, "undetermined")


def test_hanging_driver_is_left_behind(driver: Callable[..., Command]) -> None:
    done = driver("hang-init")(*HARDWARE, "--probe-timeout", "1")
    machine = done.document["machine"]
    assert problem_codes(machine) == ["deadline"]
    assert findings(done)["driver"]["status"] == "unknown"
    assert (done.code, machine["gpus"]) == (3, None)
    assert told_the_rest(machine)


def test_hang_at_one_card_leaves_those_before_it(driver: Callable[..., Command]) -> None:
    command = driver("8xh100", "[fault]", "nvmlDeviceGetName@5=hang")
    done = command("check", cards(command, 5), cards(command, 8), "--probe-timeout", "1", *JSON)
    machine = done.document["machine"]
    assert problem_codes(machine) == ["deadline"]
    assert [gpu["usable"] for gpu in nvidia(machine)] == [True] * 5 + [None] * 3
    assert [gpu["memory_total"] is None for gpu in nvidia(machine)] == [False] * 5 + [True] * 3
    assert [each["verdict"] for each in done.document["profiles"]] == ["ready", "undetermined"]
    assert told_the_rest(machine)


def test_links_of_cards_that_were_not_asked_are_unknown(driver: Callable[..., Command]) -> None:
    machine = driver("8xh100", "[fault]", "nvmlDeviceGetName@5=hang")("machine", *JSON, "--probe-timeout", "1").document
    assert [gpu["nvlinks"] for gpu in nvidia(machine)] == [18] * 5 + [None] * 3
    matrix = machine["fabric"]["nvlink_matrix"]
    assert matrix is None or 0 not in matrix[5][6:]


def test_crash_at_initialisation_is_told(driver: Callable[..., Command]) -> None:
    done = driver("2x4090", "[fault]", "nvmlInitWithFlags=crash")(*HARDWARE)
    machine = done.document["machine"]
    assert problem_codes(machine) == ["crashed"]
    assert (done.code, findings(done)["driver"]["status"]) == (3, "unknown")
    assert told_the_rest(machine)


def test_crash_at_one_card_leaves_those_before_it(driver: Callable[..., Command]) -> None:
    done = driver("2x4090", "[fault]", "nvmlDeviceGetUUID@1=crash")(*HARDWARE)
    machine = done.document["machine"]
    assert problem_codes(machine) == ["crashed"]
    assert [gpu["usable"] for gpu in nvidia(machine)] == [True, None]
    assert told_the_rest(machine)


FAULTS = ["nvmlDeviceGetUUID@1=crash", "nvmlDeviceGetUUID@1=hang", "*@1=15", "*@1=16", "nvmlInitWithFlags=hang"]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_problem(driver: Callable[..., Command], fault: str) -> None:
    """``fault`` is the code of the problem that explains it."""
    machine = driver("2x4090", "[fault]", fault)("machine", *JSON, "--probe-timeout", "1").document
    faults = {gpu["fault"] for gpu in nvidia(machine)} | {each["fault"] for each in machine["drivers"].values()}
    assert faults - {None}
    assert faults - {None} <= set(problem_codes(machine))


def test_query_that_fails_costs_that_fact_only(driver: Callable[..., Command]) -> None:
    done = driver("rtx3060", "[fault]", "nvmlDeviceGetCudaComputeCapability=999")(*HARDWARE)
    (gpu,) = nvidia(done.document["machine"])
    assert (gpu["name"], gpu["compute_capability"]) == ("NVIDIA GeForce RTX 3060", None)
    assert (done.code, gpu["memory_total"]) == (0, 12288 * 2**20)


@pytest.mark.parametrize(
    ("value", "visible"),
    [("0", [True, False]), ("", [False, False]), ("1,0", [True, True]), ("-1", [False, False])],
)
def test_visible_devices(driver: Callable[..., Command], value: str, visible: list[bool]) -> None:
    done = driver("2x4090")(*HARDWARE, env={"CUDA_VISIBLE_DEVICES": value})
    assert [gpu["visible"] for gpu in nvidia(done.document["machine"])] == visible
    assert done.code == (0 if any(visible) else 1)


def test_hidden_gpus_are_told_from_absent_ones(driver: Callable[..., Command]) -> None:
    done = driver("2x4090")(*HARDWARE, env={"CUDA_VISIBLE_DEVICES": ""})
    gpu = findings(done)["gpu"]
    assert gpu["status"] == "fail"
    assert "2 are here" in gpu["message"]
    assert "CUDA_VISIBLE_DEVICES" in gpu["message"]
