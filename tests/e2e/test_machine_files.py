"""A saved machine is judged as the live one was; what is no machine file is refused with a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .command import Command, Done, complaint

CHECK = ("check", "inference-7b", "--format", "json")


def judged(done: Done) -> list[Any]:
    """All findings but the free space, which moves between two runs on a busy disk."""
    return [
        {key: value for key, value in each.items() if each["kind"] != "disk" or key in ("id", "needed", "source")}
        for part in done.document["profiles"]
        for each in part["findings"]
    ]


@pytest.mark.parametrize("scenario", ["2x4090", "mismatch", "gb10", "lost-of-8"])
def test_saved_machine_is_judged_as_the_live_one(driver: Callable[..., Command], scenario: str) -> None:
    here = driver(scenario)
    saved = here("machine", "--format", "json", "--output", "m.json")
    assert (saved.code, saved.raw, saved.err) == (0, b"", "llmcheck: wrote m.json (json)\n")
    live = here(*CHECK)
    elsewhere = Command(here.home, here.cwd)
    again = elsewhere(*CHECK, "--machine", "m.json")
    assert judged(again) == judged(live)
    assert (again.code, again.document["verdict"]) == (live.code, live.document["verdict"])
    assert again.document["machine"] == json.loads((here.cwd / "m.json").read_bytes())


def test_snapshot_beside_the_inventory_names_nobody(driver: Callable[..., Command]) -> None:
    """--save leaves the screen as it is; its file is judged alike and has no hostname, UUID or home folder."""
    here = driver("2x4090")
    shown = here("machine", "--save", "m.json", "--format", "json")
    assert (shown.code, shown.err) == (0, "llmcheck: wrote m.json (json)\n")
    identity = shown.document["identity"]
    text = (here.cwd / "m.json").read_text(encoding="utf-8")
    assert len(identity["gpu_uuids"]) == 2
    assert all(uuid and uuid not in text for uuid in identity["gpu_uuids"])
    assert str(here.home) not in text
    assert not json.loads(text)["identity"]["hostname"]
    again = Command(here.home, here.cwd)(*CHECK, "--machine", "m.json")
    assert judged(again) == judged(here(*CHECK))


def test_machine_from_standard_input(driver: Callable[..., Command]) -> None:
    here = driver("8xh100")
    machine = here("machine", "--format", "json").raw
    done = Command(here.home, here.cwd)(*CHECK, "--machine", "-", stdin=machine)
    assert done.document["machine"] == json.loads(machine)
    assert len(done.document["machine"]["gpus"]) == 8


def test_report_as_machine_file(driver: Callable[..., Command]) -> None:
    here = driver("2x4090")
    report = here(*CHECK, "--output", "report.json")
    written = json.loads((here.cwd / "report.json").read_bytes())
    again = Command(here.home, here.cwd)(*CHECK, "--machine", "report.json")
    assert again.document["profiles"] == written["profiles"]
    assert again.document["machine"] == written["machine"]
    assert again.code == report.code


def test_every_command_on_a_saved_machine(driver: Callable[..., Command]) -> None:
    here = driver("2x4090")
    here("machine", "--format", "json", "--output", "m.json")
    elsewhere = Command(here.home, here.cwd)
    assert "RTX 4090" in elsewhere("machine", "--machine", "m.json").out
    assert "RTX 4090" in elsewhere("--machine", "m.json").out
    assert elsewhere("install", "torch", "--machine", "m.json", "--format", "json").code == 0


def test_facts_of_a_newer_llmcheck_are_passed_over(command: Command) -> None:
    machine = {"schema": "llmcheck.machine/1", "new_part": {"x": 1}, "ram": {"total": 10**12, "usable": 10**12}}
    done = command("check", "inference-7b", "--only", "ram", "--machine", "-", stdin=json.dumps(machine).encode())
    assert (done.code, done.err) == (0, "")


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n",
    "truncated": b'{"schema": "llmcheck.machine/1", "ram": {"tot',
    "not-json": b"hello: world\n",
    "list": b"[]",
    "null": b"null",
    "number": b"12",
    "no-schema": b"{}",
    "null-schema": b'{"schema": null}',
    "number-schema": b'{"schema": 1}',
    "newer-schema": b'{"schema": "llmcheck.machine/2"}',
    "foreign-schema": b'{"schema": "cyclonedx"}',
    "report-without-machine": b'{"schema": "llmcheck.report/1"}',
    "wrong-type": b'{"schema": "llmcheck.machine/1", "ram": {"total": "16 GB"}}',
    "gpus-object": b'{"schema": "llmcheck.machine/1", "gpus": {}}',
    "gpu-without-vendor": b'{"schema": "llmcheck.machine/1", "gpus": [{}]}',
    "bad-utf8": b'{"schema": "llmcheck.machine/1", "collected_at": "\xff\xfe"}',
    "utf16": '{"schema": "llmcheck.machine/1"}'.encode("utf-16"),
    "two-documents": b'{"schema": "llmcheck.machine/1"}{"schema": "llmcheck.machine/1"}',
    # Python 3.14 limits recursion by the size of the stack: 8 MiB hold some 200,000 levels.
    "nested": b'{"schema": "llmcheck.machine/1", "x": ' + b"[" * 2_000_000 + b"]" * 2_000_000 + b"}",
    "nested-open": b"[" * 1_000_000,
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_machine_file(command: Command, name: str) -> None:
    path = command.cwd / f"{name}.json"
    path.write_bytes(DAMAGED[name])
    done = command(*CHECK, "--machine", path.name)
    assert done.code == 2
    assert path.name in complaint(done)


@pytest.mark.parametrize("name", ["empty", "truncated", "nested", "no-schema"])
def test_damaged_machine_on_standard_input(command: Command, name: str) -> None:
    done = command(*CHECK, "--machine", "-", stdin=DAMAGED[name])
    assert done.code == 2
    assert "standard input" in complaint(done)


def test_missing_machine_file_says_how_to_write_one(command: Command) -> None:
    done = command(*CHECK, "--machine", "nowhere.json")
    assert done.code == 2
    line = complaint(done)
    assert "nowhere.json" in line
    assert "llmcheck machine" in line


def test_folder_as_machine_file(command: Command, tmp_path: Path) -> None:
    done = command(*CHECK, "--machine", tmp_path)
    assert done.code == 2
    assert str(tmp_path) in complaint(done)


def test_saved_machine_has_no_interpreter_to_name(command: Command) -> None:
    done = command(*CHECK, "--machine", "m.json", "--python", "python3")
    assert done.code == 2
    assert "--machine" in complaint(done)


def test_hostile_names_do_not_steer_the_terminal(command: Command) -> None:
    gpu = {"vendor": "nvidia", "index": 0, "name": "RTX\x1b]0;title\x07\x1b[2J\u202e 4090", "memory_total": 2**34}
    machine = json.dumps({"schema": "llmcheck.machine/1", "gpus": [gpu]}).encode()
    for format_ in ("text", "markdown"):
        done = command("machine", "--machine", "-", "--format", format_, stdin=machine)
        assert done.code == 0
        assert "4090" in done.out
        assert not {"\x1b", "\x07", "\u202e"} & set(done.out)
