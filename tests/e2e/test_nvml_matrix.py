"""Every call to the driver with every way of failing: the rest is always reported, and nothing hangs or crashes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.nvml import build

from .command import Command

CALLS = (
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion_v2",
    "nvmlDeviceGetCount_v2",
    "nvmlDeviceGetHandleByIndex_v2",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetPciInfo_v3",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetPersistenceMode",
    "nvmlDeviceGetNvLinkState",
    "nvmlDeviceGetNvLinkRemoteDeviceType",
    "nvmlDeviceGetCurrPcieLinkGeneration",
    "nvmlDeviceGetMaxPcieLinkWidth",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetEccMode",
    "nvmlDeviceGetRemappedRows",
    "nvmlDeviceGetMemoryErrorCounter",
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetApplicationsClock",
    "nvmlDeviceGetMaxClockInfo",
    "nvmlDeviceGetVbiosVersion",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetComputeMode",
    "nvmlDeviceGetVirtualizationMode",
    "nvmlDeviceGetBAR1MemoryInfo",
    "nvmlDeviceGetGpuFabricInfoV",
    "nvmlDeviceGetGridLicensableFeatures_v4",
    "nvmlDeviceGetNumaNodeId",
)
ASKED_OF = {"NvLink": "8xh100", "Fabric": "8xh100", "Grid": "vgpu"}
"""Scenarios of the calls that are made for some cards only."""
CODES = (3, 4, 9, 13, 15, 16, 18, 999)


def whole(document: Any) -> bool:
    """The rest of the machine is told, whatever the driver does."""
    return bool(document["ram"]["total"] and document["cpu"]["threads"] and document["disks"] and document["os"])


INSPECT_UNDER_EACH = """
import os, sys, msgspec
from llmcheck import api
machines = []
for os.environ["LLMCHECK_FAKE_NVML"] in sys.argv[1:]:
    machines.append(api.start_inspection()())
