"""What is worse than a saved report, and what changed between two."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck.judge.difference import badness, compare, is_worse, with_baseline
from llmcheck.schema.machine import Disk, Driver, Machine, Package, Problem, Software, Torch
from llmcheck.schema.report import (
    PLAIN_GATE,
    Finding,
    Gate,
    ProfileReport,
    Report,
    combined,
    counts_of,
    exit_code,
    verdict_of,
)
from tests.machines_builder import GB, card, machine


def finding(status: Any, name: str = "gpu", level: Any = "required", **more: Any) -> Finding:
    return Finding(
        id=name, kind="gpu", group="hardware", level=level, status=status, needed="x", message=f"is {status}", **more
    )


def report(*findings: Finding, where: Machine = Machine(), name: str = "mine", gate: Gate = PLAIN_GATE) -> Report:  # noqa: B008 - frozen
    profile = ProfileReport(
        id=name, title=name, task="general", verdict=verdict_of(findings), findings=findings, counts=counts_of(findings)
    )
    return Report(
        llmcheck="0.1.0",
        created_at="2026-11-22T12:00:00+00:00",
        verdict=combined([profile.verdict]),
        exit_code=exit_code([profile], gate),
        profiles=(profile,),
        machine=where,
        gate=gate,
    )


def beyond(now: Report, saved: Report) -> tuple[Report, int]:
    known = with_baseline(now, saved, "old.json")
    return known, exit_code(known.profiles, known.gate)


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        ([finding("fail")], [finding("fail")], 0),
        ([finding("pass")], [finding("fail")], 1),
        ([finding("unknown")], [finding("fail")], 1),
        ([finding("fail")], [finding("unknown")], 0),
        ([finding("pass")], [finding("unknown")], 3),
        ([finding("unknown")], [finding("unknown")], 0),
        ([finding("fail")], [finding("fail"), finding("fail", "ram")], 1),
        ([finding("fail"), finding("pass", "ram")], [finding("fail"), finding("unknown", "ram")], 3),
        ([finding("fail", found_count=7)], [finding("fail", found_count=7)], 0),
        ([finding("fail", found_count=7)], [finding("fail", found_count=6)], 1),
        ([finding("fail", found_count=6)], [finding("fail", found_count=7)], 0),
        ([finding("skipped", skipped="blocked")], [finding("skipped", skipped="blocked")], 0),
        ([finding("pass")], [finding("skipped", skipped="blocked")], 3),
        ([finding("fail")], [finding("pass")], 0),
        ([], [finding("fail")], 1),
    ],
)
def test_only_what_got_worse_fails(before: list[Finding], now: list[Finding], code: int) -> None:
    known, found = beyond(report(*now), report(*before))
    assert found == code
    assert known.verdict == report(*now).verdict


def test_a_baseline_says_what_is_worse_and_what_is_known() -> None:
    now = report(
        finding("fail"), finding("fail", "ram"), finding("pass", "disk"), finding("warn", "ssd", "recommended")
    )
    known, _ = beyond(now, report(finding("fail"), finding("pass", "ram"), finding("warn", "ssd", "recommended")))
    assert known.gate.baseline is not None
    assert (known.gate.baseline.file, known.gate.baseline.created_at) == ("old.json", "2026-11-22T12:00:00+00:00")
    assert known.gate.baseline.worse == ("mine/ram",)
    assert known.gate.baseline.known == ("mine/gpu", "mine/ssd")
    assert [each.in_baseline for each in known.profiles[0].findings] == [True, False, False, True]


def test_another_profile_is_no_baseline() -> None:
    _, code = beyond(report(finding("fail")), report(finding("fail"), name="other"))
    assert code == 1


def test_nothing_judged_stays_two() -> None:
    nothing = report(finding("skipped", skipped="left-out"))
    assert beyond(nothing, nothing)[1] == 2


def test_what_the_baseline_excuses_does_not_excuse_a_profile_of_which_nothing_was_judged() -> None:
    failed, nothing = report(finding("fail")), report(finding("skipped", skipped="left-out"), name="other")
    both = replace(failed, profiles=(*failed.profiles, *nothing.profiles), verdict="not-ready")
    assert beyond(both, failed)[1] == 2


def test_warnings_that_are_known_do_not_fail() -> None:
    warned = report(finding("warn"), gate=Gate(fail_on="warn"))
    assert warned.exit_code == 4
    assert beyond(warned, warned)[1] == 0
    assert beyond(warned, report(finding("pass")))[1] == 4


statuses = st.sampled_from(["pass", "warn", "fail", "unknown", "skipped"])
some = st.lists(
    st.builds(
        finding,
        statuses,
        st.sampled_from(["gpu", "ram", "disk"]),
        st.sampled_from(["required", "recommended", "info"]),
        skipped=st.sampled_from(["blocked", "left-out"]),
        found_count=st.none() | st.integers(0, 8),
    ),
    max_size=4,
    unique_by=lambda each: each.id,
)


@given(some)
def test_nothing_is_worse_than_itself(found: list[Finding]) -> None:
    same = report(*found)
    known, code = beyond(same, same)
    assert code == (2 if same.verdict is None else 0)
    assert known.gate.baseline is not None
    assert known.gate.baseline.worse == ()
    difference = compare(same, same)
    assert (difference.worse, difference.better, difference.other, difference.facts) == ((), (), (), ())


@given(some, some)
def test_what_is_worse_one_way_is_better_the_other(before: list[Finding], now: list[Finding]) -> None:
    there, back = compare(report(*before), report(*now)), compare(report(*now), report(*before))
    both = {each.id for each in before} & {each.id for each in now}
    assert {each.name for each in there.worse} == {each.name for each in back.better}
    assert {each.name.partition("/")[2] for each in (*there.worse, *there.better)} <= both
    assert there.exit_code == (1 if there.worse else 0)


@given(some, some)
def test_a_baseline_never_makes_a_gate_stricter(before: list[Finding], now: list[Finding]) -> None:
    found = report(*now)
    _, code = beyond(found, report(*before))
    assert code in (0, found.exit_code, 3 if found.exit_code == 1 else code)


def test_a_finding_that_was_met_is_worse_however_it_fails() -> None:
    assert is_worse(finding("fail"), None)
    assert not is_worse(finding("pass"), None)
    assert badness(finding("unknown", level="recommended")) == 0


def test_facts_that_explain_a_change_are_named() -> None:
    before = machine(card("RTX 4090"), card("RTX 4090"))
    disks = (Disk(role="work", path="/data", size=1000 * GB, free=800 * GB),)
    before = replace(
        before,
        drivers={"nvidia": Driver(version="580.1", cuda_version="13.0")},
        disks=disks,
        software=Software(
            packages=(Package(name="torch", version="2.9.0"), Package(name="vllm", version="0.11")),
            torch=Torch(version="2.9.0", build="cu130"),
        ),
    )
    after = replace(
        before,
        gpus=(before.gpus or ())[:1],
        drivers={"nvidia": Driver(version="580.2", cuda_version="13.0")},
        disks=(replace(disks[0], free=500 * GB),),
        software=Software(
            packages=(Package(name="torch", version="2.9.0"),), torch=Torch(version="2.9.0", build="cpu")
        ),
        problems=(Problem(probe="gpu.nvidia", code="xid", message="Xid 79"),),
    )
    found = {each.name: (each.before, each.after) for each in compare(report(where=before), report(where=after)).facts}
    assert found == {
        "driver nvidia": ("580.1", "580.2"),
        "GPUs": ("2 x NVIDIA GeForce RTX 4090", "1 x NVIDIA GeForce RTX 4090"),
        "PyTorch build": ("cu130", "cpu"),
        "package vllm": ("0.11", None),
        "problem xid (gpu.nvidia)": (None, "Xid 79"),
        "free on /data": ("800 GB", "500 GB"),
    }


def test_memory_that_is_free_now_is_no_change() -> None:
    before = machine(card("RTX 4090"))
    after = replace(before, ram=replace(before.ram, available=1))
    assert compare(report(where=before), report(where=after)).facts == ()


def test_a_profile_that_one_report_lacks_is_named_once() -> None:
    found = compare(report(finding("pass"), name="a"), report(finding("fail"), name="b"))
    assert (found.profiles_before, found.profiles_after) == (("a",), ("b",))
    assert (found.worse, found.other) == ((), ())
