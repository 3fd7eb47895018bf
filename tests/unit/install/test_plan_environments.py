"""Which environment a plan installs into, with which installer, and what it replaces there."""

from __future__ import annotations

from packaging.requirements import Requirement

from llmcheck.schema.machine import Torch
from tests.machines_builder import card, machine, packages, python
from tests.unit.install.test_plan import plan, plan_of_tier, remarks, without_proof, words


def test_the_folder_of_the_environment_is_made_first() -> None:
    (environment,) = plan(machine(), "transformers", venv="serve").environments
    assert environment.steps[0].argv == ("/srv/project/.venv/bin/python", "-m", "venv", "serve")
    assert environment.python == "serve/bin/python"


def test_a_folder_that_looks_like_an_option_is_passed_as_a_path() -> None:
    (environment,) = plan(machine(), "transformers", venv="-rf").environments
    assert environment.steps[0].argv[-1] == "./-rf"


def test_nothing_is_installed_in_a_new_environment() -> None:
    where = machine(software=packages(torch="2.15.0"), torch=Torch(version="2.15.0+cpu", build="cpu"))
    made = plan(where, "torch", "transformers", venv="serve")
    assert made.satisfied == ()
    assert any(word.startswith("torch") for word in words(made))


def test_an_old_python_leads_to_an_environment_with_a_newer_one() -> None:
    made = plan(machine(interpreter=python(version="3.9.19")), "transformers")
    first = made.environments[0].steps[0]
    assert list(first.argv[:2]) == ["uv", "venv"]
    assert "3.12" in first.argv
    assert "needs Python 3.1" in first.reason


def test_uv_is_used_where_it_is_on_path_unless_pip_is_requested() -> None:
    where = machine(present=["uv"])
    assert words(plan(where, "transformers"))[:3] == ["uv", "pip", "install"]
    assert words(plan(where, "transformers", installer="pip"))[1:4] == ["-m", "pip", "install"]


def test_the_pip_of_a_conda_environment_is_used_and_noted() -> None:
    made = plan(machine(interpreter=python(environment="conda"), present=["conda", "uv"]), "transformers")
    assert words(made)[1:4] == ["-m", "pip", "install"]
    assert "pip in a conda environment" in remarks(made)


def test_a_conda_environment_is_made_on_request() -> None:
    (environment,) = plan(machine(present=["conda"]), "transformers", installer="conda").environments
    assert environment.steps[0].argv[:2] == ("conda", "create")
    assert environment.steps[1].argv[:4] == (".venv/bin/python", "-m", "pip", "install")


def test_libraries_with_conflicting_pins_get_named_environments() -> None:
    made = plan(machine(card("H100")), "vllm", "sglang")
    assert [each.name for each in made.environments] == ["shared", "sglang"]
    assert "cannot share" in (made.environments[1].reason or "")
    assert [each.libraries[-1] for each in made.environments] == ["vllm", "sglang"]


def test_a_library_is_not_installed_beside_one_that_it_conflicts_with() -> None:
    where = machine(card("H100"), software=packages(sglang="0.5.23"))
    (environment,) = plan(where, "vllm").environments
    assert environment.name == "vllm"


def test_a_torch_that_cannot_use_the_gpus_is_replaced_with_rollback_commands() -> None:
    where = machine(card("H100"), software=packages(torch="2.15.0"), torch=Torch(version="2.15.0+cpu", build="cpu"))
    (step,) = without_proof(plan(where, "torch"))
    assert "--force-reinstall" in step.argv
    assert "CPU build" in step.changes[0]
    assert step.undo is not None
    assert "torch==2.15.0" in step.undo
    assert "whl/cpu" in step.undo


def test_a_version_that_the_tier_does_not_accept_is_replaced_with_rollback_commands() -> None:
    where = machine(card("H100"), software=packages(torch="2.15.0", transformers="4.30.2", vllm="0.32.0"))
    made = plan_of_tier("inference-7b", where)
    (step,) = [each for each in without_proof(made) if each.requirements]
    assert [Requirement(each).name for each in step.requirements] == ["transformers"]
    assert "transformers 4.30.2 is replaced" in step.changes[0]
    assert "transformers==4.30.2" in (step.undo or "")
