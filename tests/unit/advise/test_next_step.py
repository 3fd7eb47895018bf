"""What runs on a machine, and the step after that: a repair, an installation, or the command that runs a model."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import api, catalog, shell
from llmcheck.api.model_source import ModelSource
from llmcheck.schema.machine import Disk, Driver, Gpu, Machine, Package, Problem, Ram
from llmcheck.schema.outlook import CardsForSize, NextStep, SizePlan
from llmcheck.schema.report import Report
from llmcheck.schema.workload import Workload
from tests.machines_builder import GB, card, cards, infiniband, machine, packages

WORK = packages(
    torch="2.14.1", transformers="5.23.0", vllm="0.33.0", accelerate="1.15.0", peft="0.21.2", langchain="1.4.7"
)
ROOMY = (Disk(role="models", path="/home/ada/.cache/huggingface", size=2000 * GB, free=900 * GB),)


def overview(where: Machine) -> Report:
    return api.overview(lambda: where)


def step(where: Machine) -> NextStep:
    found = overview(where).next
    assert found is not None
    return found


def size(where: Machine, parameters: str, task: str = "inference") -> SizePlan:
    return next(each for each in overview(where).sizes if (each.task, each.parameters) == (task, parameters))


def test_a_machine_without_a_gpu_runs_a_small_model_in_ram_and_rents_nothing() -> None:
    where = machine(ram=16 * GB, disks=ROOMY)
    found, advice = overview(where).next, overview(where).advice
    assert found is not None
    assert (found.kind, found.tier) == ("install", "inference-7b")
    assert "llama.cpp" in found.missing
    assert found.plan is not None
    assert (found.plan.gpus, found.plan.runtime) == (0, "llama.cpp")
    assert advice is not None
    assert advice.rent is None


def test_the_installation_brings_what_the_launch_line_starts() -> None:
    for where in (machine(card("RTX 3060"), disks=ROOMY), machine(card("RTX 4090")), machine(*cards("H100", 8))):
        found = step(where)
        assert found.tier is not None
        assert found.plan is not None
        plan = api.install_plan([found.tier], lambda where=where: where)  # type: ignore[misc]  # bound now, in a loop
        installed = {library for each in plan.environments for library in each.libraries}
        assert any(brings(library) == found.plan.runtime for library in installed), (found.plan.runtime, installed)
        assert found.install == ("llmcheck", "install", found.tier, "--format", "sh")


def brings(library: str) -> str | None:
    from llmcheck import runtimes

    found = runtimes.brought_by(library)
    return None if found is None else found.id


def test_where_everything_is_installed_the_step_is_the_command_that_runs_a_model() -> None:
    where = machine(*cards("H100", 8, nvlinks=18), ports=(infiniband(),), software=WORK, disks=ROOMY)
    found = step(where)
    assert (found.kind, found.tier, found.missing, found.install) == ("run", "inference-70b", (), None)
    assert overview(where).advice is None
    assert found.launch is not None
    assert found.launch[0] == "/srv/project/.venv/bin/vllm"
    assert found.model in found.launch
    assert found.plan is not None
    assert found.plan.argv[:2] == ("llmcheck", "fit")


def test_the_environment_decides_which_runtime_is_started() -> None:
    software = packages(torch="2.14.1", transformers="5.23.0", **{"llama-cpp-python": "0.3.36"})
    found = step(machine(card("RTX 4090"), software=software, disks=ROOMY))
    assert (found.kind, found.plan.runtime if found.plan else None) == ("run", "llama.cpp")
    assert found.launch is not None
    assert found.launch[:3] == ("/srv/project/.venv/bin/python", "-m", "llama_cpp.server")


def test_a_program_on_path_is_started_by_its_name() -> None:
    software = packages(torch="2.14.1", transformers="5.23.0")
    found = step(machine(card("RTX 3060"), software=software, present=("llama-server",), disks=ROOMY))
    assert found.launch is not None
    assert found.launch[0] == "llama-server"
    assert found.program is None


def test_a_program_that_the_installation_does_not_bring_is_named() -> None:
    found = step(machine(*cards("RTX 4090", 2), disks=ROOMY))
    assert found.launch is not None
    assert found.launch[0] == "llama-server"
    assert (found.program, found.library) == ("llama-server", "llama-cpp")


def test_a_broken_driver_comes_before_everything_else() -> None:
    fault = "driver-mismatch"
    problem = Problem(probe="gpu.nvidia", code=fault, message="mismatch", remedy="reboot")
    where = machine(Gpu(vendor="nvidia", usable=False, fault=fault), driver=Driver(fault=fault), problems=(problem,))
    found = step(where)
    assert found.kind == "repair"
    assert found.fault is not None
    assert (found.fault.kind, found.fault.message, found.fault.remedy) == ("driver", "mismatch", "reboot")
    assert (found.launch, found.install) == (None, None)


def test_a_python_that_does_not_run_is_repaired_first() -> None:
    problem = Problem(probe="software", code="python-unusable", message="it is broken", remedy="name another")
    found = step(machine(card("RTX 3060"), problems=(problem,), disks=ROOMY))
    assert found.fault is not None
    assert (found.kind, found.fault.kind) == ("repair", "python")


@pytest.mark.parametrize(("free", "kind"), [(1 * GB, "repair"), (40 * GB, "install"), (None, "install")])
def test_a_full_disk_is_repaired_first(free: int | None, kind: str) -> None:
    disk = Disk(role="models", path="/data", size=500 * GB, free=free)
    assert step(machine(card("RTX 3060"), disks=(disk,))).kind == kind


def test_where_nothing_runs_a_machine_to_rent_is_named() -> None:
    where = replace(machine(disks=ROOMY), ram=Ram(total=2 * GB, usable=2 * GB, available=1 * GB))
    report = overview(where)
    assert report.next is not None
    assert (report.next.kind, report.next.launch) == ("other-hardware", None)
    assert report.advice is not None
    assert report.advice.rent is not None
    assert report.advice.rent.profile == report.advice.profile


def test_unknown_memory_is_not_taken_for_none() -> None:
    where = machine(card("RTX 4090", memory_total=None, memory_free=None, memory_used=None), disks=ROOMY)
    assert step(where).kind == "undetermined"
    assert {each.verdict for each in overview(where).sizes if each.task != "pre-training"} == {"unknown"}


def test_sizes_say_how_useful_they_are() -> None:
    where = machine(card("RTX 3060"), ram=32 * GB, disks=ROOMY)
    assert [size(where, each).use for each in ("7B", "13B", "30B", "70B")] == ["good", "good", "slow", "none"]
    assert size(where, "7B").enough == ()
    assert [(each.count, each.memory_gb) for each in size(where, "70B").enough] == [(1, 48), (2, 24)]
    assert size(where, "7B", "fine-tuning").kind == "qlora"


@pytest.mark.parametrize("row", catalog.cards(), ids=lambda row: f"{row.task} {row.parameters}")
def test_the_cards_that_are_said_to_be_enough_are_enough(row: CardsForSize) -> None:
    workload = Workload(method="inference" if row.task == "inference" else "qlora")
    for each in row.enough:
        words = f"{each.count}x {each.memory_gb}GB, 64 GB RAM"
        where = api.hypothetical_machine(words).machine
        found = api.fit(ModelSource(parameters=row.parameters), workload, lambda where=where: where)  # type: ignore[misc]  # bound now, in a loop
        assert found.verdict == "fits", words


def test_the_launch_line_is_one_command_of_the_shell() -> None:
    found = step(machine(card("RTX 3060"), disks=ROOMY))
    assert found.launch is not None
    assert "\n" not in shell.line(found.launch)


def test_the_order_of_packages_does_not_change_the_step() -> None:
    listed: tuple[Package, ...] = packages(torch="2.14.1", accelerate="1.15.0")
    first, second = (step(machine(card("RTX 4090"), software=order)) for order in (listed, listed[::-1]))
    assert first == second


def test_gpus_that_could_not_be_listed_are_not_taken_for_none() -> None:
    found = overview(replace(machine(disks=ROOMY), gpus=None))
    assert found.next is not None
    assert found.next.kind == "undetermined"
    assert found.advice is None


def test_a_small_card_with_all_its_libraries_is_not_sent_to_rent_a_larger_machine() -> None:
    where = machine(card("RTX 3060"), software=WORK, disks=ROOMY)
    report = overview(where)
    assert report.next is not None
    assert report.next.kind == "run"
    assert report.next.launch is not None
    assert report.next.plan is not None
    assert report.next.plan.runtime == "vllm"
    assert report.advice is None


def test_a_mac_with_every_inference_tier_is_told_the_command_that_runs_a_model() -> None:
    stated = api.hypothetical_machine("m3-max 64GB, 500 GB disk").machine
    software = machine(software=packages(torch="2.14.1", transformers="5.23.0", llama_cpp_python="0.3.36")).software
    report = overview(replace(stated, hypothetical=False, software=software))
    assert report.next is not None
    assert (report.next.kind, report.advice) == ("run", None)
    assert report.next.launch is not None
    assert "llama_cpp.server" in report.next.launch
