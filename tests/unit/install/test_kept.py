"""A plan that would break what is installed says so, and names the way that does not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.gpus.torch_support import with_problems
from llmcheck.install.choose import missing_libraries
from llmcheck.install.plan import plan_installation
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.advice import Plan
from llmcheck.schema.machine import Gpu, Machine, Torch
from llmcheck.schema.software import PackageRequires
from tests.machines_builder import card, machine, packages

TABLES = catalog.tables()


def holding(
    torch: str, *gpus: Gpu, driver: str = "580.95.05", requires: dict[str, str] | None = None, **versions: str
) -> Machine:
    """``requires``: a requirement by the name of the installed package that has it."""
    there = Torch(version=torch, build=torch.partition("+")[2])
    where = machine(*gpus, driver=driver, software=packages(torch=torch, **versions), torch=there)
    needs = tuple(PackageRequires(name=name, requires=(line,)) for name, line in (requires or {}).items())
    return replace(where, software=replace(where.software, requires=needs or None))


def tier(where: Machine, name: str = "inference-7b") -> Plan:
    profile, where = profiles.load(name), with_problems(where, TABLES.wheels, TABLES.drivers)
    wanted = missing_libraries(evaluate(profile, where).findings, where, TABLES, profile)
    return plan_installation(name, wanted.libraries, where, TABLES, tier=wanted)


def plan(where: Machine, *names: str) -> Plan:
    return plan_installation(" ".join(names), list(names), where, TABLES)


def changes(made: Plan) -> str:
    return "\n".join(each for environment in made.environments for step in environment.steps for each in step.changes)


VLLM = {"vllm": "torch==2.11.0"}


@pytest.mark.parametrize("requires", [VLLM, None], ids=["metadata read", "metadata not read"])
def test_a_vllm_that_the_new_torch_breaks_is_named_with_another_environment(requires: dict[str, str] | None) -> None:
    where = holding("2.11.0+cu130", card("V100"), requires=requires, vllm="0.24.0", transformers="5.20.2")
    made = tier(where)
    assert "vllm 0.24.0 stops working: it needs torch==2.11.0, and gets 2.14.1" in changes(made)
    assert any("llmcheck install inference-7b --venv .venv-2" in note for note in made.notes)
    assert any("vllm 0.24.0 needs compute capability 7.5, and this machine has 7.0" in note for note in made.notes)


def test_an_engine_that_cannot_run_here_is_not_what_the_tier_gets() -> None:
    where = holding("2.11.0+cu130", card("V100"), requires=VLLM, vllm="0.24.0", transformers="5.20.2")
    assert "vllm" not in tier(where).satisfied
    assert [each.chosen for each in tier(where).choices] == ["llama.cpp"]


def test_the_driver_that_an_installed_vllm_needs_follows_from_its_torch() -> None:
    new = holding("2.11.0+cu130", card("H100"), driver="570.124.06", requires=VLLM, vllm="0.24.0")
    assert any("CUDA 13, which needs driver 580, and this one is 570.124.06" in note for note in tier(new).notes)
    old = holding("2.8.0+cu128", card("H100"), driver="570.124.06", requires={"vllm": "torch==2.8.0"}, vllm="0.11.0")
    assert not any("driver 580" in note for note in plan(old, "peft").notes)


def test_pins_are_those_of_the_installed_version() -> None:
    """The newest vLLM pins another torch; the one that is there goes with the torch that is there."""
    where = holding("2.11.0+cu126", card("V100"), requires={"vllm": "torch==2.11.0"}, vllm="0.24.0")
    assert "stops working" not in changes(plan(where, "peft"))


@pytest.mark.parametrize(
    ("requires", "broken"),
    [
        ({"torchtune": "torch<2.12"}, True),
        ({"torchtune": "torch<2.12 ; extra == 'dev'"}, False),
        ({"torchtune": "torch<2.12 ; sys_platform == 'win32'"}, False),
        ({"torchtune": "torch>=2.0"}, False),
        ({"torchtune": "not a requirement !"}, False),
        ({"torchtune": "torch<2.12 ; python_version ~= 'x'"}, False),
        ({"gone": "torch<2.12"}, False),
    ],
)
def test_any_package_that_says_what_it_needs_counts(requires: dict[str, str], broken: bool) -> None:
    where = holding("2.11.0+cpu", card("H100"), requires=requires, torchtune="0.6.1")
    made = plan(where, "torch")
    assert ("torchtune 0.6.1 stops working" in changes(made)) is broken
    assert any("--venv" in note for note in made.notes) is broken


def test_what_an_engine_pins_back_breaks_others() -> None:
    where = holding("2.15.0+cu132", card("H100"), requires={"mylib": "torch>=2.15"}, mylib="1.0")
    assert "mylib 1.0 stops working: it needs torch>=2.15, and gets 2.14.0" in changes(plan(where, "vllm"))


@pytest.mark.parametrize(
    ("torch", "pins", "index"),
    [
        ("2.9.1+cpu", ["torch==2.9.1+cpu", "torchvision==0.24.1+cpu"], "cpu"),
        ("2.10.0+cpu", ["torch==2.10.0+cpu", "torchvision==0.24.1+cpu"], "cpu"),
        ("2.8.0+xpu", ["torch==2.8.0+xpu", "torchvision==0.24.1+xpu"], "xpu"),
        ("2.9.1+rocm6.4", ["torch==2.9.1+rocm6.4", "torchvision==0.24.1+rocm6.4"], "rocm6.4"),
        ("2.16.0.dev20261120+cpu", ["torch==2.16.0.dev20261120+cpu", "torchvision==0.24.1+cpu"], "nightly/cpu"),
    ],
)
def test_the_way_back_restores_the_very_build(torch: str, pins: list[str], index: str) -> None:
    label = torch.partition("+")[2]
    made = plan(holding(torch, card("RTX 4090"), torchvision=f"0.24.1+{label}"), "torch")
    (undo,) = [step.undo for environment in made.environments for step in environment.steps if step.undo]
    assert set(pins) <= set(undo.split())
    assert undo.endswith(f"--index-url https://download.pytorch.org/whl/{index}")


def test_no_command_claims_to_restore_a_build_that_no_index_has() -> None:
    where = holding("2.6.0a0+df5bbc09.nv24.11", card("V100"))
    where = replace(
        where, software=replace(where.software, torch=Torch(version="2.6.0a0+df5bbc09.nv24.11", build="cpu"))
    )
    made = plan(where, "torch")
    assert not [step.undo for environment in made.environments for step in environment.steps if step.undo]
    assert "2.6.0a0+df5bbc09.nv24.11 is on no package index" in changes(made)


def test_what_may_be_put_back_may_break_others() -> None:
    """vLLM resolved to an older transformers than the one that is there."""
    there = {"transformers": "5.23.0", "mylib": "1.0"}
    where = holding("2.14.0+cu130", card("H100"), requires={"mylib": "transformers>=5.22"}, **there)
    made = plan(where, "vllm")
    assert "mylib 1.0 may stop working: it needs transformers>=5.22, and gets 5." in changes(made)
    assert any("may break, mylib 1.0" in note for note in made.notes)
