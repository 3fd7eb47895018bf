"""The profiles of real nodes and the examples: their sources, and the machines that lie beside them."""

from __future__ import annotations

import datetime
import os
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from llmcheck import catalog
from llmcheck.api.inspection import load_machine
from llmcheck.api.judgement import report_of
from llmcheck.catalog import places, profiles
from llmcheck.errors import DataError
from llmcheck.judge.evaluate import evaluate
from llmcheck.probe import Request, fabric
from llmcheck.schema.profile import Source
from llmcheck.schema.report import ProfileReport
from llmcheck.system.host import Host
from tests import node_machines
from tests.probe.trees import dump

NODES = profiles.node_ids()
TODAY = datetime.date(2026, 11, 28)
EXAMPLES = sorted(node_machines.EXAMPLES.glob("*.toml"))
FILES = [*(Path(places.path_of(places.profile_file(name))) for name in NODES), *EXAMPLES]
WRITTEN = {
    **node_machines.files(node_machines.NODES, node_machines.nodes()),
    **node_machines.files(node_machines.EXAMPLES, node_machines.examples()),
}

each_profile = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def judged(path: Path, file: Path) -> ProfileReport:
    """With what is computed for its workload."""
    profile, machine = profiles.load(str(path)), load_machine(str(file))
    (report,) = report_of([profile], machine, catalog.corrections(), frozenset(), plan_remedies=False).profiles
    return report


def machines(path: Path, verdict: str) -> list[Path]:
    return sorted(path.with_suffix(".tests").glob(f"{verdict}-*.json"))


def stated(path: Path) -> dict[str, list[str]]:
    text = (path.with_suffix(".tests") / "expected.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


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
def test_each_line_says_where_it_comes_from(name: str) -> None:
    for requirement in profiles.load(name).require:
        assert isinstance(requirement.source, Source), requirement.id
        assert requirement.source.date is not None, requirement.id
        assert requirement.source.date <= TODAY, requirement.id


@pytest.mark.parametrize("name", NODES)
def test_its_sources_have_addresses(name: str) -> None:
    for source in profiles.load(name).sources:
        assert isinstance(source, Source)
        assert (source.url or "").startswith("https://")


def test_the_examples_are_ten() -> None:
    assert [path.stem for path in EXAMPLES] == [
        *("apple-laptop", "container-image", "cpu-only", "gb10", "github-runner"),
        *("mi300x", "qlora-workstation", "slurm-gpu-node", "vllm-8b", "wsl-gamer"),
    ]


@each_profile
def test_its_id_is_the_name_of_its_file_and_each_line_says_why(path: Path) -> None:
    profile = profiles.load(str(path))
    assert profile.id == path.stem
    for requirement in profile.require:
        assert requirement.why, requirement.id
        assert requirement.fix or requirement.kind == "driver", requirement.id


@each_profile
def test_it_finds_its_passing_machines_ready(path: Path) -> None:
    assert machines(path, "passing")
    for file in machines(path, "passing"):
        report = judged(path, file)
        told = [each for each in report.findings if each.status not in ("pass", "skipped")]
        # What is computed warns of methods that the profile does not name.
        wrong = {each.id: each.message for each in told if not (each.is_computed and each.status == "warn")}
        assert (report.verdict, wrong) == ("ready", {}), file.name


@each_profile
def test_the_lines_that_fail_on_its_failing_machines_are_those_that_are_stated(path: Path) -> None:
    found = {}
    for file in machines(path, "failing"):
        report = judged(path, file)
        assert report.verdict == "not-ready", file.name
        found[file.stem] = sorted(
            each.id for each in report.findings if each.status == "fail" and each.level == "required"
        )
    assert found
    assert found == stated(path)


@pytest.mark.parametrize("name", NODES)
def test_every_required_line_of_a_node_fails_on_a_machine(name: str) -> None:
    seen = {each for ids in stated(Path(places.path_of(places.profile_file(name)))).values() for each in ids}
    required = {each.id for each in profiles.load(name).require if each.level == "required"}
    assert required - seen == set()


@pytest.mark.parametrize("path", sorted(WRITTEN), ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_the_machines_are_those_that_are_built(path: Path) -> None:
    """``python -m tests.node_machines`` writes them."""
    assert path.read_text(encoding="utf-8") == WRITTEN[path]


@pytest.mark.parametrize(
    ("word", "meant"), [("h100", "node-dgx-h100"), ("AWS", "node-aws-p5"), ("node-dgx", "node-dgx-h100")]
)
def test_a_card_or_a_cloud_leads_to_its_nodes(word: str, meant: str) -> None:
    with pytest.raises(DataError, match=rf"did you mean [^?]*'{meant}'"):
        profiles.load(word)


AZURE = "node-azure-nd-h100-v5"


def lines_of_azure() -> list[list[str]]:
    """The rows of the table in ``docs/nodes.md``: how many lines, what Azure asks, requirements, where it is read."""
    text = (node_machines.ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
    section = text.partition("## Azure's 34 lines")[2].partition("\n- ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


def test_the_table_of_azures_lines_has_them_all() -> None:
    rows = lines_of_azure()
    assert sum(int(row[0]) for row in rows) == 34
    assert sum(int(row[0]) for row in rows if "needs load" not in row[2]) == 31
    assert len({word for row in rows for word in re.findall(r"check_\w+", row[1])}) == 17


def test_the_table_of_azures_lines_names_requirements_of_the_profile() -> None:
    known = {each.id for each in profiles.load(AZURE).require}
    for _, asked, named, _ in lines_of_azure():
        ids = re.findall(r"`([a-z0-9-]+)`", named.replace("`-1`", "")) if "needs load" not in named else []
        assert set(ids) <= known, asked
        assert bool(ids) != ("needs load" in named), asked


def test_the_ports_of_a_real_h100_node_pass(tmp_path: Path) -> None:
    """Eight ports of 400 Gb/s, and one of Ethernet for storage; the kernel's counters are not in the capture."""
    (tmp_path / "sys/class").mkdir(parents=True)
    (tmp_path / "sys/class/infiniband").symlink_to(dump("infiniband/sys-class-infiniband-h100.0"))
    found = fabric.probe(Host(str(tmp_path)), Request()).fabric
    assert found is not None
    node = msgspec.structs.replace(node_machines.azure_h100(), fabric=found)
    status = {each.id: each.status for each in evaluate(profiles.load(AZURE), node).findings}
    assert [status[each] for each in ("ib-ports", "ib-active", "ib-rate")] == ["pass", "pass", "pass"]
    assert status["ib-link-downed"] == "skipped"


def test_no_other_files_lie_beside_the_profiles() -> None:
    folders = (node_machines.NODES, node_machines.EXAMPLES)
    found = {Path(folder) / name for top in folders for folder, _, names in os.walk(top) for name in names}
    assert found == {*WRITTEN, *FILES}
