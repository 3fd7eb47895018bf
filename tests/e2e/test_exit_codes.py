"""The verdict as a number: the same in every format, and the same as the document says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command, complaint
from .conftest import NEEDS, PROFILE

FORMATS = ("text", "json", "markdown", "svg")
CODES = {"ready": 0, "not-ready": 1, "undetermined": 3}
LACKING = '\n[[require]]\nid = "lacking"\nkind = "ram"\ntotal = "1000 TB"\n'
DOCUMENTED_ORDER = [
    "inference-7b",
    "inference-13b-30b",
    "inference-70b",
    "inference-70b-4bit",
    "finetune-7b",
    "finetune-13b-30b",
    "pretrain",
    "minimum",
    "toolkit",
]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_verdict_is_the_exit_code_in_every_format(
    command: Command, profile: Callable[[str], Path], name: str, code: int, format_: str
) -> None:
    done = command("check", profile(name), "--format", format_)
    assert (done.code, done.err) == (code, "")
    assert name in done.out


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_document_agrees_with_the_process(
    command: Command, profile: Callable[[str], Path], name: str, code: int
) -> None:
    done = command("check", profile(name), "--format", "json")
    assert done.document["verdict"] == name
    assert done.document["exit_code"] == done.code == code
    assert [each["verdict"] for each in done.document["profiles"]] == [name]


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        (("ready", "undetermined"), "undetermined"),
        (("undetermined", "not-ready", "ready"), "not-ready"),
        (("ready", "warned"), "ready"),
    ],
)
def test_several_profiles_have_the_worst_verdict(
    command: Command, profile: Callable[[str], Path], names: tuple[str, ...], verdict: str
) -> None:
    done = command("check", *map(profile, names), "--format", "json")
    assert (done.document["verdict"], done.code) == (verdict, CODES[verdict])
    assert [each["id"] for each in done.document["profiles"]] == list(names)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("names", "code"),
    [(("warned",), 4), (("ready",), 0), (("warned", "not-ready"), 1), (("warned", "undetermined"), 3)],
)
def test_warnings_fail_only_what_would_be_ready(
    command: Command, profile: Callable[[str], Path], names: tuple[str, ...], code: int, format_: str
) -> None:
    done = command("check", *map(profile, names), "--fail-on", "warn", "--format", format_)
    assert done.code == code
    if format_ == "json":
        assert done.document["exit_code"] == code


def test_a_warning_alone_is_ready(command: Command, profile: Callable[[str], Path]) -> None:
    done = command("check", profile("warned"), "--format", "json")
    assert (done.code, done.document["verdict"]) == (0, "ready")
    assert [each["status"] for each in done.document["profiles"][0]["findings"]] == ["warn"]


def test_what_is_left_out_does_not_count(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(PROFILE.format(id="two", need=NEEDS["ready"]) + LACKING, encoding="utf-8")
    assert command("check", path).code == 1
    done = command("check", path, "--skip", "lacking", "--format", "json")
    assert (done.code, done.document["verdict"]) == (0, "ready")
    assert [each["status"] for each in done.document["profiles"][0]["findings"]] == ["pass", "skipped"]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    "words",
    [
        ("minimum", "--only", "software"),
        ("minimum", "--skip", "hardware", "--skip", "software"),
        ("toolkit", "--skip", "software"),
        ("inference-7b", "--only", "gpu", "--skip", "gpu"),
        ("toolkit", "--skip", "software", "--machine", "2x RTX 4090, 64 GB RAM"),
        ("toolkit", "--machine", "2x RTX 4090, 64 GB RAM"),
    ],
    ids=" ".join,
)
def test_nothing_judged_is_two_in_every_format(command: Command, words: tuple[str, ...], format_: str) -> None:
    done = command("check", *words, "--format", format_)
    assert done.code == 2
    if format_ == "json":
        assert (done.document["verdict"], done.document["exit_code"]) == (None, 2)
        assert [each["verdict"] for each in done.document["profiles"]] == [None]
    else:
        assert "nothing was checked" in done.out
        assert not re.search(r"\bready\b", done.out)


def test_one_profile_of_which_nothing_is_judged_is_two(command: Command, profile: Callable[[str], Path]) -> None:
    done = command("check", profile("ready"), profile("undetermined"), "--only", "ready-need", "--format", "json")
    assert [each["verdict"] for each in done.document["profiles"]] == ["ready", None]
    assert (done.code, done.document["verdict"]) == (2, None)
    text = command("check", profile("ready"), profile("undetermined"), "--only", "ready-need")
    assert "undetermined: nothing was checked" in text.out


def test_what_fails_is_told_before_what_was_not_judged(command: Command, profile: Callable[[str], Path]) -> None:
    done = command("check", profile("ready"), profile("not-ready"), "--only", "not-ready-need", "--format", "json")
    statuses = [each["status"] for part in done.document["profiles"] for each in part["findings"]]
    assert (done.code, done.document["verdict"], statuses) == (1, "not-ready", ["skipped", "fail"])


def test_only_what_is_unknown_is_undetermined(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "wish.toml"
    wish = NEEDS["undetermined"] + '\nlevel = "recommended"'
    path.write_text(PROFILE.format(id="wish", need=wish) + LACKING, encoding="utf-8")
    done = command("check", path, "--only", "wish-need", "--format", "json")
    assert (done.code, done.document["verdict"]) == (3, "undetermined")


def test_hardware_of_a_stated_machine_is_ready_without_its_software(command: Command) -> None:
    done = command("check", "inference-7b", "--machine", "2x RTX 4090, 64 GB RAM, 1 TB disk", "--format", "json")
    assert (done.code, done.document["verdict"]) == (0, "ready")


@pytest.mark.parametrize("format_", FORMATS)
def test_usage_is_two_in_every_format(command: Command, format_: str) -> None:
    done = command("check", "--format", format_)
    assert done.code == 2
    assert "PROFILE" in complaint(done)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_informing_report_is_zero(command: Command, format_: str) -> None:
    done = command("--format", format_)
    assert (done.code, done.err) == (0, "")
    assert done.out.strip()


def test_the_informing_report_has_every_tier_and_no_verdict(command: Command) -> None:
    done = command("--format", "json")
    assert (done.code, done.document["exit_code"], done.document["verdict"]) == (0, 0, None)
    assert [each["id"] for each in done.document["profiles"]] == DOCUMENTED_ORDER


def test_a_cluster_tier_is_open_on_a_good_node(driver: Callable[..., Command]) -> None:
    node = driver("8xh100")
    for format_ in FORMATS:
        done = node("check", "pretrain", "--skip", "software", "--skip", "infiniband", "--format", format_)
        assert done.code == 3, done.out


def test_inventory_and_plan_are_zero_whatever_is_missing(command: Command) -> None:
    assert command("machine").code == 0
    assert command("install", "inference-7b").code == 0
