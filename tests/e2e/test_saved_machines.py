"""A saved machine is data of somebody else: its version is checked, its age is said, what cannot be true is unknown."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from .command import Command, complaint, findings

GIB = 2**30
NODE = {
    "vendor": "nvidia",
    "name": "NVIDIA H100 80GB HBM3",
    "memory_total": 80 * GIB,
    "compute_capability": "9.0",
}


def saved(command: Command, **facts: Any) -> str:
    """A file with eight H100 and what is said besides; its name."""
    gpus = [{**NODE, "index": index, "pci_bus_id": f"0000:0{index}:00.0"} for index in range(8)]
    machine = {
        "schema": "llmcheck.machine/1",
        "collected_at": ago(0),
        "os": {"system": "linux", "architecture": "x86_64"},
        "drivers": {"nvidia": {"version": "580.95.05", "cuda_version": "13.0"}},
        "ram": {"total": 2**40, "usable": 2**40, "available": 2**40},
        "disks": [{"role": "models", "path": "/srv", "kind": "nvme", "size": 10**13, "free": 5 * 10**12}],
        "gpus": gpus,
    }
    (command.cwd / "m.json").write_text(json.dumps({**machine, **facts}), encoding="utf-8")
    return "m.json"


def ago(days: float) -> str:
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)).isoformat(timespec="seconds")


def check(command: Command, *options: str, **facts: Any) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """Exit code, findings by id and problems of the hardware of the largest tier for inference."""
    name = saved(command, **facts)
    done = command("check", "inference-70b", "--only", "hardware", "--format", "json", "--machine", name, *options)
    assert done.err == ""
    return done.code, findings(done), done.document["machine"]["problems"]


def test_the_plain_machine_is_ready(command: Command) -> None:
    code, found, problems = check(command)
    assert (code, problems) == (0, [])
    assert found["gpu"]["status"] == "pass"


@pytest.mark.parametrize(
    ("facts", "finding", "code"),
    [
        ({"gpus": [{**NODE, "memory_total": 4 * 10**15}]}, "gpu", "implausible"),
        ({"gpus": [{**NODE, "memory_total": 2**62}]}, "gpu", "implausible"),
        ({"gpus": [{**NODE, "memory_total": 2**64 - 1}]}, "gpu", "implausible"),
        ({"gpus": [{**NODE, "memory_total": -80 * GIB}]}, "gpu", "implausible"),
        ({"gpus": [{**NODE, "memory_free": 800 * GIB}]}, "gpu", "contradictory"),
        ({"ram": {"total": 2**62, "usable": 2**62}}, "ram", "implausible"),
        ({"ram": {"total": 0, "usable": 0}}, "ram", "implausible"),
        ({"ram": {"total": 8 * GIB, "usable": 2**40}}, "ram", "contradictory"),
        ({"disks": [{"role": "models", "path": "/srv", "free": 2**62}]}, "storage", "implausible"),
        ({"disks": [{"role": "models", "path": "/srv", "size": GIB, "free": 2**42}]}, "storage", "contradictory"),
    ],
    ids=lambda value: json.dumps(value)[:50],
)
def test_what_cannot_be_true_is_undetermined(command: Command, facts: dict[str, Any], finding: str, code: str) -> None:
    exit_code, found, problems = check(command, **facts)
    assert (exit_code, found[finding]["status"]) == (3, "unknown")
    assert code in {problem["code"] for problem in problems}


def test_eight_copies_of_one_card_are_one_card(command: Command) -> None:
    copies = [{**NODE, "index": index, "memory_total": 24 * GIB, "pci_bus_id": "0000:01:00.0"} for index in range(8)]
    code, found, problems = check(command, gpus=copies)
    assert (code, found["gpu"]["status"]) == (1, "fail")
    assert [problem["code"] for problem in problems] == ["duplicate"]


def test_the_screen_says_which_facts_cannot_be_true(command: Command) -> None:
    name = saved(command, gpus=[{**NODE, "index": 0, "memory_total": 4 * 10**15}])
    told = command("check", "inference-70b", "--machine", name).out
    assert "the largest GPU that is sold has 288 GB" in " ".join(told.split())
    assert "cannot be true" in command("fit", "7B", "--machine", name).out


# --- the version of the document ---

OTHERS = {
    "machine of another version": {"schema": "llmcheck.machine/2"},
    "machine of version 10": {"schema": "llmcheck.machine/10"},
    "report of another version": {"schema": "llmcheck.report/2", "machine": {"schema": "llmcheck.machine/1"}},
    "report of no version": {"schema": "llmcheck.report/", "machine": {"schema": "llmcheck.machine/1"}},
    "report with a machine of another version": {
        "schema": "llmcheck.report/1",
        "machine": {"schema": "llmcheck.machine/2"},
    },
    "report with a machine of no version": {"schema": "llmcheck.report/1", "machine": {}},
    "plan": {"schema": "llmcheck.plan/1", "machine": {"schema": "llmcheck.machine/1"}},
    "fit": {"schema": "llmcheck.fit/1", "machine": "RTX 3060"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_document_is_refused_with_what_to_do(command: Command, name: str) -> None:
    (command.cwd / "m.json").write_text(json.dumps(OTHERS[name]), encoding="utf-8")
    done = command("check", "minimum", "--machine", "m.json")
    assert done.code == 2
    line = complaint(done)
    assert "m.json" in line
    assert "inspect that machine again" in line or "llmcheck machine --save FILE" in line


# --- age ---

COMMANDS = (
    (),
    ("tiers",),
    ("check", "inference-7b"),
    ("fit", "7B"),
    ("cloud", "inference-7b"),
    ("recommend",),
    ("machine",),
    ("torch-index",),
    ("libraries", "check"),
    ("install", "torch"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_screen_says_how_old_the_machine_is(command: Command, arguments: tuple[str, ...]) -> None:
    told = " ".join(command(*arguments, "--machine", saved(command, collected_at=ago(9.5))).out.split())
    assert f"m.json: as of {ago(9.5)[:10]}" in told
    assert "9 days ago" in told


@pytest.mark.parametrize("arguments", [each for each in COMMANDS if each != ("machine",)], ids=" ".join)
def test_every_json_says_how_old_the_machine_is(command: Command, arguments: tuple[str, ...]) -> None:
    when = ago(9.5)
    told = command(*arguments, "--format", "json", "--machine", saved(command, collected_at=when)).document
    (age,) = told["saved_machines"]
    assert (age["name"], age["collected_at"], age["doubts"]) == ("m.json", when, 0)
    assert 9.4 < age["seconds"] / 86_400 < 9.6


def test_a_snapshot_does_not_name_the_file_that_it_was_read_from(command: Command) -> None:
    told = command("machine", "--format", "json", "--machine", saved(command))
    assert "m.json" not in told.out
    assert told.document["collected_at"]


def test_a_machine_of_today_has_no_line_about_its_age(command: Command) -> None:
    assert "as of" not in command("machine", "--machine", saved(command, collected_at=ago(0.5))).out


@pytest.mark.parametrize("arguments", [each for each in COMMANDS if each[:1] != ("check",)], ids=" ".join)
def test_a_machine_that_is_too_old_is_one_line(command: Command, arguments: tuple[str, ...]) -> None:
    name = saved(command, collected_at=ago(9.5))
    assert command(*arguments, "--machine", name, "--max-age", "10d").code == 0
    done = command(*arguments, "--machine", name, "--max-age", "9d")
    assert done.code == 3
    line = complaint(done)
    assert "9 days ago" in line
    assert "--max-age is 9 days" in line


@pytest.mark.parametrize(
    "when",
    [ago(9.5), None, "1999-01-01T00:00:00+00:00", ago(-9.5), "soon"],
    ids=["older", "undated", "1999", "in the future", "no date"],
)
def test_check_leaves_undetermined_what_is_too_old(command: Command, when: str | None) -> None:
    code, found, problems = check(command, "--max-age", "7d", collected_at=when)
    assert code == 3
    assert {each["status"] for each in found.values()} <= {"unknown", "skipped"}
    assert found["gpu"]["status"] == "unknown"
    assert "outdated" in {problem["code"] for problem in problems}


def test_what_fails_is_undetermined_too_where_it_is_too_old(command: Command) -> None:
    code, found, _ = check(command, "--max-age", "7d", collected_at=ago(9.5), gpus=[])
    assert (code, found["gpu"]["status"]) == (3, "unknown")


def test_an_age_is_asked_anew_of_a_report(command: Command) -> None:
    """That the report was too old for somebody else says nothing about this question."""
    name = saved(command, collected_at=ago(9.5))
    asked = ("check", "inference-70b", "--only", "hardware", "--format", "json", "--machine")
    command(*asked, name, "--max-age", "7d", "--output", "report.json")
    done = command(*asked, "report.json", "--max-age", "30d")
    assert (done.code, done.document["machine"]["problems"]) == (0, [])


@pytest.mark.parametrize("age", ["30m", "12h", "7d", " 7D "])
def test_ages_that_a_new_machine_meets(command: Command, age: str) -> None:
    code, found, problems = check(command, "--max-age", age)
    assert (code, problems, found["gpu"]["status"]) == (0, [], "pass")


@pytest.mark.parametrize("age", ["", "7", "d", "0d", "-1d", "1.5d", "7w", "9999999d", "٧d"])
def test_an_age_that_is_none(command: Command, age: str) -> None:
    done = command("check", "minimum", "--machine", saved(command), "--max-age", age)
    assert done.code == 2
    assert "7d" in complaint(done)


@pytest.mark.parametrize("where", [(), ("--machine", "RTX 3060, 32 GB RAM")], ids=["this one", "words"])
@pytest.mark.parametrize("arguments", [("check", "minimum"), ("cloud", "inference-7b"), ()], ids=" ".join)
def test_an_age_is_of_a_saved_machine(command: Command, arguments: tuple[str, ...], where: tuple[str, ...]) -> None:
    done = command(*arguments, *where, "--max-age", "7d")
    assert done.code == 2
    assert "--max-age is about a saved machine" in complaint(done)


@pytest.mark.parametrize("when", ["1999-01-01T00:00:00+00:00", ago(-9.5)], ids=["1999", "in the future"])
def test_a_date_that_cannot_be_is_unknown_with_the_reason(command: Command, when: str) -> None:
    done = command("machine", "--format", "json", "--machine", saved(command, collected_at=when))
    (problem,) = done.document["problems"]
    assert done.document["collected_at"] is None
    assert problem["code"] == "implausible"
    assert "it is not known when this machine was inspected" in command("tiers", "--machine", "m.json").out
