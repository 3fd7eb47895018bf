"""What a plan changes in an existing environment: each change is listed, with the commands that undo it."""

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
    request = TierRequest(libraries=names, specifiers=specifiers or {})
    return plan_installation("x", list(names), where, KNOWLEDGE, PlanOptions(**options), request)


def steps(made: Plan) -> list[Step]:
    return [step for environment in made.environments for step in environment.steps if step.requirements]


def machine_with(build: str, version: str, *gpus: Any, present: tuple[str, ...] = (), **versions: str) -> Machine:
    """A machine whose environment has this torch and these packages."""
    there = packages(torch=version.partition("+")[0], **versions)
    return machine(
        *(gpus or (card("H100"),)), software=there, torch=Torch(version=version, build=build), present=present
    )


def test_replacing_an_old_torch_also_replaces_its_companion() -> None:
    where = machine_with("cu128", "2.10.0+cu128", torchvision="0.25.0")
    (step,) = steps(plan(where, "torch", specifiers={"torch": ">=2.14"}))
    assert [Requirement(each).name for each in step.requirements] == ["torch", "torchvision"]
    assert any(each.startswith("torch 2.10.0 is replaced") for each in step.changes)
    assert not any("torchaudio" in each for each in step.changes)
    assert any(each.startswith("torchvision 0.25.0 is replaced") for each in step.changes)
    assert shlex.split(step.undo or "")[-2:] == [
        "torch==2.10.0",
        "torchvision==0.25.0",
    ]  # PyPI's own builds are for cu128


def test_companions_are_replaced_with_a_torch_that_cannot_use_the_gpus() -> None:
    where = machine_with("cpu", "2.15.0+cpu", torchvision="0.29.2+cpu", torchaudio="2.11.0+cpu", flash_attn="2.8.3")
    (step,) = steps(plan(where, "torch"))
    names = [Requirement(each).name for each in step.requirements]
    assert names == ["torch", "torchvision", "torchaudio"]
    assert Requirement(step.requirements[0]).specifier.contains("2.14.1")  # torchaudio's newest
    assert not Requirement(step.requirements[0]).specifier.contains("2.15.0")
    noted = "\n".join(step.changes)
    for name, version in zip(names, ("2.15.0", "0.29.2+cpu", "2.11.0+cpu"), strict=True):
        assert f"{name} {version}" in noted
    assert "flash-attn 2.8.3 stays, but was compiled against the previous torch" in noted
    back = shlex.split(step.undo or "")
    assert {"torch==2.15.0+cpu", "torchvision==0.29.2+cpu", "torchaudio==2.11.0+cpu", "--force-reinstall"} <= set(back)
    assert back[-2:] == ["--index-url", "https://download.pytorch.org/whl/cpu"]


def test_the_test_of_the_gpu_names_the_torch_after_the_change() -> None:
    where = machine_with("cu132", "2.15.0+cu132", torchvision="0.29.2")
    made = plan(where, "torchaudio")
    (step,) = steps(made)
    assert [each.split(" ")[0] for each in step.changes] == ["torch"]  # this torchvision works with both
    assert "torchaudio does not import with it" in step.changes[0]
    proof = next(each for each in made.environments[0].steps if each.kind == "verify")
    assert proof.expect == "a version ==2.14.1, and True"
    assert proof.reason == "torch sees the GPU and computes on it"


def test_a_package_compiled_for_the_old_torch_is_named() -> None:
    where = machine_with("cpu", "2.10.0+cpu", xformers="0.0.35")
    (step,) = steps(plan(where, "torch"))
    assert any("xformers 0.0.35 stays, but xFormers is made for torch 2.10" in each for each in step.changes)


def test_installing_a_companion_keeps_the_installed_torch() -> None:
    where = machine_with("cu128", "2.10.0+cu128")
    (step,) = steps(plan(where, "torchvision"))
    assert step.requirements == ("torchvision==0.25.*",)
    assert (step.changes, step.undo, step.index_url) == ((), None, None)
    newest_with_audio = machine_with("cu130", "2.14.1+cu130")
    (step,) = steps(plan(newest_with_audio, "torchaudio"))
    assert [Requirement(each).name for each in step.requirements] == ["torchaudio"]
    assert step.changes == ()


@pytest.mark.parametrize("name", ["vllm", "sglang"])
def test_the_note_of_an_engine_lists_all_that_it_may_replace(name: str) -> None:
    where = machine_with(
        "cpu", "2.15.0+cpu", torchvision="0.29.2+cpu", transformers="5.23.0", huggingface_hub="2.4.0", click="7.0"
    )
    (step,) = [each for each in steps(plan(where, name)) if any(text.startswith(name) for text in each.requirements)]
    noted = "\n".join(step.changes)
    assert "torch 2.15.0+cpu is replaced" in noted
    assert "transformers 5.23.0 (" in noted
    assert "click 7.0 (" in noted
    back = shlex.split(step.undo or "")
    assert {"torch==2.15.0+cpu", "transformers==5.23.0", "click==7.0"} <= set(back)
    assert back[-2:] == ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]


