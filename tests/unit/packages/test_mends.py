"""The command that mends a conflict runs in the judged environment, and breaks nothing else there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from llmcheck import catalog
from llmcheck.packages.problems import PairTables, broken, with_problems
from llmcheck.schema.machine import Machine, Os, Package, Problem, Python, Software, Tool, Torch
from llmcheck.schema.software import PackageRequires

TABLES = PairTables(catalog.package_pairs(), catalog.torch_companions(), catalog.torch_wheels)


def judged(
    packages: Mapping[str, str],
    requires: Mapping[str, tuple[str, ...]] | None = None,
    *,
    build: str | None = "cu130",
    system: str = "linux",
    uv: bool = False,
    managed: bool = False,
    python: bool = True,
) -> Machine:
    torch = packages.get("torch")
    software = Software(
        python=Python(executable="/env/bin/python", version="3.11.7", externally_managed=managed) if python else None,
        packages=tuple(Package(name=name, version=version) for name, version in sorted(packages.items())),
        torch=Torch(version=torch, build=build) if torch else None,
        requires=tuple(PackageRequires(name=name, requires=lines) for name, lines in (requires or {}).items()),
        tools=(Tool(name="uv", path="/usr/bin/uv" if uv else None),),
    )
    machine = Machine(software=software, os=Os(system=system, architecture="x86_64"))
    return with_problems(machine, lambda: TABLES, lambda: {"vllm": "vLLM", "sglang": "SGLang"})


def the_problem(machine: Machine, package: str) -> Problem:
    found = broken(machine, package)
    assert found is not None
    return found


CONFLICT = {"vllm": "0.33.0", "torch": "2.13.0", "pip": "26.3"}


def test_pip_of_the_environment_installs_what_was_pinned() -> None:
    remedy = the_problem(judged(CONFLICT), "vllm").remedy
    assert remedy == "/env/bin/python -m pip install vllm==0.33.0 torch==2.14.0"


def test_without_pip_it_is_brought_first_or_uv_does_it() -> None:
    bare = {name: version for name, version in CONFLICT.items() if name != "pip"}
    assert str(the_problem(judged(bare), "vllm").remedy).startswith("/env/bin/python -m ensurepip --upgrade && ")
    by_uv = the_problem(judged(bare, uv=True), "vllm").remedy
    assert by_uv == "uv pip install --python /env/bin/python vllm==0.33.0 torch==2.14.0"
    removed = the_problem(judged({"xformers": "0.0.35", "torch": "2.15.0"}, uv=True), "xformers").remedy
    assert removed == "uv pip uninstall --python /env/bin/python xformers"


def test_the_build_for_an_older_driver_keeps_its_index() -> None:
    remedy = the_problem(judged(CONFLICT, build="cu126"), "vllm").remedy
    assert "--extra-index-url https://download.pytorch.org/whl/cu126" in str(remedy)


def test_powershell_gets_its_own_line() -> None:
    remedy = the_problem(judged({"vllm": "0.33.0", "torch": "2.13.0"}, system="windows"), "vllm").remedy
    assert " && " not in str(remedy)


@pytest.mark.parametrize("facts", [{"managed": True}, {"python": False}])
def test_where_pip_must_not_or_cannot_install_another_environment_is_named(facts: dict[str, bool]) -> None:
    remedy = str(the_problem(judged(CONFLICT, **facts), "vllm").remedy)  # type: ignore[arg-type]  # only these two
    assert "llmcheck install vllm --venv vllm-env" in remedy


def test_a_mend_that_would_break_another_package_is_not_printed() -> None:
    requires = {"sglang": ("torch==2.14.1",), "vllm": ("torch==2.14.0",)}
    machine = judged({"sglang": "0.5.23", "vllm": "0.33.0", "torch": "2.14.0", "pip": "26.3"}, requires)
    assert broken(machine, "vllm") is None
    assert "--venv sglang-env" in str(the_problem(machine, "sglang").remedy)


def test_what_imports_a_broken_package_is_broken_by_the_same_cause() -> None:
    requires = {"torchvision": ("torch",), "sglang": ("torchvision",)}
    machine = judged(
        {"torchvision": "0.24.1", "torch": "2.14.0", "sglang": "0.5.23", "transformers": "5.19.0"}, requires
    )
    cause = the_problem(machine, "torchvision")
    assert cause.also_breaks == ("sglang", "transformers")
    assert broken(machine, "sglang") == broken(machine, "transformers") == cause
    assert broken(machine, "torch") is None


def test_a_requirement_for_another_system_or_python_counts_for_nothing() -> None:
    lines = ("numpy<1; sys_platform == 'win32'", "numpy>9; python_version < '3.9'", "numpy>=8; extra == 'dev'")
    assert broken(judged({"transformers": "5.19.0", "numpy": "2.4.0"}, {"transformers": lines}), "transformers") is None


def test_without_facts_of_the_python_a_marker_breaks_nothing() -> None:
    lines = {"transformers": ("numpy<1; python_version >= '3.9'",)}
    machine = judged({"transformers": "5.19.0", "numpy": "2.4.0"}, lines, python=False)
    assert broken(machine, "transformers") is None


def test_a_newer_nvidia_library_than_the_pin_is_meant_and_an_older_one_is_not() -> None:
    requires = {"torch": ("nvidia-nccl-cu13==2.28.9",)}
    newer = judged({"torch": "2.14.0", "nvidia-nccl-cu13": "2.30.7"}, requires)
    older = judged({"torch": "2.14.0", "nvidia-nccl-cu13": "2.20.0"}, requires)
    assert (broken(newer, "torch"), broken(older, "torch") is not None) == (None, True)


def test_judging_twice_says_everything_once() -> None:
    once = judged(CONFLICT)
    again = with_problems(once, lambda: TABLES, lambda: {"vllm": "vLLM", "sglang": "SGLang"})
    assert again.problems == once.problems


def test_nothing_is_said_where_packages_could_not_be_listed() -> None:
    machine = Machine(software=Software(packages=None, requires=(PackageRequires(name="vllm", requires=("torch",)),)))
    assert with_problems(machine, lambda: TABLES, dict).problems == ()
