"""Compilers that libraries call when they run, and cards that they do not support."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.gpus import torch_support
from llmcheck.install.plan import plan_installation
from llmcheck.install.run_time import with_problems
from llmcheck.schema.machine import Gpu, Machine, Problem, Torch
from tests.machines_builder import card, machine, packages, python

TABLES = catalog.tables()


def problems(where: Machine) -> list[Problem]:
    where = torch_support.with_problems(where, TABLES.wheels, TABLES.drivers)
    found = with_problems(where, catalog.libraries, catalog.cuda_drivers).problems
    return [each for each in found if each.package]


def holding(
    *gpus: Gpu, headers: bool | None = True, cc: bool = True, driver: str = "580.95.05", **versions: str
) -> Machine:
    torch = versions.pop("torch", "2.14.0+cu130")
    there = Torch(version=torch, build=torch.partition("+")[2])
    present = ["cc"] if cc else []
    where = python(headers=headers)
    found = packages(torch=torch, **versions)
    return machine(*gpus, software=found, torch=there, present=present, interpreter=where, driver=driver)


@pytest.mark.parametrize("name", ["vllm", "sglang", "unsloth"])
@pytest.mark.parametrize(("cc", "headers", "lacks"), [(False, True, "cc"), (True, False, "Python.h")])
def test_an_engine_without_the_compiler_that_it_calls_does_not_work(
    name: str, cc: bool, headers: bool, lacks: str
) -> None:
    (found,) = problems(holding(card("H100"), cc=cc, headers=headers, **{name: "1.0"}))
    assert (found.package, found.breaks_package, found.code) == (name, True, "run-time-compiler")
    assert lacks in found.message
    assert "apt install" in (found.remedy or "")


@pytest.mark.parametrize(
    "where",
    [
        holding(card("H100"), vllm="0.33.0"),
        holding(card("H100"), headers=None, vllm="0.33.0"),
        holding(cc=False, vllm="0.33.0"),
        holding(card("H100"), cc=False, transformers="5.20.2"),
        holding(card("H100"), cc=False, deepspeed="0.19.8"),
    ],
    ids=["all is there", "not looked for", "no GPU", "compiles nothing", "only some functions"],
)
def test_no_problem(where: Machine) -> None:
    assert problems(where) == []


def test_what_is_not_known_is_no_problem() -> None:
    where = holding(card("H100"), cc=False, vllm="0.33.0")
    assert problems(replace(where, software=replace(where.software, tools=None))) == []


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (holding(card("V100"), torch="2.11.0+cu130", vllm="0.24.0"), "compute capability 7.5"),
        (holding(card("H100"), torch="2.11.0+cu130", driver="570.124.06", vllm="0.24.0"), "driver 580"),
    ],
)
def test_an_engine_that_cannot_run_on_this_card_or_driver_is_broken(where: Machine, says: str) -> None:
    (found,) = problems(where)
    assert (found.package, found.breaks_package, found.code) == ("vllm", True, "unusable-here")
    assert says in found.message


def test_a_later_call_replaces_the_problems() -> None:
    where = holding(card("H100"), cc=False, vllm="0.33.0")
    once = with_problems(where, catalog.libraries, catalog.cuda_drivers)
    assert with_problems(once, catalog.libraries, catalog.cuda_drivers) == once


@pytest.mark.parametrize(("name", "lacks"), [("vllm", "Python.h"), ("deepspeed", "nvcc and ninja")])
def test_a_plan_says_what_will_be_missing(name: str, lacks: str) -> None:
    where = machine(card("H100"), interpreter=python(headers=False), present=["cc"])
    tools = [*(where.software.tools or ())]
    tools += [replace(tools[0], name="ninja", path=None)]
    where = replace(where, software=replace(where.software, tools=tuple(tools)))
    assert any(lacks in note for note in plan_installation("x", [name], where, TABLES).notes)
