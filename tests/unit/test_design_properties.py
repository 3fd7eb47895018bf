"""What the design promises of every machine, whatever it is."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import catalog, codec
from llmcheck.install.torch import torch_build
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import Disk, Gpu, Machine, Package
from llmcheck.schema.report import ProfileReport
from tests.machines_builder import GB
from tests.unit.erasures import ERASURES, with_software
from tests.unit.strategies import CORRECTIONS, SHIPPED, machines, wild_machines

TABLES = (catalog.torch_wheels(), catalog.cuda_drivers())

RANK = {"not-ready": 0, "undetermined": 1, "ready": 2}


def judged(where: Machine) -> list[ProfileReport]:
    return [evaluate(profile, where, CORRECTIONS) for profile in SHIPPED]


def statuses(where: Machine) -> dict[tuple[str, str], str]:
    """Of the profiles that are for such a machine: one of which that is not known is judged."""
    applying = [report for report in judged(where) if report.not_applicable is None]
    return {(report.id, finding.id): finding.status for report in applying for finding in report.findings}


@settings(max_examples=100)
@given(wild_machines)
def test_a_machine_survives_being_written_and_read(where: Machine) -> None:
    assert codec.decode_json(codec.encode_json(where).encode(), Machine, "x") == where
    assert codec.unpack(codec.pack(where), Machine) == where


# --- erasing a fact ---


@pytest.mark.parametrize("fact", ERASURES)
@given(where=machines())
def test_erasing_a_fact_only_opens_a_finding_and_never_turns_it(fact: str, where: Machine) -> None:
    before = statuses(where)
    for erased in ERASURES[fact](where):
        after = statuses(erased)
        turned = {
            place: f"{status} -> {after[place]}"
            for place, status in before.items()
            if place in after and after[place] not in (status, "unknown", "skipped")
        }
        assert turned == {}


@pytest.mark.parametrize("fact", ERASURES)
@given(where=machines())
def test_erasing_a_fact_never_makes_a_tier_ready(fact: str, where: Machine) -> None:
    before = {report.id: report.verdict for report in judged(where)}
    for erased in ERASURES[fact](where):
        for report in judged(erased):
            assert report.verdict != "ready" or before[report.id] == "ready"


# --- more hardware ---


def verdicts(where: Machine) -> dict[str, int]:
    return {report.id: RANK[report.verdict] for report in judged(where) if report.verdict is not None}


def not_worse(where: Machine, better: Machine) -> dict[str, str]:
    before, after = verdicts(where), verdicts(better)
    return {name: f"{before[name]} -> {after[name]}" for name in before if after[name] < before[name]}


@given(where=machines(), more=st.integers(1, 200 * GB), position=st.integers(0, 6))
def test_more_memory_on_a_card_never_worsens_a_verdict(where: Machine, more: int, position: int) -> None:
    gpus = list(where.gpus or ())
    if position < len(gpus) and gpus[position].memory_total is not None:
        gpus[position] = replace(gpus[position], memory_total=(gpus[position].memory_total or 0) + more)
    assert not_worse(where, replace(where, gpus=tuple(gpus))) == {}


@given(where=machines(), model=st.sampled_from([12, 24, 80, 180]))
def test_one_more_card_never_worsens_the_memory(where: Machine, model: int) -> None:
    gpus = where.gpus or ()
    extra = Gpu(vendor="nvidia", index=99, name="more", memory_total=model * GB, compute_capability="9.0", nvlinks=18)
    before, after = statuses(where), statuses(replace(where, gpus=(*gpus, extra)))
    order = ["fail", "unknown", "warn", "pass"]
    places = [place for place in before if place[1] == "gpu" and "skipped" not in (before[place], after[place])]
    assert places
    for place in places:
        assert order.index(after[place]) >= order.index(before[place])


@given(where=machines(), more=st.integers(1, 2000 * GB))
def test_more_ram_never_worsens_a_verdict(where: Machine, more: int) -> None:
    ram = replace(where.ram, total=(where.ram.total or 0) + more, usable=(where.ram.usable or 0) + more)
    assert not_worse(where, replace(where, ram=ram)) == {}


@given(where=machines(), more=st.integers(1, 2000 * GB))
def test_more_free_space_never_worsens_a_verdict(where: Machine, more: int) -> None:
    disks: tuple[Disk, ...] = tuple(replace(disk, free=(disk.free or 0) + more) for disk in where.disks or ())
    assert not_worse(where, replace(where, disks=disks)) == {}


@given(where=machines())
def test_one_more_package_never_worsens_a_verdict(where: Machine) -> None:
    for name in ("torch", "vllm", "peft", "langchain"):
        packages = where.software.packages or ()
        if name not in {package.name for package in packages}:
            more = with_software(where, packages=(*packages, Package(name=name, version="9")))
            assert not_worse(where, more) == {}


# --- order ---


@given(where=machines(), random=st.randoms(use_true_random=False))
def test_the_order_of_gpus_packages_and_drivers_is_irrelevant(where: Machine, random: Random) -> None:
    gpus, packages, drivers = list(where.gpus or ()), list(where.software.packages or ()), list(where.drivers.items())
    for each in (gpus, packages, drivers):
        random.shuffle(each)
    turned = replace(with_software(where, packages=tuple(packages)), gpus=tuple(gpus), drivers=dict(drivers))
    assert statuses(turned) == statuses(where)
    assert verdicts(turned) == verdicts(where)
    first, second = torch_build(where, *TABLES), torch_build(turned, *TABLES)
    assert (first.tag, first.requirement) == (second.tag, second.requirement)


@given(where=machines())
def test_judging_twice_gives_the_same_report(where: Machine) -> None:
    assert judged(where) == judged(where)
