"""Pythons from 3.9 to 3.15, other implementations, free-threaded builds: which environment a plan makes, and why."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck import catalog
from llmcheck.install.plan import plan_installation
from llmcheck.schema.advice import Plan
from tests.machines_builder import card, machine, python

TABLES = catalog.tables()


def plan(*names: str, **about: Any) -> Plan:
    where = machine(card("H100"), interpreter=python(**about), present=["uv"])
    return plan_installation("x", list(names), where, TABLES)


@pytest.mark.parametrize(
    ("version", "name", "stays"),
    [
        ("3.9.19", "torch", False),
        ("3.10.14", "vllm", False),
        ("3.11.9", "vllm", True),
        ("3.14.0", "vllm", True),
        ("3.15.0", "vllm", False),
        ("3.15.0", "torch", True),
        ("3.16.0", "torch", False),
    ],
)
def test_the_python_that_a_plan_takes(version: str, name: str, stays: bool) -> None:
    made = plan(name, version=version)
    (environment,) = made.environments
    assert made.left_out == ()
    assert (environment.folder is None) is stays
    if not stays:
        assert f"is {version}" in environment.steps[0].reason
        assert environment.steps[0].argv[:2] == ("uv", "venv")


@pytest.mark.parametrize("implementation", ["pypy", "graalpy"])
@pytest.mark.parametrize("name", ["torch", "transformers", "vllm"])
def test_what_has_wheels_for_cpython_only_gets_one(implementation: str, name: str) -> None:
    (environment,) = plan(name, version="3.11.13", implementation=implementation).environments
    assert environment.folder == ".venv-3.12" or environment.folder == ".venv"
    assert "CPython only" in environment.steps[0].reason
    assert environment.python_version == "3.12"


def test_a_free_threaded_python_stays_for_what_has_wheels_for_it() -> None:
    (environment,) = plan("torch", version="3.14.0", free_threaded=True).environments
    assert environment.folder is None
    (environment,) = plan("ray", version="3.14.0", free_threaded=True).environments
    assert environment.folder is not None
    assert "no wheels for free-threaded Python" in environment.steps[0].reason


def test_an_intel_mac_has_the_last_torch_that_was_made_for_it() -> None:
    where = machine(system="darwin", architecture="x86_64", os_version="15.1", interpreter=python(version="3.12.4"))
    made = plan_installation("x", ["torch"], where, TABLES)
    (step,) = [step for each in made.environments for step in each.steps if step.kind == "install"]
    assert step.requirements == ("torch==2.2.2",)
    refused = plan_installation("x", ["vllm"], where, TABLES)
    assert "has no release for macos-x86_64" in refused.left_out[0].reason


@pytest.mark.parametrize("name", ["vllm", "sglang"])
def test_what_has_no_release_for_windows_is_refused(name: str) -> None:
    where = machine(card("RTX 4090"), system="windows", architecture="AMD64")
    (left,) = plan_installation("x", [name], where, TABLES).left_out
    assert "has no release for windows-amd64" in left.reason
    assert "WSL2" in left.reason
