"""A whole profile against a machine."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest

from llmcheck import api, catalog
from llmcheck.catalog import profiles
from llmcheck.judge.evaluate import corrections_of, evaluate
from llmcheck.schema.machine import Driver, Gpu, Machine, Problem
from llmcheck.schema.report import Finding, ProfileReport
from llmcheck.tables.correction import Correction
from tests.machines_builder import GB, card, cards, infiniband, machine, mig, packages

EVERYTHING = packages(
    torch="2.14.1", transformers="5.23.0", vllm="0.32.0", accelerate="1.15.0", peft="0.21.2", langchain="1.4.7"
)


def report(name: str, where: Machine, skip: Sequence[str] = (), corrected: bool = True) -> ProfileReport:
    corrections = catalog.corrections() if corrected else ()
    return evaluate(profiles.load(name), where, corrections, frozenset(skip))


def of(judged: ProfileReport, name: str) -> Finding:
    return next(finding for finding in judged.findings if finding.id == name)


def broken(fault: str, usable: bool | None = False) -> Machine:
    """Two cards whose driver does not work."""
    gpus = [Gpu(vendor="nvidia", usable=usable, fault=fault, pci_bus_id=f"0000:0{bus}:00.0") for bus in (1, 2)]
    problem = Problem(probe="gpu.nvidia", code=fault, message=f"{fault}!", remedy="mend it")
    return machine(*gpus, driver=Driver(fault=fault), software=EVERYTHING, problems=(problem,))


@pytest.mark.parametrize("tier", ["inference-7b", "finetune-13b-30b", "pretrain"])
@pytest.mark.parametrize("fault", ["driver-not-loaded", "driver-mismatch"])
def test_a_broken_driver_is_the_only_failure_of_its_cards(tier: str, fault: str) -> None:
    judged = report(tier, broken(fault))
    driver = of(judged, "driver")
    assert (driver.status, driver.message, driver.remedy) == ("fail", f"{fault}!", "mend it")
    needing = [finding for finding in judged.findings if finding.kind in ("gpu", "interconnect")]
    assert {finding.status for finding in needing} == {"skipped"}
    blocked = [finding for finding in needing if not finding.cluster]
    assert {finding.message for finding in blocked} == {"blocked by driver"}
    assert {finding.remedy for finding in blocked} == {None}
    assert judged.verdict == "not-ready"


def test_a_driver_in_unknown_state_leaves_the_verdict_open() -> None:
    judged = report("inference-7b", broken("no-permission", usable=None))
    assert of(judged, "driver").status == "unknown"
    assert of(judged, "gpu").status == "skipped"
    assert judged.verdict == "undetermined"


def test_a_card_without_any_driver_is_one_failure_too() -> None:
    waiting = Gpu(vendor="nvidia", usable=False, fault="driver-missing", pci_bus_id="0000:01:00.0")
    problem = Problem(probe="gpu.nvidia", code="driver-missing", message="no library", remedy="install it")
    judged = report("inference-7b", machine(waiting, driver=None, software=EVERYTHING, problems=(problem,)))
    assert [finding.id for finding in judged.findings if finding.status == "fail"] == ["driver"]
    assert of(judged, "driver").remedy == "install it"


def test_a_working_driver_blocks_nothing() -> None:
    judged = report("inference-70b", machine(card("RTX 3060"), software=EVERYTHING))
    assert (of(judged, "driver").status, of(judged, "gpu").status) == ("pass", "fail")


@pytest.mark.parametrize("skip", ["gpu", "hardware"])
def test_skipped_requirements_are_shown_but_do_not_count(skip: str) -> None:
    where = machine(software=EVERYTHING)
    assert report("inference-7b", where).verdict == "not-ready"
    judged = report("inference-7b", where, [skip])
    assert judged.verdict == "ready"
    assert (of(judged, "gpu").status, of(judged, "gpu").message) == ("skipped", "left out by --skip or --only")
    assert len(judged.findings) == len(report("inference-7b", where).findings)


def test_skipping_the_software_keeps_the_hardware() -> None:
    judged = report("inference-7b", machine(card("RTX 4090")), ["software"])
    assert (judged.verdict, judged.hardware, judged.software) == ("ready", "ready", None)
    assert {finding.status for finding in judged.findings if finding.group == "software"} == {"skipped"}


def test_skipping_one_requirement_keeps_the_others_failed() -> None:
    judged = report("inference-7b", machine(ram=4 * GB, software=EVERYTHING), ["gpu"])
    assert (of(judged, "ram").status, judged.verdict) == ("fail", "not-ready")


@pytest.mark.parametrize(
    ("where", "hardware", "software", "verdict"),
    [
        (machine(card("RTX 4090"), software=EVERYTHING), "ready", "ready", "ready"),
        (machine(card("RTX 4090")), "ready", "not-ready", "not-ready"),
        (machine(software=EVERYTHING), "not-ready", "ready", "not-ready"),
        (machine(gpus=None, software=EVERYTHING), "undetermined", "ready", "undetermined"),
        (machine(gpus=None), "undetermined", "not-ready", "not-ready"),
    ],
)
def test_each_group_has_its_own_verdict(where: Machine, hardware: str, software: str, verdict: str) -> None:
    judged = report("inference-7b", where)
    assert (judged.hardware, judged.software, judged.verdict) == (hardware, software, verdict)


def test_a_profile_without_hardware_has_no_verdict_on_it() -> None:
    assert report("toolkit", machine()).hardware is None
    assert report("minimum", machine()).software is None


def test_findings_keep_the_order_of_the_profile() -> None:
    judged = report("finetune-7b", machine(card("H100")), corrected=False)
    assert [finding.id for finding in judged.findings] == [each.id for each in profiles.load("finetune-7b").require]


def test_a_good_node_of_a_cluster_is_undetermined_and_a_bad_one_is_not_ready() -> None:
    ports = tuple(infiniband(device=f"mlx5_{number}") for number in range(8))
    good = machine(*cards("H100", 8, nvlinks=18), ports=ports, software=EVERYTHING)
    assert report("pretrain", good).verdict == "undetermined"
    assert report("pretrain", machine(*cards("RTX 4090", 8), ports=ports)).verdict == "not-ready"
    assert report("pretrain", machine(*cards("H100", 8, nvlinks=18), ports=())).verdict == "not-ready"


@pytest.mark.parametrize(
    ("tier", "where", "correction", "status"),
    [
        ("inference-70b-4bit", machine(card("RTX 4090"), software=EVERYTHING), "memory-70b-4bit-24gb", "warn"),
        ("inference-70b-4bit", machine(*cards("RTX 4090", 2), software=EVERYTHING), "memory-70b-4bit-24gb", "pass"),
        ("inference-70b", machine(card("A100 80GB"), software=EVERYTHING), "memory-70b-one-card", "warn"),
        ("inference-70b", machine(*cards("A100 80GB", 2), software=EVERYTHING), "memory-70b-one-card", "pass"),
        ("finetune-7b", machine(card("A100 40GB"), software=EVERYTHING), "memory-finetune-7b-full", "warn"),
        ("inference-7b", machine(card("RTX 3060"), software=EVERYTHING), "memory-7b-12gb", "warn"),
    ],
)
def test_ready_by_the_document_but_not_by_arithmetic_is_a_warning(
    tier: str, where: Machine, correction: str, status: str
) -> None:
    judged = report(tier, where)
    found = of(judged, correction)
    assert (found.status, judged.verdict) == (status, "ready")
    assert of(judged, "gpu").status == "pass"
    if status == "warn":
        assert found.remedy
        assert found.short_by
        assert found.needed_bytes is not None
        most = sum(gpu.memory_total or 0 for gpu in where.gpus or ())
        assert (found.shortfall, found.missing_bytes) == ("gpu-memory", found.needed_bytes - most)
        assert "documented: " in found.message
        assert "in fact: " in found.message
    else:
        assert (found.short_by, found.shortfall, found.missing_bytes, found.remedy) == (None, None, None, None)


def test_the_corrected_finding_stands_right_after_the_documented_one() -> None:
    names = [finding.id for finding in report("inference-70b", machine(card("H100"))).findings]
    assert names[names.index("gpu") + 1] == "memory-70b-one-card"


def test_a_correction_follows_a_documented_warning_too() -> None:
    judged = report("inference-70b", machine(*cards("RTX 4090", 4), software=EVERYTHING))
    names = [finding.id for finding in judged.findings]
    assert of(judged, "gpu").status == "warn"
    assert names[names.index("gpu") + 1] == "memory-70b-one-card"
    assert of(judged, "memory-70b-one-card").status == "warn"


def test_a_correction_never_fails_and_never_repeats_a_documented_failure() -> None:
    judged = report("inference-70b", machine(card("RTX 3060"), software=EVERYTHING))
    assert [finding.id for finding in judged.findings if finding.id.startswith("memory-")] == []
    assert "memory-70b-one-card" in [correction.id for correction in judged.corrections]


def test_unknown_memory_beside_an_insufficient_card_leaves_the_correction_open() -> None:
    where = machine(card("A100 40GB"), card("A100 40GB", index=1, memory_total=None))
    assert of(report("inference-70b", where), "memory-70b-one-card").status == "unknown"


def test_mig_instances_do_not_add_up_in_the_arithmetic_either() -> None:
    gpus: list[Gpu] = []
    for index in range(4):
        gpus += [card("A100 80GB", index, mig_mode=True), mig(index, 0, 42 * GB), mig(index, 1, 42 * GB)]
    judged = report("inference-70b", machine(*gpus))
    assert of(judged, "gpu").status == "pass"
    assert of(judged, "memory-70b-one-card").status == "warn"


def test_only_the_corrections_of_this_profile_are_shown() -> None:
    made = Correction(
        id="mine",
        applies_to=("profile:inference-7b/gpu", "offer:x"),
        documented="a",
        fact="b",
        source="c",
        as_of=datetime.date(2026, 1, 1),
    )
    assert corrections_of((made,), "inference-7b") == (made,)
    assert corrections_of((made,), "inference-70b") == ()
    assert corrections_of((made,), "inference-7") == ()


def test_a_profile_keeps_its_documented_cost() -> None:
    judged = report("pretrain", machine())
    assert judged.cost is not None
    assert judged.cost.documented == "$50K-$100K/day"


def test_a_machine_in_words_is_judged_on_its_hardware_alone() -> None:
    stated = api.hypothetical_machine("RTX 4090, 64 GB RAM, 1 TB").machine
    found = {each.id: each for each in evaluate(profiles.load("inference-7b"), stated).findings}
    assert found["torch"].status == found["driver"].status == "skipped"
    assert "no GPU" not in found["driver"].message
    assert evaluate(profiles.load("inference-7b"), stated).verdict == "ready"
    assert evaluate(profiles.load("toolkit"), stated).verdict is None  # only software is required
