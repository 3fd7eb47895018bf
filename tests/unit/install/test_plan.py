"""The commands of a plan: in order, quoted, and only for packages that were requested and run on the machine."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from llmcheck import api, catalog
from llmcheck.catalog import profiles
from llmcheck.errors import DataError
from llmcheck.install.choose import TierRequest, missing_libraries
from llmcheck.install.plan import plan_installation
from llmcheck.install.target import PlanOptions
from llmcheck.judge.evaluate import evaluate
from llmcheck.render import Options, sh
from llmcheck.schema.advice import Plan, Step
from llmcheck.schema.machine import Driver, Machine, Package, Software, Torch, normalized_name
from tests.machines_builder import amd, card, cards, machine, packages, python

KNOWLEDGE = catalog.tables()
LIBRARIES = KNOWLEDGE.libraries
SYSTEM = python(executable="/usr/bin/python3", prefix="/usr", environment="system", externally_managed=True)
MACHINES: dict[str, Machine] = {
    "cpu": machine(),
    "system": machine(interpreter=SYSTEM),
    "rtx3060": machine(card("RTX 3060")),
    "old-driver": machine(card("H100"), driver="535.183.01"),
    "v100": machine(card("V100")),
    "8xh100": machine(*cards("H100", 8), present=["git", "docker", "nvcc"]),
    "mi300x": machine(amd()),
    "mac": machine(system="darwin", architecture="arm64"),
    "windows": machine(card("RTX 4090"), system="windows", architecture="AMD64"),
    "py311": machine(card("H100"), interpreter=python(version="3.11.9")),
    "no-pip": machine(software=()),
    "no-python": Machine(gpus=(card("H100"),), drivers={"nvidia": Driver(version="580.65")}),
    "unread": Machine(software=Software()),
    "broken": machine(gpus=None, drivers={"nvidia": Driver(fault="driver-mismatch")}),
    "hostile": machine(interpreter=python(executable='/srv/it\'s a "$(rm -rf ~)" `id`;&\\/bin/python')),
}


def plan(where: Machine, *names: str, **options: Any) -> Plan:
    return plan_installation(" ".join(names), list(names), where, KNOWLEDGE, PlanOptions(**options))


def without_proof(made: Plan) -> list[Step]:
    return [step for environment in made.environments for step in environment.steps if step.kind != "verify"]


def commands(made: Plan) -> list[str]:
    return [step.command for step in without_proof(made)]


def remarks(made: Plan) -> str:
    """All text of a plan except the commands."""
    return "\n".join([*made.notes, *(each.reason for each in made.left_out)])


def words(made: Plan) -> list[str]:
    return [word for command in commands(made) for word in shlex.split(command)]


def plan_of_tier(tier: str, where: Machine) -> Plan:
    profile = profiles.load(tier)
    wanted = missing_libraries(evaluate(profile, where).findings, where, KNOWLEDGE, profile)
    return plan_installation(tier, wanted.libraries, where, KNOWLEDGE, tier=wanted)


@pytest.mark.parametrize("where", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("tier", profiles.ids())
def test_every_command_is_one_line_of_whole_shell_words(tier: str, where: Machine) -> None:
    made = plan_of_tier(tier, where)
    for command in commands(made):
        assert "\n" not in command
        assert len(shlex.split(command)) > 2
    checked = subprocess.run(
        ["sh", "-n"], input=sh.render(made, Options()), text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", LIBRARIES)
def test_pip_installs_nothing_but_what_the_catalogue_names(name: str) -> None:
    """On any of the machines; on one at least it is installed, unless it is a container or a clone."""
    known = {normalized_name(Requirement(text).name) for library in LIBRARIES.values() for text in library.requirements}
    known |= {normalized_name(each) for library in LIBRARIES.values() for each in library.distributions}
    known.add("uv")  # the installer that some libraries need
    known |= {"setuptools", "wheel", "packaging", "ninja"}  # needed by builds without isolation
    installs = 0
    for step in (step for where in MACHINES.values() for step in without_proof(plan(where, name))):
        arguments = [word for word in step.argv if word in step.requirements]
        assert (step.kind == "install") == bool(arguments)
        assert {normalized_name(Requirement(each).name) for each in arguments} <= known
        installs += bool(arguments)
    assert bool(installs) == bool(LIBRARIES[name].requirements)


@pytest.mark.parametrize("where", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_is_planned_or_left_out_with_a_reason(name: str, where: Machine) -> None:
    made = plan(where, name)
    assert commands(made) or made.left_out or made.notes


@pytest.mark.parametrize(
    "folder",
    ["plain", "with blank", "it's", 'dou"ble', "$(touch pwned)", "`touch pwned`", "a;touch pwned", "a&b|c", "*"],
)
def test_a_hostile_path_stays_one_argument_when_the_script_is_run(tmp_path: Path, folder: str) -> None:
    executable = tmp_path / folder / "python"
    executable.parent.mkdir()
    executable.write_text('#!/bin/sh\nprintf "%s\\n" "$#" "$@" >> "$RECORD"\n')
    executable.chmod(0o755)
    made = plan(machine(card("V100"), interpreter=python(executable=str(executable))), "torch", "transformers")
    script = sh.render(made, Options())
    record = tmp_path / "record"
    environ = {"PATH": os.defpath, "RECORD": str(record)}
    subprocess.run(["sh"], input=script, text=True, check=True, cwd=tmp_path, env=environ, capture_output=True)
    arguments = record.read_text().splitlines()
    assert arguments[1:4] == ["-m", "pip", "install"]
    assert arguments.count("-m") == 3
    assert any(word.startswith("transformers>=") for word in arguments)
    assert not (tmp_path / "pwned").exists()


def test_a_specifier_is_never_read_as_a_redirection(tmp_path: Path) -> None:
    planned = commands(plan(machine(), *LIBRARIES))
    assert any(">=" in command for command in planned)
    for command in planned:
        plain = "".join(part for index, part in enumerate(command.split("'")) if index % 2 == 0)
        assert ">" not in plain
        assert "<" not in plain


def test_dependencies_are_installed_first() -> None:
    order = words(plan(machine(card("H100")), "peft"))
    torch = next(index for index, word in enumerate(order) if word.startswith("torch"))
    transformers = next(index for index, word in enumerate(order) if word.startswith("transformers"))
    peft = next(index for index, word in enumerate(order) if word.startswith("peft"))
    assert torch < transformers < peft
    assert any(word.startswith("accelerate") for word in order)


def test_every_library_appears_once_however_often_it_is_needed() -> None:
    order = words(plan(machine(card("H100")), "peft", "accelerate", "transformers", "torch", "peft"))
    for name in ("torch", "transformers", "accelerate", "peft"):
        assert len([word for word in order if word.startswith(name)]) == 1


def test_a_new_environment_is_made_where_python_is_the_systems() -> None:
    made = plan(machine(interpreter=SYSTEM), "transformers")
    first, *rest = commands(made)
    assert shlex.split(first) == ["/usr/bin/python3", "-m", "venv", ".venv"]
    assert {shlex.split(command)[0] for command in rest} == {".venv/bin/python"}
    assert "PEP 668" in made.environments[0].steps[0].reason
    assert any("--python .venv/bin/python" in note for note in made.notes)


def test_a_new_environment_is_made_where_no_python_was_found() -> None:
    made = plan(Machine(), "transformers")
    assert shlex.split(commands(made)[0]) == ["python3", "-m", "venv", ".venv"]


def test_on_windows_the_environment_has_its_scripts_elsewhere() -> None:
    made = plan(machine(interpreter=SYSTEM, system="windows", architecture="AMD64"), "transformers")
    assert shlex.split(commands(made)[1])[0] == ".venv/Scripts/python"


def test_an_existing_environment_is_used() -> None:
    made = plan(machine(), "transformers")
    assert made.environments[0].python == "/srv/project/.venv/bin/python"
    assert [shlex.split(command)[:4] for command in commands(made)] == [
        ["/srv/project/.venv/bin/python", "-m", "pip", "install"]
    ]


def test_uv_installs_where_there_is_no_pip() -> None:
    made = plan(machine(software=(), present=["uv"]), "transformers")
    arguments = shlex.split(commands(made)[0])
    assert arguments[:5] == ["uv", "pip", "install", "--python", "/srv/project/.venv/bin/python"]
    assert len(commands(made)) == 1


def test_pip_is_installed_first_where_there_is_neither_pip_nor_uv() -> None:
    made = plan(machine(software=()), "transformers")
    assert shlex.split(commands(made)[0])[1:] == ["-m", "ensurepip", "--upgrade"]
    assert shlex.split(commands(made)[1])[1:4] == ["-m", "pip", "install"]


def test_vllm_is_not_offered_to_a_machine_without_gpu() -> None:
    made = plan(machine(), "vllm")
    assert commands(made) == []
    assert "vLLM needs an NVIDIA GPU" in remarks(made)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (machine(amd()), "NVIDIA GPU"),
        (machine(card("V100")), "compute capability 7.5"),
        (machine(card("H100"), driver="535.183.01"), "driver 580"),
        (machine(*cards("H100", 2, visible=False)), "NVIDIA GPU"),
        (machine(card("RTX 4090"), system="windows", architecture="AMD64"), "windows-amd64"),
        (machine(system="darwin", architecture="arm64"), "macos-arm64"),
    ],
)
def test_vllm_is_left_out_with_the_reason_where_it_cannot_run(where: Machine, reason: str) -> None:
    made = plan(where, "vllm")
    assert "vllm" not in " ".join(commands(made))
    assert reason in remarks(made)


def test_vllm_installs_the_torch_that_it_pins() -> None:
    arguments = words(plan(machine(card("H100")), "torch", "torchvision", "vllm"))
    assert any(word.startswith("vllm>=0.33") for word in arguments)
    assert [word for word in arguments if word.startswith("torch")] == []


@pytest.mark.parametrize(
    ("where", "engine"),
    [(machine(), "llama-cpp"), (machine(card("H100")), "vllm"), (machine(card("V100")), "llama-cpp")],
)
def test_the_engine_that_runs_on_the_machine_is_chosen(where: Machine, engine: str) -> None:
    findings = evaluate(profiles.load("inference-7b"), where).findings
    wanted = missing_libraries(findings, where, KNOWLEDGE)
    assert wanted.libraries == ("torch", "transformers", engine)
    (choice,) = wanted.choices
    assert choice.chosen == LIBRARIES[engine].name
    assert choice.reason
    assert all(choice.rejected.values())


def test_what_is_installed_is_not_installed_again() -> None:
    where = machine(software=packages(torch="2.14.1", transformers="5.0.0"))
    made = plan(where, "transformers", "peft")
    arguments = words(made)
    assert made.satisfied == ("transformers",)
    assert [word for word in arguments if word.startswith(("torch", "transformers"))] == []
    assert any(word.startswith("peft") for word in arguments)


def test_a_tool_on_path_counts_as_its_library() -> None:
    made = plan(machine(present=["llama-server"]), "llama-cpp")
    assert (made.satisfied, commands(made)) == (("llama-cpp",), [])


def test_nothing_is_missing_where_nothing_failed() -> None:
    where = machine(card("H100"), software=packages(torch="2.14.1", transformers="5.0.0", vllm="0.32.0"))
    wanted = missing_libraries(evaluate(profiles.load("inference-7b"), where).findings, where, KNOWLEDGE)
    assert wanted.libraries == ()
    assert set(wanted.present) == {"torch", "transformers", "vllm"}


def test_a_torch_of_which_nobody_knows_whether_it_suits_the_gpus_is_there_all_the_same() -> None:
    torch = Torch(version="2.14.1", build="cu130")
    where = machine(gpus=None, software=packages(torch="2.14.1", transformers="5.0.0"), torch=torch)
    findings = evaluate(profiles.load("toolkit"), where).findings
    assert findings[0].status == "unknown"
    assert missing_libraries(findings, where, KNOWLEDGE).present == ("torch", "transformers")


def test_torchaudio_pins_the_last_torch_with_which_it_imports() -> None:
    made = plan(machine(card("H100")), "torch", "torchvision", "torchaudio")
    assert words(made)[4:] == ["torch==2.14.1", "torchvision>=0.29", "torchaudio>=2.11"]


def test_torch_and_torchvision_come_in_one_command_from_one_index() -> None:
    made = plan(machine(card("V100")), "torch", "torchvision")
    (command,) = commands(made)
    arguments = shlex.split(command)
    assert arguments[-2:] == ["--index-url", "https://download.pytorch.org/whl/cu126"]
    assert "torchvision>=0.21" in arguments


def test_torchvision_for_an_installed_torch_comes_from_the_index_of_that_build() -> None:
    installed = packages(torch="2.14.1+cu126")
    where = machine(card("V100"), software=installed, torch=Torch(version="2.14.1+cu126", build="cu126"))
    assert "https://download.pytorch.org/whl/cu126" in words(plan(where, "torchvision"))


def test_torchaudio_replaces_a_newer_torch() -> None:
    installed = packages(torch="2.15.0")
    where = machine(card("H100"), software=installed, torch=Torch(version="2.15.0+cu132", build="cu132"))
    assert "torch==2.14.1" in words(plan(where, "torchaudio"))
    # the pin is enough: --force-reinstall would also reinstall all dependencies of torch
    assert "--force-reinstall" not in words(plan(where, "torchaudio"))


def test_torch_without_gpu_comes_from_the_cpu_index() -> None:
    assert words(plan(machine(), "torch"))[-2:] == ["--index-url", "https://download.pytorch.org/whl/cpu"]


def test_an_intel_mac_gets_the_last_torch_that_was_built_for_it() -> None:
    made = plan(
        machine(system="darwin", architecture="x86_64", os_version="12.7", interpreter=python(version="3.11.9")),
        "torch",
    )
    assert "torch==2.2.2" in words(made)


@pytest.mark.parametrize(
    ("name", "environment", "version"), [("helm", "helm", "3.12.4"), ("fairness-indicators", "fairness", "3.11.9")]
)
def test_a_library_that_conflicts_with_others_gets_its_own_environment(
    name: str, environment: str, version: str
) -> None:
    made = plan(machine(interpreter=python(version=version)), "transformers", name)
    assert [each.name for each in made.environments] == ["shared", environment]
    own = made.environments[1]
    assert own.python == f".venv-{environment}/bin/python"
    assert shlex.split(own.steps[0].command) == ["/srv/project/.venv/bin/python", "-m", "venv", f".venv-{environment}"]
    assert {step.argv[0] for step in own.steps[1:]} == {own.python}
    assert "transformers" not in " ".join(step.command for step in own.steps)


def test_fairness_indicators_get_the_python_that_they_need() -> None:
    (own,) = plan(machine(interpreter=python(version="3.12.4")), "fairness-indicators").environments
    assert own.steps[0].argv[:2] == ("uv", "venv")
    assert own.python_version == "3.11"
    assert "needs Python" in own.steps[0].reason
    assert "3.12.4" in own.steps[0].reason


def test_autogpt_is_never_taken_from_the_index() -> None:
    made = plan(MACHINES["8xh100"], "autogpt")
    assert not any("pip" in shlex.split(command) for command in commands(made))
    assert any("git clone" in command for command in commands(made))


def test_a_script_with_nothing_to_do_says_so() -> None:
    where = machine(software=packages(transformers="5.0.0"))
    script = sh.render(plan(where, "transformers"), Options())
    assert "nothing to install" in script
    done = subprocess.run(["sh"], input=script, text=True, capture_output=True, check=True, env={})
    assert (done.stdout, done.stderr) == ("", "")


def test_packages_with_similar_names_do_not_count() -> None:
    where = machine(software=(*packages(), Package(name="torch-geometric", version="2.6")))
    assert any(word.startswith("torch") for word in words(plan(where, "torch")))


def test_every_requirement_has_a_lowest_version() -> None:
    for where in (machine(card("H100"), present=["nvcc", "cc"]), machine(card("V100")), machine(amd()), machine()):
        for name in LIBRARIES:
            for step in without_proof(plan(where, name)):
                for text in step.requirements:
                    parsed = Requirement(text)
                    floors = [each for each in parsed.specifier if each.operator in (">=", "==", "~=")]
                    assert floors, text


def test_the_test_of_the_gpu_comes_last_and_says_what_it_prints() -> None:
    (environment,) = plan(machine(card("H100")), "torch", "transformers").environments
    kinds = [step.kind for step in environment.steps]
    assert kinds == sorted(kinds, key=lambda kind: kind == "verify")
    proofs = [step for step in environment.steps if step.kind == "verify"]
    assert "torch.cuda.is_available()" in proofs[0].argv[-1]
    assert all(step.expect for step in proofs)
    for step in proofs:
        compile(step.argv[-1], "-c", "exec")


def test_the_size_excludes_installed_packages() -> None:
    empty, full = machine(), machine(software=packages(transformers="5.23.0"))
    whole, rest = plan(empty, "transformers", "peft").size, plan(full, "transformers", "peft").size
    assert whole is not None
    assert rest is not None
    assert whole.download > rest.download > 0
    assert whole.installed > whole.download


def test_packages_of_a_tier_outside_the_catalogue_are_installed_too() -> None:
    wanted = TierRequest(uncatalogued=("our-own>=1.2",))
    made = plan_installation("ours", [], machine(), KNOWLEDGE, tier=wanted)
    assert "our-own>=1.2" in words(made)


def test_a_path_with_a_line_break_is_refused() -> None:
    with pytest.raises(DataError, match="control character"):
        plan(machine(interpreter=python(executable="/srv/a\nrm -rf x/python")), "torch")


def test_all_of_a_tier_is_planned_where_the_environment_is_unknown() -> None:
    found = plan_of_tier("finetune-7b", api.hypothetical_machine("2x RTX 4090, 64 GB RAM").machine)
    assert [each.libraries for each in found.environments] == [("torch", "transformers", "accelerate", "peft")]
    assert any("the installed packages are unknown" in note for note in found.notes)
    assert not any("does not answer" in note for note in found.notes)
