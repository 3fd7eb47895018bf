"""What a plan changes of an environment that is there: nothing silently, and with the way back."""

from __future__ import annotations

import shlex
from typing import Any

import msgspec
import pytest
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.install.choose import TierRequest
from llmcheck.install.plan import plan_installation
from llmcheck.install.target import PlanOptions
from llmcheck.schema.advice import Plan, Step
from llmcheck.schema.machine import Machine, Torch
from tests.machines_builder import card, machine, packages

KNOWLEDGE = catalog.tables()


def plan(where: Machine, *names: str, specifiers: dict[str, str] | None = None, **options: Any) -> Plan:
    asked = TierRequest(libraries=names, specifiers=specifiers or {})
    return plan_installation("x", list(names), where, KNOWLEDGE, PlanOptions(**options), asked)


def steps(made: Plan) -> list[Step]:
    return [step for environment in made.environments for step in environment.steps if step.requirements]


def holding(build: str, version: str, *gpus: Any, present: tuple[str, ...] = (), **versions: str) -> Machine:
    """A machine whose environment holds this torch and these packages."""
    there = packages(torch=version.partition("+")[0], **versions)
    return machine(
        *(gpus or (card("H100"),)), software=there, torch=Torch(version=version, build=build), present=present
    )


def test_a_torch_that_a_tier_finds_too_old_is_said_to_be_replaced_with_its_companion() -> None:
    where = holding("cu128", "2.10.0+cu128", torchvision="0.25.0")
    (step,) = steps(plan(where, "torch", specifiers={"torch": ">=2.14"}))
    assert [Requirement(each).name for each in step.requirements] == ["torch", "torchvision"]
    assert any(each.startswith("torch 2.10.0 is replaced") for each in step.changes)
    assert any(each.startswith("torchvision 0.25.0 is replaced") for each in step.changes)
    assert shlex.split(step.undo or "")[-2:] == ["torch==2.10.0", "torchvision==0.25.0"]  # PyPI's own are of cu128


def test_companions_move_with_a_torch_that_cannot_use_the_gpus() -> None:
    where = holding("cpu", "2.15.0+cpu", torchvision="0.29.2+cpu", torchaudio="2.11.0+cpu", flash_attn="2.8.3")
    (step,) = steps(plan(where, "torch"))
    names = [Requirement(each).name for each in step.requirements]
    assert names == ["torch", "torchvision", "torchaudio"]
    assert Requirement(step.requirements[0]).specifier.contains(
        "2.14.1"
    )  # beside newer ones torchaudio does not import
    assert not Requirement(step.requirements[0]).specifier.contains("2.15.0")
    told = "\n".join(step.changes)
    for name, version in zip(names, ("2.15.0", "0.29.2+cpu", "2.11.0+cpu"), strict=True):
        assert f"{name} {version}" in told
    assert "flash-attn 2.8.3 stays, but was compiled against the previous torch" in told
    back = shlex.split(step.undo or "")
    assert {"torch==2.15.0+cpu", "torchvision==0.29.2+cpu", "torchaudio==2.11.0+cpu", "--force-reinstall"} <= set(back)
    assert back[-2:] == ["--index-url", "https://download.pytorch.org/whl/cpu"]


def test_the_proof_names_the_torch_that_is_there_then() -> None:
    where = holding("cu132", "2.15.0+cu132", torchvision="0.29.2")
    made = plan(where, "torchaudio")
    (step,) = steps(made)
    assert [each.split(" ")[0] for each in step.changes] == ["torch"]  # that torchvision goes with both
    proof = next(each for each in made.environments[0].steps if each.kind == "verify")
    assert proof.expect == "a version ==2.14.1, and True"
    assert proof.reason == "torch sees the GPU and computes on it"


def test_a_package_that_is_made_for_the_torch_of_before_is_named() -> None:
    where = holding("cpu", "2.10.0+cpu", xformers="0.0.35")
    (step,) = steps(plan(where, "torch"))
    assert any("xformers 0.0.35 stays, but xFormers is made for torch 2.10" in each for each in step.changes)


def test_a_companion_alone_leaves_the_installed_torch_where_it_is() -> None:
    where = holding("cu128", "2.10.0+cu128")
    (step,) = steps(plan(where, "torchvision"))
    assert step.requirements == ("torchvision==0.25.*",)
    assert (step.changes, step.undo, step.index_url) == ((), None, None)


@pytest.mark.parametrize("name", ["vllm", "sglang"])
def test_an_engine_that_pins_much_says_all_that_it_may_replace(name: str) -> None:
    where = holding(
        "cpu", "2.15.0+cpu", torchvision="0.29.2+cpu", transformers="5.23.0", huggingface_hub="2.4.0", click="7.0"
    )
    (step,) = [each for each in steps(plan(where, name)) if any(text.startswith(name) for text in each.requirements)]
    told = "\n".join(step.changes)
    assert "torch 2.15.0+cpu is replaced" in told
    assert "transformers 5.23.0 (" in told
    assert "click 7.0 (" in told
    back = shlex.split(step.undo or "")
    assert {"torch==2.15.0+cpu", "transformers==5.23.0", "click==7.0"} <= set(back)
    assert back[-2:] == ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]