def test_a_rollback_from_two_indexes_lets_uv_use_both() -> None:
    where = machine_with("cpu", "2.15.0+cpu", present=("uv",), numpy="2.4.6")
    undo = [each.undo for each in steps(plan(where, "vllm")) if each.undo]
    assert any("--index-strategy unsafe-best-match" in each for each in undo)


def test_packages_that_the_installer_keeps_are_not_listed_as_changed() -> None:
    where = machine(software=packages(numpy="2.0.0", torch="2.15.0"), torch=Torch(version="2.15.0+cpu", build="cpu"))
    (step,) = steps(plan(where, "peft", "transformers", "accelerate"))
    assert step.changes == ()
    assert step.undo is None


def test_a_dependency_newer_than_the_library_was_resolved_with_may_be_replaced() -> None:
    where = machine(software=packages(huggingface_hub="99.0"))
    (step,) = steps(plan(where, "transformers"))
    assert any("huggingface-hub 99.0 (" in each for each in step.changes)
    assert "huggingface-hub==99.0" in (step.undo or "")


def test_build_dependencies_that_are_too_old_are_listed_too() -> None:
    where = machine_with("cu132", "2.15.0+cu132", setuptools="65.5.0", present=("cc", "nvcc"))
    noted = [each for step in steps(plan(where, "flash-attn")) for each in step.changes]
    assert any(each.startswith("setuptools 65.5.0 is replaced") for each in noted)


def test_replacing_a_package_outside_the_catalogue_is_noted() -> None:
    where = machine(software=packages(our_own="1.0"))
    made = plan_installation("x", [], where, KNOWLEDGE, tier=TierRequest(uncatalogued=("our-own>=1.2",)))
    (step,) = steps(made)
    assert step.changes == ("our-own 1.0 is replaced: our-own>=1.2 is needed",)
    assert "our-own==1.0" in (step.undo or "")


def without_modules(there: Machine, *importable: str) -> Machine:
    """The machine after files were deleted: only these modules are left."""
    return msgspec.structs.replace(there, software=msgspec.structs.replace(there.software, importable=importable))


def test_a_torch_with_missing_files_is_reinstalled_with_its_companions() -> None:
    there = machine_with("cpu", "2.14.1+cpu", torchvision="0.29.2+cpu", transformers="5.23.0")
    there = msgspec.structs.replace(there, gpus=(), drivers={})  # without a GPU a CPU build is right
    (again,) = steps(plan(without_modules(there, "torchvision", "transformers"), "torch"))
    assert [Requirement(each).name for each in again.requirements] == ["torch", "torchvision"]
    assert "torch 2.14.1+cpu is replaced: its files are missing" in again.changes
    (again,) = steps(plan(without_modules(there, "torch", "transformers"), "torchvision"))
    assert again.requirements == ("torchvision==0.29.2+cpu",)
    assert again.index_url == "https://download.pytorch.org/whl/cpu"


def test_a_library_with_missing_files_is_reinstalled_in_the_same_version() -> None:
    made = plan(without_modules(machine(software=packages(transformers="5.23.0")), "wandb"), "transformers")
    assert made.satisfied == ()
    (step,) = steps(made)
    assert step.requirements == ("transformers==5.23.0",)
    assert {"--force-reinstall", "--no-deps"} <= set(step.argv)


def test_an_installed_version_older_than_the_checked_one_is_noted() -> None:
    where = machine_with("cu132", "2.15.0+cu132", vllm="0.10.0")
    made = plan(where, "vllm")
    assert made.satisfied == ("vllm",)
    assert any("vllm 0.10.0 is installed and stays; it is older than" in note for note in made.notes)


def test_an_existing_environment_is_not_assumed_to_be_empty() -> None:
    where = machine_with("cu132", "2.15.0+cu132", transformers="5.23.0")
    made = plan(where, "torch", "transformers", "wandb", venv="/srv/project/.venv", venv_is_judged=True)
    assert set(made.satisfied) == {"torch", "transformers"}
    assert [each.folder for each in made.environments] == [None]


def test_the_packages_beside_it_are_listed_after_it() -> None:
    made = plan(machine(card("H100")), "wandb", "helm", venv="serve", venv_is_judged=True)
    assert [each.folder for each in made.environments] == [None, "serve-helm"]


def test_a_release_newer_than_the_table_is_kept() -> None:
    where = machine(software=packages(packaging="26.99", pyyaml="6.99"))
    (step,) = steps(plan(where, "transformers"))
    assert (step.changes, step.undo) == ((), None)
