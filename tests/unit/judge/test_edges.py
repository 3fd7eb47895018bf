"""Machines exactly at the required figures, and the effect of one finding on the others of its profile."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import api
from llmcheck.catalog import profiles
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import Driver, Gpu, Machine, Problem, Ram, Torch
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, ProfileReport
from llmcheck.tables.correction import Correction
from tests.machines_builder import GB, amd, card, cards, judge, machine, packages, python, require

BROKEN_TORCH = Problem(probe="software", code="torch-cpu-build", message="a CPU build", remedy="another build")


def profile(*needs: tuple[str, dict[str, Any]]) -> Profile:
    """A profile of these requirements, each with an id of its kind and its index: ``gpu-0``."""
    made = tuple(require(kind, **{"id": f"{kind}-{n}", **keys}) for n, (kind, keys) in enumerate(needs))
    return replace(profiles.load("inference-7b"), id="made", require=made, workload=None)


def judged(where: Machine, *needs: tuple[str, dict[str, Any]], **how: Any) -> ProfileReport:
    return evaluate(profile(*needs), where, **how)


def statuses(report: ProfileReport) -> dict[str, str]:
    return {each.id: each.status for each in report.findings}


def of(report: ProfileReport, name: str) -> Finding:
    return next(each for each in report.findings if each.id == name)


# --- GPUs


@pytest.mark.parametrize(("bytes_each", "status"), [(24 * GB, "warn"), (24 * GB - 1, "fail"), (24 * GB + 1, "warn")])
def test_several_cards_with_exactly_the_total(bytes_each: int, status: str) -> None:
    where = machine(*cards("RTX 4090", 2, memory_total=bytes_each))
    assert judge("gpu", where, memory="48 GB").status == status


@pytest.mark.parametrize(("bytes_each", "status"), [(40 * GB, "pass"), (40 * GB - 1, "fail")])
def test_the_required_number_of_cards_with_exactly_the_size(bytes_each: int, status: str) -> None:
    where = machine(*cards("A100 40GB", 2, memory_total=bytes_each))
    assert judge("gpu", where, memory="40 GB", count=2).status == status


@pytest.mark.parametrize(
    ("capability", "least", "status"),
    [
        ("8.0", "8.0", "pass"),
        ("7.5", "8.0", "fail"),
        ("5.0", "5.0", "pass"),
        ("10.0", "9.0", "pass"),
        ("9.0", "10.0", "fail"),
        ("8.9", "8.10", "fail"),
        (None, "8.0", "unknown"),
    ],
)
def test_exactly_the_lowest_compute_capability_is_enough(capability: str | None, least: str, status: str) -> None:
    where = machine(card("H100", compute_capability=capability))
    assert judge("gpu", where, memory="40 GB", compute_capability=least).status == status


@pytest.mark.parametrize(("bytes_each", "counts"), [(80 * GB, True), (80 * GB - 1, False)])
def test_a_node_counts_its_cards_with_exactly_the_size(bytes_each: int, counts: bool) -> None:
    where = machine(*cards("H100", 8, memory_total=bytes_each))
    found = judge("gpu", where, memory="80 GB", count=32, scope="cluster")
    other = judge("gpu", machine(*cards("H100", 8, memory_total=200 * GB)), memory="80 GB", count=32, scope="cluster")
    assert found.status == "skipped"
    assert (found.message == other.message) is counts


def test_a_card_of_exactly_the_size_is_among_those_found() -> None:
    exact, smaller = (Gpu(vendor="nvidia", index=n, memory_total=80 * GB - n) for n in (0, 1))
    found = judged(Machine(gpus=(exact, smaller)), ("gpu", {"memory": "80 GB", "count": 3})).findings[0]
    assert (found.status, found.found_count, found.found_bytes) == ("fail", 1, 80 * GB)


@pytest.mark.parametrize(("count", "nodes"), [(8, 1), (9, 2), (16, 2), (17, 3)])
def test_the_number_of_nodes_is_rounded_up(count: int, nodes: int) -> None:
    found = judge("gpu", machine(*cards("H100", 8)), memory="80 GB", count=count, scope="cluster")
    assert f" {nodes} such" in found.message


def test_a_single_card_is_required_without_a_number() -> None:
    assert judge("gpu", machine(card("H100")), memory="40 GB").needed == "40 GB"
    assert judge("gpu", machine(card("H100")), memory="40 GB", count=2).needed == "2 x 40 GB"


@pytest.mark.parametrize(
    ("free", "noted"),
    [(80 * GB, False), (40 * GB, False), (40 * GB - 1, True), (30 * GB, True), (1, True), (None, False)],
)
def test_a_card_with_less_than_half_free_passes_with_a_note(free: int | None, noted: bool) -> None:
    idle = judge("gpu", machine(card("H100", memory_total=80 * GB)), memory="40 GB")
    found = judge("gpu", machine(card("H100", memory_total=80 * GB, memory_free=free)), memory="40 GB")
    assert found.status == "pass"
    assert (found.message != idle.message) is noted


@pytest.mark.parametrize(("has", "short"), [(12 * GB, "12 GB"), (20 * GB, "4 GB")])
def test_the_shortfall_is_that_of_the_largest_card(has: int, short: str) -> None:
    where = machine(card("RTX 3060", memory_total=has), card("RTX 3060", 1, memory_total=2 * GB))
    found = judge("gpu", where, memory="24 GB")
    assert (found.status, found.short_by) == ("fail", short)
    several = judge("gpu", machine(card("RTX 3060", memory_total=has)), memory="24 GB", count=2)
    assert several.short_by == f"{48 - has // GB} GB"


# --- sizes exactly at their figures


@pytest.mark.parametrize(("size", "status"), [(50 * GB, "pass"), (50 * GB - 1, "fail")])
def test_disk_and_ram_of_exactly_the_size(size: int, status: str) -> None:
    assert judge("disk", machine(free=size), free="50 GB").status == status
    assert judge("ram", machine(ram=size), total="50 GB").status == status


@pytest.mark.parametrize(("ram", "nodes"), [(100 * GB, None), (99 * GB, 2), (50 * GB, 2), (49 * GB, 3)])
def test_ram_of_a_cluster_is_counted_in_nodes(ram: int, nodes: int | None) -> None:
    found = judge("ram", machine(ram=ram), total="100 GB", scope="cluster")
    assert found.status == "skipped"
    assert ("such nodes" in found.message) is (nodes is not None)
    assert nodes is None or f" {nodes} such nodes" in found.message


@pytest.mark.parametrize(
    ("links", "status"),
    [
        ((12, 12), "pass"),
        ((12, 0), "fail"),
        ((0, 0), "fail"),
        ((12, None), "unknown"),
        ((None, None), "unknown"),
        ((0, None), "fail"),
    ],
)
def test_every_gpu_needs_its_links(links: tuple[int | None, ...], status: str) -> None:
    gpus = [card("H100", index, nvlinks=up) for index, up in enumerate(links)]
    assert judge("interconnect", machine(*gpus), type="nvlink").status == status


# --- one cause, one failure


GPU = ("gpu", {"memory": "40 GB"})
LINKS = ("interconnect", {"type": "nvlink"})
RAM = ("ram", {"total": "1000 TB"})
DRIVER: tuple[str, dict[str, Any]] = ("driver", {})
TORCH = ("package", {"name": "torch"})
PEFT = ("package", {"name": "peft"})


def test_a_missing_gpu_blocks_its_links_and_nothing_else() -> None:
    report = judged(machine(software=()), RAM, LINKS, GPU, PEFT)
    assert statuses(report) == {"ram-0": "fail", "interconnect-1": "skipped", "gpu-2": "fail", "package-3": "fail"}
    assert "gpu-2" in of(report, "interconnect-1").message


def test_a_broken_driver_blocks_requirements_of_gpus_and_nothing_else() -> None:
    lost = Gpu(vendor="nvidia", usable=False, fault="driver-mismatch", pci_bus_id="0000:01:00.0")
    where = machine(lost, driver=Driver(fault="driver-mismatch"), software=())
    report = judged(where, RAM, GPU, DRIVER, LINKS, PEFT)
    assert statuses(report) == {
        "ram-0": "fail",
        "gpu-1": "skipped",
        "driver-2": "fail",
        "interconnect-3": "skipped",
        "package-4": "fail",
    }
    assert "driver-2" in of(report, "gpu-1").message


def test_cards_that_are_too_small_block_nothing() -> None:
    report = judged(machine(*cards("RTX 3060", 2, nvlinks=0)), GPU, LINKS)
    assert statuses(report) == {"gpu-0": "fail", "interconnect-1": "fail"}


def test_gpus_that_could_not_be_listed_are_unknown_and_block_nothing() -> None:
    report = judged(replace(machine(), gpus=None), GPU, LINKS)
    assert statuses(report) == {"gpu-0": "unknown", "interconnect-1": "unknown"}


# --- a torch that cannot use the GPUs


@pytest.mark.parametrize(("level", "status"), [("required", "fail"), ("recommended", "warn")])
def test_a_torch_that_cannot_use_the_gpus_fails(level: str, status: str) -> None:
    there = packages(torch="2.15.0", peft="0.21.2")
    where = machine(card("H100"), software=there, torch=Torch(version="2.15.0"), problems=(BROKEN_TORCH,))
    report = judged(where, ("package", {"name": "torch", "level": level}), PEFT)
    torch = of(report, "package-0")
    assert (torch.status, torch.message, torch.remedy) == (status, "a CPU build", "another build")
    assert of(report, "package-1").status == "pass"


def test_a_torch_of_the_wrong_version_keeps_that_reason() -> None:
    where = machine(card("H100"), software=packages(torch="1.0"), problems=(BROKEN_TORCH,))
    found = of(judged(where, ("package", {"name": "torch", "version": ">=2.4"})), "package-0")
    assert found.status == "fail"
    assert found.message != "a CPU build"


def test_an_installed_torch_without_problems_passes() -> None:
    other = replace(BROKEN_TORCH, code="glibc-old")
    where = machine(card("H100"), software=packages(torch="2.15.0"), problems=(other,))
    assert of(judged(where, TORCH), "package-0").status == "pass"


# --- corrections of documented figures


def correction(total: str | None, *places: str) -> Correction:
    return Correction(
        id="corrected",
        applies_to=places or ("profile:made/gpu-0",),
        documented="40 GB",
        fact="more",
        source="a paper",
        as_of=datetime.date(2026, 1, 1),
        memory_total=total,
        advice="quantise",
    )


@pytest.mark.parametrize(
    ("where", "status"),
    [
        (machine(card("H100", memory_total=60 * GB)), "pass"),
        (machine(card("H100", memory_total=60 * GB - 1)), "warn"),
        (machine(*cards("H100", 2, memory_total=40 * GB)), "pass"),
        (machine(card("H100", memory_total=40 * GB), amd(1, 40 * GB)), "warn"),
        (machine(card("H100", memory_total=80 * GB), amd(1, 16 * GB)), "pass"),
        (machine(amd(0, 16 * GB), card("H100", 1, memory_total=80 * GB)), "pass"),
        (machine(card("H100", memory_total=40 * GB), card("H100", 1, memory_total=None)), "unknown"),
        (machine(card("H100", memory_total=80 * GB), card("H100", 1, memory_total=None)), "pass"),
    ],
)
def test_the_corrected_total_is_compared_with_the_best_group_of_gpus(where: Machine, status: str) -> None:
    report = judged(where, GPU, RAM, corrections=(correction("60 GB"),))
    assert [each.id for each in report.findings] == ["gpu-0", "corrected", "ram-1"]
    found = of(report, "corrected")
    assert found.status == status
    assert found.remedy == (None if status == "pass" else "quantise")
    assert (found.short_by is not None) is (status == "warn")


def test_a_correction_follows_a_warning_as_well() -> None:
    """Two cards that only together have the memory required of one."""
    where = machine(*cards("RTX 4090", 2, memory_total=24 * GB))
    report = judged(where, GPU, corrections=(correction("60 GB"),))
    assert statuses(report) == {"gpu-0": "warn", "corrected": "warn"}


@pytest.mark.parametrize("where", [machine(card("RTX 3060")), machine(card("H100", memory_total=None))])
def test_no_correction_follows_a_failed_or_unknown_finding(where: Machine) -> None:
    assert list(statuses(judged(where, GPU, corrections=(correction("60 GB"),)))) == ["gpu-0"]


def test_a_correction_without_a_size_is_shown_and_not_judged() -> None:
    report = judged(machine(card("H100")), GPU, corrections=(correction(None),))
    assert list(statuses(report)) == ["gpu-0"]
    assert [each.id for each in report.corrections] == ["corrected"]


@pytest.mark.parametrize("place", ["profile:made2/gpu-0", "offer:made", "library:made"])
def test_corrections_of_something_else_are_not_shown(place: str) -> None:
    report = judged(machine(card("H100")), GPU, corrections=(correction("60 GB", place),))
    assert list(statuses(report)) == ["gpu-0"]
    assert report.corrections == ()


def test_a_correction_of_several_places_is_shown_at_each() -> None:
    made = correction("60 GB", "offer:x", "profile:made/gpu-1")
    report = judged(machine(card("H100")), RAM, GPU, corrections=(made,))
    assert [each.id for each in report.findings] == ["ram-0", "gpu-1", "corrected"]


# --- hypothetical machines, and groups


def test_only_the_hardware_of_a_machine_in_words_counts() -> None:
    where = replace(machine(card("H100"), software=()), hypothetical=True)
    report = judged(where, GPU, PEFT)
    assert statuses(report) == {"gpu-0": "pass", "package-1": "skipped"}
    assert (report.verdict, report.hardware) == ("ready", "ready")


def test_a_machine_in_words_with_nothing_to_judge_is_undetermined() -> None:
    where = replace(machine(software=()), hypothetical=True)
    assert judged(where, PEFT).verdict == "undetermined"
    assert judged(machine(software=packages(peft="1")), PEFT, skip=frozenset({"package-0"})).verdict is None


def test_a_recommendation_that_fails_blocks_no_requirement() -> None:
    """A recommended driver in unknown state must not hide a required GPU that is unknown too."""
    where = Machine(gpus=None, drivers={"nvidia": Driver(fault="no-permission")})
    for level in ("recommended", "info"):
        report = judged(where, ("driver", {"level": level}), GPU)
        assert statuses(report) == {"driver-0": "unknown", "gpu-1": "unknown"}, level
        assert report.verdict == "undetermined"
    both = judged(where, ("driver", {"level": "recommended"}), (GPU[0], {**GPU[1], "level": "recommended"}))
    assert statuses(both) == {"driver-0": "unknown", "gpu-1": "skipped"}


def test_hardware_and_software_have_verdicts_of_their_own() -> None:
    report = judged(machine(card("H100"), software=()), GPU, PEFT)
    assert (report.verdict, report.hardware, report.software) == ("not-ready", "ready", "not-ready")
    assert judged(machine(card("H100")), GPU).software is None
    left = judged(machine(card("H100"), software=()), GPU, PEFT, skip=frozenset({"software"}))
    assert (left.verdict, left.software) == ("ready", None)


# --- the computed finding, and others


TWO_SIZES = """\
id = "two-sizes"
title = "Two sizes of cards, and a network"
task = "inference"
sources = ["this test"]