def test_the_way_back_over_two_indexes_lets_uv_look_into_both() -> None:
    where = holding("cpu", "2.15.0+cpu", present=("uv",), numpy="2.4.6")
    undo = [each.undo for each in steps(plan(where, "vllm")) if each.undo]
    assert any("--index-strategy unsafe-best-match" in each for each in undo)


def test_what_an_installer_leaves_alone_is_not_said_to_change() -> None:
    where = machine(software=packages(numpy="2.0.0", torch="2.15.0"), torch=Torch(version="2.15.0+cpu", build="cpu"))
    (step,) = steps(plan(where, "peft", "transformers", "accelerate"))
    assert step.changes == ()
    assert step.undo is None


def test_a_dependency_newer_than_the_library_was_resolved_with_may_be_replaced() -> None:
    where = machine(software=packages(huggingface_hub="99.0"))
    (step,) = steps(plan(where, "transformers"))
    assert any("huggingface-hub 99.0 (" in each for each in step.changes)
    assert "huggingface-hub==99.0" in (step.undo or "")


def test_what_a_build_finds_too_old_is_told_too() -> None:
    where = holding("cu132", "2.15.0+cu132", setuptools="65.5.0", present=("cc", "nvcc"))
    told = [each for step in steps(plan(where, "flash-attn")) for each in step.changes]
    assert any(each.startswith("setuptools 65.5.0 is replaced") for each in told)


def test_a_package_outside_the_catalogue_is_replaced_with_a_word() -> None:
    where = machine(software=packages(our_own="1.0"))
    made = plan_installation("x", [], where, KNOWLEDGE, tier=TierRequest(uncatalogued=("our-own>=1.2",)))
    (step,) = steps(made)
    assert step.changes == ("our-own 1.0 is replaced: our-own>=1.2 is needed",)
    assert "our-own==1.0" in (step.undo or "")


def without_modules(there: Machine, *importable: str) -> Machine:
    """As after files were deleted: of all modules only these are left."""
    return msgspec.structs.replace(there, software=msgspec.structs.replace(there.software, importable=importable))


def test_a_torch_whose_files_are_gone_is_installed_anew_with_what_belongs_to_it() -> None:
    there = holding("cpu", "2.14.1+cpu", torchvision="0.29.2+cpu", transformers="5.23.0")
    there = msgspec.structs.replace(there, gpus=(), drivers={})  # no GPU: a CPU build is right
    (again,) = steps(plan(without_modules(there, "torchvision", "transformers"), "torch"))
    assert [Requirement(each).name for each in again.requirements] == ["torch", "torchvision"]
    assert "torch 2.14.1+cpu is replaced: its files are missing" in again.changes
    (again,) = steps(plan(without_modules(there, "torch", "transformers"), "torchvision"))
    assert again.requirements == ("torchvision==0.29.2+cpu",)
    assert again.index_url == "https://download.pytorch.org/whl/cpu"


def test_a_library_whose_files_are_gone_is_put_back_in_the_same_release() -> None:
    made = plan(without_modules(machine(software=packages(transformers="5.23.0")), "wandb"), "transformers")
    assert made.satisfied == ()
    (step,) = steps(made)
    assert step.requirements == ("transformers==5.23.0",)
    assert {"--force-reinstall", "--no-deps"} <= set(step.argv)


def test_an_installed_release_that_is_older_than_what_was_checked_is_told() -> None:
    where = holding("cu132", "2.15.0+cu132", vllm="0.10.0")
    made = plan(where, "vllm")
    assert made.satisfied == ("vllm",)
    assert any("vllm 0.10.0 is installed and stays; it is older than" in note for note in made.notes)


def test_an_environment_that_is_there_is_not_taken_to_be_empty() -> None:
    where = holding("cu132", "2.15.0+cu132", transformers="5.23.0")
    made = plan(where, "torch", "transformers", "wandb", venv="/srv/project/.venv", venv_is_judged=True)
    assert set(made.satisfied) == {"torch", "transformers"}
    assert [each.folder for each in made.environments] == [None]


def test_its_neighbours_are_named_after_it() -> None:
    made = plan(machine(card("H100")), "wandb", "helm", venv="serve", venv_is_judged=True)
    assert [each.folder for each in made.environments] == [None, "serve-helm"]


def test_a_release_that_came_out_since_is_left_alone() -> None:
    where = machine(software=packages(packaging="26.99", pyyaml="6.99"))
    (step,) = steps(plan(where, "transformers"))
    assert (step.changes, step.undo) == ((), None)
