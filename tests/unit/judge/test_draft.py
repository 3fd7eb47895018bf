"""A drafted profile asks for what its machine has: that machine passes it, and a lesser one does not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import api
from llmcheck.catalog.profiles import decode_profile
from llmcheck.errors import DataError
from llmcheck.judge import draft
from llmcheck.judge.evaluate import evaluate
from llmcheck.render import Options, toml
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.profile_tools import DraftProfile
from tests.unit.strategies import machines

MACHINES = sorted((Path(__file__).resolve().parents[2] / "machines").glob("*.json"))


def drafted(machine: Machine) -> Profile:
    """The profile as it is read again from its own file."""
    written = toml.render(api.drafted_profile(lambda: machine, "draft", "Draft"), Options())
    return decode_profile(tomllib.loads(written), "draft.toml")


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_the_machine_itself_is_ready(path: Path) -> None:
    machine = api.load_machine(str(path))
    report = evaluate(drafted(machine), machine)
    assert {each.status for each in report.findings} == {"pass"}
    assert report.verdict == "ready"


@settings(max_examples=100)
@given(machines())
def test_any_machine_passes_its_own_profile(machine: Machine) -> None:
    if not draft.lines(machine):
        return
    assert evaluate(drafted(machine), machine).verdict != "not-ready"


def test_a_machine_with_less_does_not_pass() -> None:
    machine = api.load_machine(str(next(path for path in MACHINES if path.stem == "8xh100")))
    profile = drafted(machine)
    lesser = {
        "gpu": replace(machine, gpus=(machine.gpus or ())[:-1]),
        "ram": replace(machine, ram=replace(machine.ram, total=10**12, usable=10**12)),
        "infiniband": replace(machine, fabric=replace(machine.fabric, ports=(machine.fabric.ports or ())[1:])),
    }
    for id_, other in lesser.items():
        failed = {each.id for each in evaluate(profile, other).findings if each.status == "fail"}
        assert id_ in failed


def test_it_asks_for_what_cards_are_sold_with_and_for_less_of_what_is_free() -> None:
    path = next(path for path in MACHINES if path.stem == "2x4090")
    table = {each["id"]: each for each in api.drafted_profile(lambda: api.load_machine(str(path)), "x", "X").require}
    assert (table["gpu"]["memory"], table["gpu"]["count"]) == ("24 GB", 2)
    assert table["disk"]["free"] == "410 GB"
    assert all(line["why"] for line in table.values())
    assert all(line["fix"] for line in table.values() if line["kind"] == "fact")


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_a_draft_has_nothing_for_lint_to_find(path: Path, tmp_path: Path) -> None:
    written = toml.render(api.drafted_profile(lambda: api.load_machine(str(path)), "mine", "Mine"), Options())
    file = tmp_path / "mine.toml"
    file.write_text(written, encoding="utf-8")
    assert api.linted_profiles([str(file)]).profiles[0].findings == ()


def test_of_an_unknown_machine_there_is_nothing_to_ask() -> None:
    with pytest.raises(DataError, match="nothing is known of this machine"):
        api.drafted_profile(Machine, "x", "X")


@given(st.text())
def test_any_text_survives_being_written_as_toml(text: str) -> None:
    drawn = DraftProfile(id="x", title=text, sources=(text,), require=({"id": "a", "where": {text: [text, 1, True]}},))
    written = toml.render(drawn, Options())
    read = tomllib.loads(written)
    plain = "".join("?" if "\ud800" <= each <= "\udfff" else each for each in text)
    assert (read["title"], read["require"][0]["where"]) == (plain, {plain: [plain, 1, True]})
    assert all(line.isprintable() or not line.isascii() for line in written.splitlines())
