"""Which findings count as a gap, each cause once; and the codes from which their words are made."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.catalog import profiles
from llmcheck.judge import gap_summary
from llmcheck.judge.evaluate import evaluate
from llmcheck.render.views.findings import hardware_gaps
from llmcheck.schema.machine import Gpu, Machine, Ram
from llmcheck.schema.report import COMPUTED, Finding, ProfileReport
from tests.machines_builder import GB, card, cards, judge, machine


def finding(name: str, status: str, **changes: Any) -> Finding:
    facts: dict[str, Any] = {
        "id": name, "kind": name, "group": "hardware", "level": "required", "status": status, "needed": "much",
        "message": "a message",
    }  # fmt: skip
    return Finding(**{**facts, **changes})


def report(*findings: Finding, verdict: Any = "not-ready") -> ProfileReport:
    return ProfileReport(id="mine", title="Mine", task="general", verdict=verdict, findings=findings)


def ids(*findings: Finding) -> list[str]:
    return [gap.finding.id for gap in gap_summary.hardware_gaps(report(*findings))]


@pytest.mark.parametrize(
    ("gap", "counts"),
    [
        (finding("ram", "fail"), True),
        (finding("ram", "warn"), True),
        (finding("ram", "unknown"), True),
        (finding("ram", "pass"), False),
        (finding("ram", "skipped"), False),
        (finding("ram", "warn", level="recommended"), True),
        (finding("ram", "unknown", level="recommended"), False),
        (finding("ram", "warn", level="info"), False),
        (finding("ram", "fail", group="software"), False),
    ],
)
def test_what_counts_as_a_gap_of_the_hardware(gap: Finding, counts: bool) -> None:
    assert ids(gap) == (["ram"] if counts else [])


def test_a_failed_requirement_hides_the_recommendation_of_its_kind() -> None:
    recommended = finding("gpu-class", "warn", kind="gpu", level="recommended")
    assert ids(finding("gpu", "fail"), recommended) == ["gpu"]
    assert ids(finding("gpu", "unknown"), recommended) == ["gpu", "gpu-class"]


@pytest.mark.parametrize(
    ("gpu", "computed", "counts"),
    [
        ("fail", "fail", False),
        ("unknown", "unknown", False),
        ("pass", "fail", True),
        ("fail", "warn", True),
        ("skipped", "fail", True),
    ],
)
def test_the_memory_of_the_gpus_is_one_gap(gpu: str, computed: str, counts: bool) -> None:
    found = ids(finding("gpu", gpu), finding("computed", computed, kind=COMPUTED))
    assert ("computed" in found) is counts


def test_a_corrected_figure_gives_way_to_what_is_computed() -> None:
    where = machine(card("RTX 4090"))
    profile = profiles.load("inference-70b-4bit")
    judged = evaluate(profile, where, catalog.corrections())
    assert [(gap.finding.id, gap.corrected) for gap in gap_summary.hardware_gaps(judged)] == [
        ("memory-70b-4bit-24gb", True)
    ]
    with_computed = replace(judged, findings=(*judged.findings, finding("computed", "warn", kind=COMPUTED)))
    assert [gap.finding.id for gap in gap_summary.hardware_gaps(with_computed)] == ["computed"]


def test_missing_libraries_are_one_gap() -> None:
    missing = finding("torch", "fail", group="software", libraries=("torch",), installs="torch")
    other = finding("git", "fail", group="software")
    judged = report(missing, other, finding("ram", "fail"), finding("computed", "fail", kind=COMPUTED))
    assert [each.id for each in gap_summary.missing_libraries(judged)] == ["torch", "git"]
    assert [each.id for each in gap_summary.to_do(judged)] == ["git", "ram"]


@pytest.mark.parametrize(
    ("verdict", "status", "mark"),
    [
        ("ready", "pass", "pass"),
        ("ready", "warn", "warn"),
        ("not-ready", "warn", "fail"),
        ("undetermined", "warn", "unknown"),
    ],
)
def test_a_profile_has_one_mark(verdict: str, status: str, mark: str) -> None:
    assert gap_summary.mark(report(finding("ram", status), verdict=verdict)) == mark


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (machine(), "no GPU (2 x 40 GB)"),
        (machine(card("A100 40GB")), "GPU memory +37.1 GB"),
        (machine(*cards("RTX 4090", 4)), "only split over several GPUs"),
        (machine(*cards("V100", 2, memory_total=48 * GB)), "compute capability too low"),
        (machine(gpus=None), "mine unknown"),
    ],
)
def test_the_words_for_a_gap_of_gpus_follow_from_its_code(where: Machine, words: str) -> None:
    found = replace(judge("gpu", where, memory="40 GB", count=2, compute_capability="8.0"), id="mine")
    assert hardware_gaps(report(found)) == [words]


def test_a_gap_keeps_the_unit_of_the_requirement() -> None:
    assert hardware_gaps(report(judge("gpu", machine(), memory="80 GiB"))) == ["no GPU (80 GiB)"]
    assert hardware_gaps(report(judge("ram", machine(ram=8 * 2**30), total="16 GiB"))) == [
        "has 8 GiB, needs 16 GiB RAM"
    ]


def test_a_gap_of_an_unknown_kind_is_shown_by_its_id() -> None:
    assert hardware_gaps(report(finding("tpm", "fail", found="1.2"))) == ["tpm: 1.2"]
    assert hardware_gaps(report(finding("tpm", "fail", short_by="3 GB"))) == ["tpm +3 GB"]


@pytest.mark.parametrize(("ram", "status"), [(Ram(total=64 * GB, usable=64 * GB), "pass"), (Ram(), "unknown")])
def test_a_gpu_that_shares_the_ram_is_judged_by_its_share(ram: Ram, status: str) -> None:
    gpu = Gpu(vendor="nvidia", unified=True, compute_capability="12.1")
    assert judge("gpu", Machine(gpus=(gpu,), ram=ram), memory="24 GB").status == status


def test_the_codes_are_in_the_report_that_programs_read() -> None:
    stated = api.hypothetical_machine("RTX 3060, 64 GB RAM").machine
    found = next(each for each in evaluate(profiles.load("inference-70b"), stated).findings if each.id == "gpu")
    assert (found.shortfall, found.needed_count, found.needed_bytes) == ("gpu-memory", 1, 40 * GB)
    assert found.missing_bytes == 40 * GB - 12 * 2**30
    assert found.short_by == "27.1 GB"


def test_a_cluster_is_needed_where_a_finding_of_several_machines_was_skipped() -> None:
    skipped = finding("gpu", "skipped", skipped="cluster", cluster=True)
    assert gap_summary.needs_cluster(report(finding("ram", "pass"), skipped))
    assert not gap_summary.needs_cluster(report(finding("gpu", "pass", cluster=True), finding("driver", "skipped")))
    assert not gap_summary.needs_cluster(report())