[workload]
parameters = ["7B"]
method = "inference"

[[require]]
id = "ram"
kind = "ram"
total = "16 GB"

[[require]]
id = "small"
kind = "gpu"
memory = "12 GB"

[[require]]
id = "links"
kind = "interconnect"
type = "nvlink"
level = "recommended"

[[require]]
id = "large"
kind = "gpu"
memory = "24 GB"

[[require]]
id = "disk"
kind = "disk"
free = "10 GB"
"""


def test_the_computed_finding_follows_the_last_documented_one_of_gpus(tmp_path: Path) -> None:
    path = tmp_path / "two-sizes.toml"
    path.write_text(TWO_SIZES, encoding="utf-8")
    report = api.check([str(path)], lambda: machine(card("RTX 4090")))
    (computed,) = [each.id for each in report.profiles[0].findings if each.kind == "fit"]
    names = [each.id for each in report.profiles[0].findings]
    assert names == ["ram", "small", "links", "large", computed, "disk"]


@pytest.mark.parametrize(("total", "raised"), [(16 * GB, True), (64 * GB, True), (16 * GB - 1, False)])
def test_raising_a_limit_is_advised_where_the_machine_has_exactly_enough(total: int, raised: bool) -> None:
    limited = Ram(total=total, limit=8 * GB, limit_source="cgroup v2", usable=8 * GB)
    found = judge("ram", Machine(ram=limited), total="16 GB")
    unlimited = judge("ram", machine(ram=8 * GB), total="16 GB")
    assert (found.status, found.remedy != unlimited.remedy) == ("fail", raised)


@pytest.mark.parametrize(
    ("version", "status"), [("3.13.0rc1", "pass"), ("3.12.0", "pass"), ("3.12.0rc1", "fail"), ("3.11.9", "fail")]
)
def test_a_prerelease_of_python_is_compared_as_one(version: str, status: str) -> None:
    assert judge("python", machine(interpreter=python(version=version)), version=">=3.12").status == status
