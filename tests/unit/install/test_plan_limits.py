"""What a plan leaves out, what must be done first, and which Python and build of PyTorch it chooses.

Expectations: the tables of torch's wheels and of CUDA's drivers (2026-11-22), the projects' own statements of compute
capability (bitsandbytes 0.50: 6.0; vLLM: 7.5), JetPack 6's Python 3.10, PyPI's metadata of the packages.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.install.choose import TierRequest, missing_libraries, named
from llmcheck.install.plan import plan_installation
from llmcheck.install.target import PlanOptions
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.advice import Plan
from llmcheck.schema.machine import CudaToolkit, Gpu, Machine, Os, Tool, Torch
from tests.machines_builder import amd, card, machine, packages, python

KNOWLEDGE = catalog.tables()
UBUNTU = "Ubuntu 24.04.3 LTS"


def plan(where: Machine, *names: str, specifiers: dict[str, str] | None = None, **options: Any) -> Plan:
    request = TierRequest(libraries=names, specifiers=specifiers or {})
    return plan_installation("x", list(names), where, KNOWLEDGE, PlanOptions(**options), request)


def of_tier(tier: str, where: Machine) -> Plan:
    profile = profiles.load(tier)
    wanted = missing_libraries(evaluate(profile, where).findings, where, KNOWLEDGE, profile)
    return plan_installation(tier, wanted.libraries, where, KNOWLEDGE, tier=wanted)


def commands(made: Plan) -> str:
    return "\n".join(step.command for environment in made.environments for step in environment.steps)


def left_out(made: Plan) -> dict[str, str]:
    return {each.library: each.reason for each in made.left_out}


def linux(*gpus: Gpu, distribution: str = UBUNTU, libc: str = "glibc 2.39", **more: Any) -> Machine:
    system = {name: more.pop(name) for name in ("wsl", "container") if name in more}
    architecture = more.pop("architecture", "x86_64")
    where = Os(system="linux", architecture=architecture, libc=libc, distribution=distribution, **system)
    return machine(*gpus, os=where, **more)


def orin(version: str) -> Machine:
    gpu = card("H100", compute_capability="8.7", name="Orin", unified=True)
    return linux(gpu, architecture="aarch64", driver="540.4.0", libc="glibc 2.35", interpreter=python(version=version))


# --- requested versions


@pytest.mark.parametrize(
    ("where", "specifier", "takes", "index"),
    [
        (machine(card("RTX 4090")), "<2.6", "2.5.1", None),
        (machine(card("RTX 5090")), "<2.9", "2.8.0", None),
        (machine(card("V100")), ">=2.10", "2.14.1", "https://download.pytorch.org/whl/cu126"),
        (machine(card("V100")), "<2.10", "2.9.1", None),
        (machine(card("V100"), driver="470.256.02"), "<2.10", "2.7.1", "https://download.pytorch.org/whl/cu118"),
        (machine(amd(gfx="gfx942")), ">=2.10", "2.13.0", "https://download.pytorch.org/whl/rocm7.2"),
        (machine(card("H100")), ">=2.16", "2.16.0", None),
    ],
)
def test_the_build_has_the_requested_version(where: Machine, specifier: str, takes: str, index: str | None) -> None:
    made = plan(where, "torch", specifiers={"torch": specifier})
    (step,) = [each for environment in made.environments for each in environment.steps if each.requirements]
    accepted = Requirement(step.requirements[0]).specifier
    assert accepted.contains(takes)
    assert step.index_url == index
    # the strictest of several bounds, once
    assert len({each.operator for each in accepted}) == len(list(accepted))


@pytest.mark.parametrize(
    ("where", "specifier"),
    [
        (machine(card("V100")), ">=2.15"),
        (machine(amd(gfx="gfx942")), ">=2.15"),
        (machine(card("RTX 5090")), "<2.7"),
        (machine(), ">=2.14,<2.13"),
    ],
)
def test_a_torch_that_is_not_available_is_left_out_with_the_reason(where: Machine, specifier: str) -> None:
    made = plan(where, "torch", "peft", specifiers={"torch": specifier})
    assert "torch" not in commands(made)
    assert specifier in left_out(made)["torch"]
    assert "needs PyTorch" in left_out(made)["peft"]


def test_a_version_older_than_all_checked_ones_has_no_lowest_version() -> None:
    made = plan(machine(), "wandb", specifiers={"wandb": "<0.10"})
    assert "'wandb<0.10'" in commands(made)
    assert any("wandb<0.10 has no lower bound" in note for note in made.notes)


def test_conflicting_specifiers_are_not_printed() -> None:
    made = plan(machine(), "wandb", specifiers={"wandb": ">=5,<4"})
    assert (commands(made), list(left_out(made))) == ("", ["wandb"])


def test_a_package_of_a_tier_gets_a_resolved_lowest_version_and_a_test() -> None:
    made = plan_installation("x", [], machine(), KNOWLEDGE, tier=TierRequest(uncatalogued=("numpy", "our-own")))
    (step,) = [each for each in made.environments[0].steps if each.requirements]
    assert [text.split(">=")[0] for text in step.requirements] == ["numpy", "our-own"]
    assert Requirement(step.requirements[0]).specifier
    assert any("our-own has no lower bound" in note for note in made.notes)
    (proof,) = [each for each in made.environments[0].steps if each.kind == "verify"]
    assert proof.argv[-2:] == ("numpy", "our-own")


# --- what cannot work


def test_without_any_release_of_torch_nothing_that_needs_it_is_planned() -> None:
    made = plan(linux(libc="musl 1.2.5", distribution="Alpine Linux v3.22"), "torch", "accelerate", "transformers")
    assert set(left_out(made)) == {"torch", "accelerate"}
    assert "musl" in left_out(made)["accelerate"]
    assert "torch" not in commands(made).replace("pytorch", "")


def test_an_intel_mac_gets_the_python_that_its_last_torch_needs() -> None:
    where = machine(
        system="darwin", architecture="x86_64", os_version="14.6", interpreter=python(version="3.13.1"), present=["uv"]
    )
    (environment,) = plan(where, "torch").environments
    assert environment.steps[0].argv[:2] == ("uv", "venv")
    assert environment.python_version == "3.12"
    assert "needs Python below 3.13" in environment.steps[0].reason


@pytest.mark.parametrize("where", [orin("3.10.12"), machine(card("GTX 980"))], ids=["Orin", "GTX 980"])
def test_bitsandbytes_is_left_out_where_its_kernels_do_not_run(where: Machine) -> None:
    made = plan(where, "bitsandbytes")
    assert list(left_out(made)) == ["bitsandbytes"]


@pytest.mark.parametrize("version", ["3.10.12", "3.12.4"])
def test_on_a_jetson_the_torch_that_fits_decides_the_python(version: str) -> None:
    made = of_tier("inference-7b", orin(version))
    shared = made.environments[0]
    assert numbers(shared.python_version) == (3, 10)
    assert version == "3.10.12" or "PyTorch can use the GPUs with Python 3.10" in shared.steps[0].reason
    assert "pypi.jetson-ai-lab.io" in commands(made)
    assert "needs Python 3.11 or newer" in left_out(made)["transformers"]
    assert "PyTorch" in left_out(made)["transformers"]


def numbers(version: str | None) -> tuple[int, ...]:
    return tuple(map(int, (version or "0").split(".")[:2]))


def test_a_python_that_is_too_old_does_not_decide_the_engine() -> None:
    made = of_tier("inference-7b", machine(card("RTX 4090"), interpreter=python(version="3.9.19")))
    assert made.choices[0].chosen == "vLLM"
    assert made.environments[0].python_version == "3.12"


# --- drivers


def test_a_library_that_only_needs_a_newer_driver_shows_the_remedy() -> None:
    made = plan(linux(card("H100"), driver="535.183.01"), "vllm")
    assert "needs NVIDIA driver 580" in left_out(made)["vllm"]
    assert any("ubuntu-drivers" in step.command and step.root for step in made.system)
    assert any(step.reboot for step in made.system)


@pytest.mark.parametrize(("model", "driver"), [("RTX 5090", "550.54.15"), ("RTX 4090", "390.157")])
def test_a_driver_update_is_a_step_where_no_build_fits_the_gpu(model: str, driver: str) -> None:
    made = of_tier("inference-7b", linux(card(model), driver=driver))
    assert any("ubuntu-drivers" in step.command for step in made.system)


@pytest.mark.parametrize("driver", ["470.256.02", "535.183.01"])
def test_a_driver_too_old_for_the_newest_torch_is_noted(driver: str) -> None:
    made = of_tier("inference-7b", linux(card("RTX 4090"), driver=driver))
    assert made.system == () or not any(step.reboot for step in made.system)
    assert any(driver in line and "580" in line for line in made.first)


def test_under_wsl_the_driver_of_windows_comes_first() -> None:
    made = plan(linux(card("RTX 5090"), driver="550.54.15", wsl=2), "torch")
    assert any("Windows" in line for line in made.first)
    assert made.system == ()


# --- several cards


def test_cards_that_an_engine_cannot_use_are_hidden_from_it() -> None:
    made = of_tier("inference-7b", machine(card("V100"), card("RTX 5090", 1)))
    (line,) = [note for note in made.notes if "CUDA_VISIBLE_DEVICES" in note]
    assert "RTX 5090" in line
    assert "CUDA_VISIBLE_DEVICES=1" in line


def test_the_test_of_the_gpu_computes_on_every_card() -> None:
    (proof,) = [step for step in plan(machine(card("H100")), "torch").environments[0].steps if step.kind == "verify"]
    assert "torch.ones(1).cuda(i) + 1" in proof.argv[-1]
    assert not set("\"'%!") & set(proof.argv[-1])  # characters that PowerShell and cmd do not pass on


def test_hidden_cards_are_noted() -> None:
    made = plan(machine(card("H100", visible=False)), "torch")
    assert made.torch is not None
    assert "CUDA_VISIBLE_DEVICES" in made.torch.reason


# --- compilers


def with_nvcc(version: str, *toolkits: CudaToolkit) -> Machine:
    where = machine(card("H100"), present=["cc", "nvcc"])
    tools = tuple(
        Tool(name=each.name, path=each.path, version=version if each.name == "nvcc" else None)
        for each in where.software.tools or ()
    )
    return msgspec.structs.replace(
        where, software=msgspec.structs.replace(where.software, tools=tools, cuda_toolkits=toolkits)
    )


def test_a_compiler_of_another_cuda_than_torchs_is_not_used() -> None:
    made = plan(with_nvcc("12.4.131"), "flash-attn")
    assert "CUDA 12.4" in left_out(made)["flash-attn"]
    assert "flash-attn" not in commands(made)


def test_the_toolkit_of_torchs_cuda_is_chosen() -> None:
    older, newer = (
        CudaToolkit(path="/usr/local/cuda-12.4", version="12.4"),
        CudaToolkit(path="/opt/cuda", version="13.0"),
    )
    made = plan(with_nvcc("12.4.131", older, newer), "flash-attn")
    assert left_out(made) == {}
    assert "CUDA_HOME=/opt/cuda" in commands(made)


def test_a_missing_compiler_is_installed_first() -> None:
    made = plan(linux(card("H100"), present=["cc"]), "flash-attn")
    assert any("nvcc" in line for line in made.first)


def test_a_package_is_compiled_for_the_installed_torch() -> None:
    there = Torch(version="2.10.0+cu128", build="cu128")
    where = machine(card("H100"), software=packages(torch="2.10.0"), torch=there)
    assert left_out(plan(where, "xformers")) == {}


# --- names and installers


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_a_library(name: str) -> None:
    assert named(name, KNOWLEDGE) is None


def test_uv_must_be_installed_where_it_is_requested() -> None:
    made = plan(linux(), "wandb", installer="uv")
    assert any("uv" in step.command and not step.root for step in made.system)
    assert all("uv" in step.requires for step in made.environments[0].steps if step.requirements)


def test_uv_installs_into_conda_on_request() -> None:
    where = machine(interpreter=python(environment="conda"), present=["conda", "uv"])
    assert "uv pip install --python" in commands(plan(where, "wandb", installer="uv"))


def test_the_command_of_a_note_is_quoted() -> None:
    where = machine(interpreter=python(environment="system", prefix="/usr"))
    (note,) = [each for each in plan(where, "wandb", venv="my env").notes if "--python" in each]
    assert "--python 'my env/bin/python'" in note


# --- what an engine pins


def test_the_pins_of_vllm_are_shown_with_its_version() -> None:
    (proof, *_) = [step for step in plan(machine(card("H100")), "vllm").environments[0].steps if step.kind == "verify"]
    vllm = KNOWLEDGE.libraries["vllm"]
    assert proof.expect == f"a version ({vllm.torch} with vLLM {vllm.version}), and True"


def test_the_pins_of_another_vllm_are_unknown() -> None:
    made = plan(machine(card("H100")), "vllm", specifiers={"vllm": "==0.10.0"})
    proof = next(step for step in made.environments[0].steps if step.kind == "verify")
    assert proof.expect == "a version, and True"


def test_no_environment_is_made_where_the_systems_python_has_all() -> None:
    owned = python(executable="/usr/bin/python3", prefix="/usr", environment="system", externally_managed=True)
    made = plan(machine(interpreter=owned, software=packages(wandb="0.31.0")), "wandb")
    assert (made.satisfied, made.environments) == (("wandb",), ())
