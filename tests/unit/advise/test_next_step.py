"""The one tier to talk about, and the next step towards it."""

from __future__ import annotations

from llmcheck import catalog
from llmcheck.advise.next_step import next_step
from llmcheck.catalog import profiles
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.advice import Advice
from llmcheck.schema.machine import Driver, Gpu, Machine, Package, Problem
from llmcheck.schema.report import Report
from tests.machines_builder import GB, card, cards, infiniband, machine, packages

WORK = packages(
    torch="2.14.1", transformers="5.23.0", vllm="0.32.0", accelerate="1.15.0", peft="0.21.2", langchain="1.4.7"
)


def advised(where: Machine) -> Advice | None:
    shipped, corrections = profiles.shipped(), catalog.corrections()
    judged = tuple(evaluate(profile, where, corrections) for profile in shipped)
    report = Report(llmcheck="0", created_at="", verdict=None, exit_code=0, profiles=judged, machine=where)
    return next_step(report, shipped, catalog.tables(), catalog.offers(), corrections)


def test_a_machine_without_gpu_is_led_to_the_least_demanding_tier() -> None:
    advice = advised(machine(ram=16 * GB))
    assert advice is not None
    assert advice.profile == "inference-7b"
    assert "llama.cpp" in (advice.tip or "")
    assert advice.offer is not None
    assert advice.offer.passes


def test_hardware_that_is_there_is_worth_more_than_hardware_to_rent() -> None:
    advice = advised(machine(card("RTX 4090")))
    assert advice is not None
    assert advice.profile == "inference-7b"
    assert advice.offer is None
    assert advice.plan is not None
    assert any("vllm" in step.command for each in advice.plan.environments for step in each.steps)


def test_a_tier_with_warnings_is_taken_where_none_is_without() -> None:
    advice = advised(machine(card("RTX 3060")))
    assert advice is not None
    assert (advice.profile, advice.offer) == ("inference-7b", None)


def test_the_most_demanding_tier_whose_hardware_is_there_is_taken() -> None:
    advice = advised(machine(*cards("H100", 8, nvlinks=18), ports=(infiniband(),)))
    assert advice is not None
    assert advice.profile == "pretrain"


def test_a_ready_tier_leads_to_the_next_one_that_lacks_hardware() -> None:
    advice = advised(machine(card("RTX 3060"), software=WORK))
    assert advice is not None
    assert advice.profile == "inference-13b-30b"
    assert advice.plan is None
    assert advice.offer is not None
    assert advice.offer.offer.gpu_memory_gb >= 24


def test_a_broken_driver_is_mended_not_replaced_by_a_rented_machine() -> None:
    fault = "driver-mismatch"
    problem = Problem(probe="gpu.nvidia", code=fault, message="mismatch", remedy="reboot")
    where = machine(Gpu(vendor="nvidia", usable=False, fault=fault), driver=Driver(fault=fault), problems=(problem,))
    advice = advised(where)
    assert advice is not None
    assert advice.tip == "reboot"
    assert advice.offer is None


def test_only_what_is_missing_is_installed() -> None:
    advice = advised(machine(card("RTX 4090"), software=packages(torch="2.14.1", transformers="5.23.0")))
    assert advice is not None
    assert advice.plan is not None
    said = " ".join(step.command for each in advice.plan.environments for step in each.steps)
    assert "vllm" in said
    assert "transformers" not in said


def complete(*missing: str) -> Machine:
    """A node on which every tier is ready, as far as one node can be, except for these packages."""
    software = tuple(package for package in WORK if package.name not in missing)
    return machine(*cards("H100", 8, nvlinks=18), ports=(infiniband(),), software=software)


def test_a_machine_that_is_ready_for_everything_needs_no_advice() -> None:
    assert advised(complete()) is None


def test_a_missing_library_of_the_toolkit_is_a_next_step_too() -> None:
    advice = advised(complete("langchain"))
    assert advice is not None
    assert advice.profile == "toolkit"


def test_the_order_of_packages_does_not_change_the_advice() -> None:
    listed: tuple[Package, ...] = packages(torch="2.14.1", accelerate="1.15.0")
    first, second = (advised(machine(card("RTX 4090"), software=order)) for order in (listed, listed[::-1]))
    assert first == second
