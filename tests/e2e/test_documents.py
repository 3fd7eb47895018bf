"""The names in the JSON documents are a contract: scripts read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .command import Command, findings

SIZE = (int, type(None))


@pytest.fixture
def report(driver: Callable[..., Command]) -> dict[str, Any]:
    document: dict[str, Any] = driver("2x4090")("check", "inference-7b", "--format", "json").document
    return document


@pytest.fixture
def machine(driver: Callable[..., Command]) -> dict[str, Any]:
    document: dict[str, Any] = driver("2x4090")("machine", "--format", "json").document
    return document


def test_report(report: dict[str, Any]) -> None:
    assert report["schema"] == "llmcheck.report/1"
    assert report["verdict"] in ("ready", "not-ready", "undetermined")
    assert report["exit_code"] in (0, 1, 3)
    assert report["machine"]["schema"] == "llmcheck.machine/1"
    assert [(each["id"], each["verdict"]) for each in report["profiles"]] == [("inference-7b", report["verdict"])]


def test_finding(report: dict[str, Any]) -> None:
    every = report["profiles"][0]["findings"]
    assert {"driver", "gpu", "ram", "storage", "torch", "transformers", "engine"} <= {each["id"] for each in every}
    for each in every:
        assert {"id", "kind", "status", "needed", "found", "short_by", "message", "remedy"} <= set(each)
        assert each["status"] in ("pass", "warn", "fail", "unknown", "skipped")
        assert each["needed"]
        assert each["message"]


def test_failed_finding_says_by_how_much(command: Command, profile: Callable[[str], Path]) -> None:
    (finding,) = findings(command("check", profile("not-ready"), "--format", "json")).values()
    assert (finding["kind"], finding["status"], finding["needed"]) == ("ram", "fail", "1000 TB")
    assert re.match(r"[\d.]+ [kMGTP]?B$", finding["found"]), finding["found"]
    assert re.match(r"[\d.]+ [kMGTP]?B$", finding["short_by"]), finding["short_by"]
    assert finding["remedy"]


def test_machine(machine: dict[str, Any]) -> None:
    assert machine["schema"] == "llmcheck.machine/1"
    assert {"total", "available", "limit", "limit_source", "usable"} <= set(machine["ram"])
    assert 0 < machine["ram"]["usable"] <= machine["ram"]["total"]
    assert machine["ram"]["available"] <= machine["ram"]["total"]
    assert 1 <= machine["cpu"]["threads_usable"] <= machine["cpu"]["threads"]
    for disk in machine["disks"]:
        assert {"path", "kind", "free"} <= set(disk)
        assert disk["kind"] in ("nvme", "ssd", "hdd", "network", "memory", "unknown")
        assert isinstance(disk["free"], SIZE)
    assert machine["software"]["python"]["executable"]
    packages = {each["name"]: each["version"] for each in machine["software"]["packages"]}
    assert {"click", "msgspec", "rich"} <= set(packages)
    assert all(packages.values())


def test_gpus(machine: dict[str, Any]) -> None:
    assert machine["drivers"]["nvidia"]["version"] == "580.95.05"
    assert machine["drivers"]["nvidia"]["cuda_version"] == "13.0"
    nvidia = [gpu for gpu in machine["gpus"] if gpu["vendor"] == "nvidia"]
    told = ("index", "name", "memory_total", "memory_free", "compute_capability", "visible")
    assert [tuple(gpu[name] for name in told) for gpu in nvidia] == [
        (0, "NVIDIA GeForce RTX 4090", 24564 * 2**20, (24564 - 12 - 346) * 2**20, "8.9", True),
        (1, "NVIDIA GeForce RTX 4090", 24564 * 2**20, (24564 - 12 - 346) * 2**20, "8.9", True),
    ]


def test_problem(driver: Callable[..., Command]) -> None:
    machine = driver("mismatch")("machine", "--format", "json").document
    (problem,) = [each for each in machine["problems"] if each["probe"] == "gpu.nvidia"]
    assert {"probe", "code", "message", "remedy"} <= set(problem)
    assert problem["code"] == "driver-mismatch"
    assert "reboot" in problem["remedy"]


def test_every_document_is_one_json_value(command: Command) -> None:
    for words in (
        ("profiles", "list"),
        ("profiles", "show", "inference-7b"),
        ("libraries", "list"),
        ("libraries", "show", "torch"),
        ("cloud", "inference-7b"),
        ("install", "torch"),
    ):
        done = command(*words, "--format", "json")
        assert (done.code, done.err) == (0, ""), words
        assert isinstance(json.loads(done.raw), dict), words
    assert command("profiles", "schema").document["$schema"].startswith("https://json-schema.org/")


def test_output_file_holds_what_stdout_would(command: Command) -> None:
    words = ("profiles", "show", "inference-7b", "--format", "json")
    to_file = command(*words, "--output", "shown.json")
    assert (to_file.code, to_file.raw, to_file.err) == (0, b"", "llmcheck: wrote shown.json (json)\n")
    assert (command.cwd / "shown.json").read_bytes() == command(*words).raw
    assert [each.name for each in command.cwd.iterdir()] == ["shown.json"]
