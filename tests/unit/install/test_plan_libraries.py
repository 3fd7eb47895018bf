"""Libraries that are not plain packages: containers, services, and what is compiled here."""

from __future__ import annotations

import pytest

from llmcheck.schema.machine import Machine, Os
from tests.machines_builder import card, machine
from tests.unit.install.test_plan import commands, plan, remarks, without_proof


@pytest.mark.parametrize("present", [[], ["docker", "nvidia-container-toolkit"]])
def test_a_container_needs_docker_which_an_administrator_installs(present: list[str]) -> None:
    ubuntu = Os(system="linux", architecture="x86_64", distribution="Ubuntu 24.04.3 LTS")
    made = plan(machine(card("H100"), present=present, os=ubuntu), "tgi")
    assert ["docker", "pull"] in [list(step.argv[:2]) for step in without_proof(made)]
    (run,) = [step for step in without_proof(made) if step.kind == "run"]
    assert {"--gpus", "all", "--shm-size"} <= set(run.argv)
    assert any("docker" in step.command for step in made.system) == (not present)


def test_the_note_for_a_service_says_that_there_is_nothing_to_install() -> None:
    made = plan(machine(), "perspective-api")
    assert "2026-12-31" in remarks(made)


@pytest.mark.parametrize(
    ("where", "sign"),
    [
        (machine(card("H100"), present=["nvcc", "cc"]), "CMAKE_ARGS=-DGGML_CUDA=on"),
        (machine(card("H100")), "whl/cu130"),
        (machine(card("V100")), "whl/cu124"),
        (machine(), "whl/cpu"),
        (machine(system="darwin", architecture="arm64"), "CMAKE_ARGS=-DGGML_METAL=on"),
    ],
)
def test_llama_cpp_is_a_wheel_or_is_compiled_for_the_machine(where: Machine, sign: str) -> None:
    (command,) = commands(plan(where, "llama-cpp"))
    assert sign in command


def test_llama_cpp_is_compiled_for_the_cpu_where_there_is_a_compiler() -> None:
    (command,) = commands(plan(machine(present=["cc"]), "llama-cpp"))
    assert "CMAKE_ARGS" not in command
    assert "whl" not in command
