"""The profiles of real nodes: their sources, and the machines that lie beside them."""

from __future__ import annotations

import datetime
import os
import tomllib
from pathlib import Path

import pytest

from llmcheck.api.inspection import load_machine
from llmcheck.catalog import places, profiles
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.profile import Source
from llmcheck.schema.report import ProfileReport
from tests import node_machines

NODES = profiles.node_ids()
TODAY = datetime.date(2026, 11, 28)
WRITTEN = node_machines.files(node_machines.NODES, node_machines.nodes())


def folder_of(name: str) -> Path:
    return Path(places.path_of(places.profile_file(name))).with_suffix(".tests")


def judged(name: str, file: Path) -> ProfileReport:
    return evaluate(profiles.load(name), load_machine(str(file)))


def machines(name: str, verdict: str) -> list[Path]:
    return sorted(folder_of(name).glob(f"{verdict}-*.json"))


@pytest.mark.parametrize("name", NODES)
def test_its_name_and_place(name: str) -> None:
    """Node profiles come after the tiers in listings, and are not part of the first screen."""
    profile = profiles.load(name)
    assert profile.id == name
    assert name.startswith("node-")
    assert profile.order >= 2000
    assert "node" in profile.tags
    assert name not in {each.id for each in profiles.tiers()}


@pytest.mark.parametrize("name", NODES)
def test_each_line_says_why_how_it_is_mended_and_where_it_comes_from(name: str) -> None:
    for requirement in profiles.load(name).require:
        assert requirement.why, requirement.id
        assert requirement.fix or requirement.kind == "driver", requirement.id
        assert isinstance(requirement.source, Source), requirement.id
        assert requirement.source.date is not None, requirement.id
        assert requirement.source.date <= TODAY, requirement.id


@pytest.mark.parametrize("name", NODES)
def test_its_sources_have_addresses(name: str) -> None:
    for source in profiles.load(name).sources:
        assert isinstance(source, Source)
        assert (source.url or "").startswith("https://")


@pytest.mark.parametrize("name", NODES)
def test_it_finds_its_passing_machines_ready(name: str) -> None:
    assert machines(name, "passing")
    for file in machines(name, "passing"):
        report = judged(name, file)
        wrong = {each.id: each.message for each in report.findings if each.status not in ("pass", "skipped")}
        assert (report.verdict, wrong) == ("ready", {}), file.name


@pytest.mark.parametrize("name", NODES)
def test_the_lines_that_fail_on_its_failing_machines_are_those_that_are_stated(name: str) -> None:
    stated = tomllib.loads((folder_of(name) / "expected.toml").read_text(encoding="utf-8"))
    found = {}
    for file in machines(name, "failing"):
        report = judged(name, file)
        assert report.verdict == "not-ready", file.name
        found[file.stem] = sorted(
            each.id for each in report.findings if each.status == "fail" and each.level == "required"
        )
    assert found == stated


@pytest.mark.parametrize("name", NODES)
def test_every_required_line_fails_on_a_machine(name: str) -> None:
    stated = tomllib.loads((folder_of(name) / "expected.toml").read_text(encoding="utf-8"))
    seen = {each for ids in stated.values() for each in ids}
    required = {each.id for each in profiles.load(name).require if each.level == "required"}
    assert required - seen == set()


@pytest.mark.parametrize("path", sorted(WRITTEN), ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_the_machines_are_those_that_are_built(path: Path) -> None:
    """``python -m tests.node_machines`` writes them."""
    assert path.read_text(encoding="utf-8") == WRITTEN[path]


def test_no_other_files_lie_beside_the_profiles() -> None:
    found = {Path(folder) / name for folder, _, names in os.walk(node_machines.NODES) for name in names}
    assert found == {*WRITTEN, *(node_machines.NODES / f"{name}.toml" for name in NODES)}