sys.stdout.buffer.write(msgspec.json.encode(machines))
"""
"""Each inspection loads the library anew, in a child of its own."""


@pytest.mark.parametrize("call", CALLS)
def test_no_error_code_of_any_call_keeps_the_rest_from_being_told(
    driver: Callable[..., Command], tmp_path: Path, call: str
) -> None:
    command = driver("a100-mig")
    healthy = (build.SCENARIOS / "a100-mig.ini").read_text(encoding="utf-8")
    scenarios = []
    for code in CODES:
        scenarios.append(tmp_path / f"{code}.ini")
        scenarios[-1].write_text(f"{healthy}\n[fault]\n{call}={code}\n", encoding="utf-8")
    done = command("-c", INSPECT_UNDER_EACH, *scenarios, program=(sys.executable,))
    assert (done.code, done.err) == (0, "")
    assert len(done.document) == len(CODES)
    for document in done.document:
        assert whole(document)
        assert document["gpus"] is None or document["gpus"] == [] or document["gpus"][0]["vendor"] == "nvidia"
        assert not [problem for problem in document["problems"] if problem["code"] in ("failed", "crashed", "deadline")]


def test_each_of_several_inspections_has_the_driver_of_its_scenario(
    driver: Callable[..., Command], tmp_path: Path
) -> None:
    command = driver("a100-mig")
    silent = tmp_path / "silent.ini"
    silent.write_text("[fault]\nnvmlInitWithFlags=999\n", encoding="utf-8")
    scenarios = (build.SCENARIOS / "rtx3060.ini", silent, build.SCENARIOS / "2x4090.ini")
    done = command("-c", INSPECT_UNDER_EACH, *scenarios, program=(sys.executable,))
    drivers = [document["drivers"]["nvidia"]["fault"] for document in done.document]
    assert drivers == [None, "nvml-unknown-error", None]
    assert [len(document["gpus"] or ()) for document in done.document if document["gpus"]] == [1, 2]


@pytest.mark.parametrize("call", [*CALLS, "nvmlInitWithFlags"])
@pytest.mark.parametrize("how", ["hang", "crash"])
def test_a_call_that_hangs_or_crashes_is_one_problem(driver: Callable[..., Command], call: str, how: str) -> None:
    scenario = next((name for part, name in ASKED_OF.items() if part in call), "a100-mig")
    words = ("machine", "--format", "json", "--probe-timeout", "1.5")
    document = driver(scenario, "[fault]", f"{call}={how}")(*words).document
    assert whole(document)
    if call == "nvmlDeviceGetMemoryInfo":  # only drivers before 510 are asked by it, and MIG instances
        return
    said = [problem for problem in document["problems"] if problem["probe"] == "gpu.nvidia"]
    assert [problem["code"] for problem in said] == [{"hang": "deadline", "crash": "crashed"}[how]]
    assert document["gpus"] != []


@pytest.mark.parametrize(
    ("code", "status"), [(9, "fail"), (18, "fail"), (15, "fail"), (16, "fail"), (4, "unknown"), (999, "unknown")]
)
def test_broken_fails_and_unasked_is_unknown(driver: Callable[..., Command], code: int, status: str) -> None:
    done = driver("rtx3060", "[fault]", f"nvmlInitWithFlags={code}")("check", "minimum", "--format", "json")
    findings = {finding["id"]: finding for finding in done.document["profiles"][0]["findings"]}
    assert findings["driver"]["status"] == status
    assert findings["gpu"]["status"] == "skipped"
    assert done.code == {"fail": 1, "unknown": 3}[status]


@pytest.mark.parametrize("scenario", sorted(path.stem for path in build.SCENARIOS.glob("*.ini")))
def test_every_scenario_is_inspected_and_judged(driver: Callable[..., Command], scenario: str) -> None:
    done = driver(scenario)("--format", "json", "--probe-timeout", "1")
    assert done.code == 0
    assert whole(done.document["machine"])
    assert not re.search("Traceback", done.err)


def test_a_card_in_use_is_told_with_who_holds_its_memory(driver: Callable[..., Command]) -> None:
    gpu = driver("in-use")("machine", "--format", "json").document["gpus"][0]
    assert gpu["memory_free"] < 12 * 2**30 < gpu["memory_total"]
    assert [process["memory"] for process in gpu["processes"]] == [70000 * 2**20]


def test_mig_instances_stand_for_the_card(driver: Callable[..., Command]) -> None:
    gpus = driver("a100-mig")("machine", "--format", "json").document["gpus"]
    assert [gpu["parent"] for gpu in gpus] == [None, *[0] * 7]
    assert len({gpu["memory_total"] for gpu in gpus[1:]}) == 1
    verdict = driver("a100-mig")("check", "inference-7b", "--only", "gpu", "--format", "json").document["verdict"]
    assert verdict == "not-ready"


def test_mig_without_instances_is_told(driver: Callable[..., Command]) -> None:
    document = driver("a100-mig-empty")("machine", "--format", "json").document
    assert [problem["code"] for problem in document["problems"]] == ["mig-without-instances"]


def test_a_mig_instance_may_be_the_only_visible_device(driver: Callable[..., Command]) -> None:
    command = driver("a100-mig")
    uuids = command("machine", "--format", "json").document["identity"]["gpu_uuids"]
    gpus = command.under({"CUDA_VISIBLE_DEVICES": uuids[3]})("machine", "--format", "json").document["gpus"]
    assert [position for position, gpu in enumerate(gpus) if gpu["visible"]] == [3]


def test_numbers_among_different_cards_are_said_to_be_ambiguous(driver: Callable[..., Command]) -> None:
    other = (
        "[gpu 1]",
        "name=NVIDIA GeForce RTX 3060",
        "memory_mib=12288",
        "cc=8.6",
        "uuid=GPU-other",
        "pci=0000:02:00.0",
    )
    command = driver("t4", *other).under({"CUDA_VISIBLE_DEVICES": "0"})
    codes = [problem["code"] for problem in command("machine", "--format", "json").document["problems"]]
    assert codes == ["ambiguous-visible-devices"]


def test_a_worn_card_is_told(driver: Callable[..., Command]) -> None:
    worn = ("[gpu 0]", "remapped=1,2,1,1", "ecc=on", "ecc_errors=3")
    document = driver("a100-80", *worn)("machine", "--format", "json").document
    codes = {problem["code"] for problem in document["problems"]}
    assert codes == {"ecc-exhausted", "ecc-remap-pending", "ecc-errors"}
    assert document["gpus"][0]["ecc"]["remapped_rows"] == 2


def test_what_health_checks_ask_of_a_card(driver: Callable[..., Command]) -> None:
    asked = (
        "[gpu 0]",
        *("ecc=on", "ecc_sram=1,2,3,4", "ecc_dram=5,6,7,8", "remapped=9,0,0,0"),
        *("clocks=1410,1980,1593,2619", "vbios=96.00.61.00.01", "recovery=4"),
    )
    gpu = driver("a100-80", *asked)("machine", "--format", "json").document["gpus"][0]
    ecc = gpu["ecc"]
    assert [ecc[f"sram_{kind}"] for kind in ("corrected_volatile", "uncorrected_volatile")] == [1, 2]
    assert [ecc[f"sram_{kind}"] for kind in ("corrected_aggregate", "uncorrected_aggregate")] == [3, 4]
    assert [ecc[f"dram_{kind}"] for kind in ("corrected_volatile", "uncorrected_volatile")] == [5, 6]
    assert [ecc[f"dram_{kind}"] for kind in ("corrected_aggregate", "uncorrected_aggregate")] == [7, 8]
    assert (ecc["remapped_rows_corrected"], gpu["vbios"]) == (9, "96.00.61.00.01")
    assert gpu["recovery_action"] == "drain-and-reset"
    assert list(gpu["clocks"].values()) == [1410, 1980, 1593, 2619]


def test_a_node_with_one_worn_card_is_not_ready(driver: Callable[..., Command]) -> None:
    worn = (
        "ecc_sram=0,1,0,1",
        "ecc_dram=0,1,0,1",
        "remapped=0,512,1,1",
        "recovery=1",
        "nvlinks_up=17",
        "throttle=0x40",
    )
    done = driver("8xh100", "[gpu 2]", *worn)("check", "node-nvidia-health", "--format", "json")
    (report,) = done.document["profiles"]
    assert done.code == 1
    assert {each["id"] for each in report["findings"] if each["status"] == "fail"} == {
        *("remap-pending", "remap-failed", "remapped-rows", "sram-uncorrected", "dram-uncorrected"),
        *("recovery-action", "nvlink-down"),
    }
    assert {each["id"] for each in report["findings"] if each["status"] == "warn"} >= {"slowdown"}


@pytest.mark.parametrize(("recovery", "expected"), [("0", "none"), ("9", "code-9"), ("na", None)])
def test_a_recovery_that_is_unknown_is_not_none(
    driver: Callable[..., Command], recovery: str, expected: str | None
) -> None:
    command = driver("a100-80", "[gpu 0]", f"recovery={recovery}", "ecc=off", "clocks=na")
    gpu = command("machine", "--format", "json").document["gpus"][0]
    assert (gpu["recovery_action"], gpu["clocks"]) == (expected, None)
    assert gpu["ecc"]["sram_corrected_volatile"] is None


def test_nvlink_through_switches_is_a_full_matrix(driver: Callable[..., Command]) -> None:
    matrix = driver("8xh100")("machine", "--format", "json").document["fabric"]["nvlink_matrix"]
    assert matrix == [[0 if here == there else 18 for there in range(8)] for here in range(8)]


def test_a_snapshot_is_judged_like_the_machine(driver: Callable[..., Command]) -> None:
    command = driver("2x4090")
    live = command("check", "inference-70b", "--format", "json").document["profiles"]
    for level in ("none", "standard", "strict"):
        command("machine", "--save", "snapshot.json", "--redact", level)
        replayed = command("check", "inference-70b", "--format", "json", "--machine", "snapshot.json").document
        statuses = [[each["status"] for each in profile["findings"]] for profile in (live[0], replayed["profiles"][0])]
        assert statuses[0] == statuses[1]


def test_explain_says_where_each_fact_was_read(driver: Callable[..., Command]) -> None:
    document = driver("t4")("machine", "--explain", "--format", "json").document
    sources = {source["fact"]: source for source in document["sources"]}
    assert "NVML" in sources["drivers.nvidia"]["source"]
    assert sources["ram.total"]["seconds"] >= 0
    assert driver("t4")("machine", "--format", "json").document["sources"] == []


def test_no_fact_is_told_without_its_source(driver: Callable[..., Command]) -> None:
    document = driver("8xh100")("machine", "--explain", "--format", "json").document
    sources = {source["fact"] for source in document["sources"]}
    told = {
        f"{part}.{fact}"
        for part in ("os", "cpu", "ram", "limits", "software")
        for fact, value in document[part].items()
        if value not in (None, [], {})
    }
    derived = {"ram.limit_source", "cpu.quota_source"}
    assert told - derived <= sources
    of_disks = {f"disks.0.{fact}" for fact, value in document["disks"][0].items() if value is not None}
    assert of_disks - {"disks.0.role", "disks.0.path", "disks.0.kind_source"} <= sources
    of_gpus = {f"gpus.{fact}" for fact, value in document["gpus"][0].items() if value not in (None, [])}
    whose_own = {"vendor", "index", "usable", "integrated", "unified", "spec"}
    assert of_gpus - {f"gpus.{fact}" for fact in whose_own} <= sources
