"""``import llmcheck``: a program gets from Python what a person gets from the terminal command."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import llmcheck
from llmcheck import api
from tests.e2e.command import Command

ROOT = Path(__file__).resolve().parents[2]
CARD = "RTX 3060, 32 GB RAM, 500 GB disk"
FUNCTIONS = [name for name in llmcheck.__all__ if inspect.isfunction(getattr(llmcheck, name))]


def loaded_tool(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_date(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    document.pop("created_at", None)
    if isinstance(document.get("machine"), dict):  # of a report; others name it
        document["machine"].pop("collected_at", None)
    return document


def test_the_first_lines_that_a_reader_sees_are_true() -> None:
    assert doctest.testmod(llmcheck).failed == 0
    assert doctest.testmod(llmcheck).attempted == 3


def test_the_reference_is_that_of_the_docstrings() -> None:
    written = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == loaded_tool("api_reference").page(), "run tools/api_reference.py"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_documented_typed_and_the_same_as_the_one_of_the_terminal_command(name: str) -> None:
    function = getattr(llmcheck, name)
    assert function is getattr(api, name)
    assert function.__doc__
    signature = inspect.signature(function)
    assert signature.return_annotation is not signature.empty
    assert all(each.annotation is not each.empty for each in signature.parameters.values())


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    program = "import sys; before = set(sys.modules); import llmcheck; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["__future__", "llmcheck"]


def test_fit_is_the_function_whatever_was_imported_before() -> None:
    program = (
        "import llmcheck, llmcheck.fit.capacity; from llmcheck import fit; from llmcheck.fit import capacity\n"
        "print(fit('7B', machine='RTX 4090').verdict, llmcheck.fit is fit, capacity.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fits", "True", "llmcheck.fit.capacity"]


def test_only_fit_has_the_name_of_a_folder() -> None:
    assert {each.name for each in pkgutil.iter_modules(llmcheck.__path__)} & set(llmcheck.__all__) == {"api", "fit"}


def test_a_machine_may_be_given_as_a_value_a_function_or_words() -> None:
    machine = llmcheck.load_machine(CARD)
    ways: list[Any] = [machine, lambda: machine, CARD]
    reports = [without_date(llmcheck.to_json(llmcheck.check("inference-7b", each))) for each in ways]
    assert reports[0]["verdict"] == "ready"
    assert reports[1] == reports[0]
    assert reports[2] == reports[0]


def test_one_name_may_stand_alone() -> None:
    machine = llmcheck.load_machine(CARD)
    assert llmcheck.check("inference-7b", machine).profiles == llmcheck.check(["inference-7b"], machine).profiles
    assert llmcheck.install_plan("vllm", machine) == llmcheck.install_plan(["vllm"], machine)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["check", "inference-7b", "toolkit"], lambda: llmcheck.check(["inference-7b", "toolkit"], CARD)),
        (["fit", "llama-3.1-8b"], lambda: llmcheck.fit("llama-3.1-8b", machine=CARD)),
        (["recommend"], lambda: llmcheck.recommend(CARD)),
        (["install", "vllm"], lambda: llmcheck.install_plan("vllm", CARD)),
        (["cloud", "inference-7b"], lambda: llmcheck.offers("inference-7b", machine=CARD)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_answer_is_that_of_the_terminal_command(arguments: list[str], answer: Any, tmp_path: Path) -> None:
    done = Command(tmp_path, tmp_path)(*arguments, "--machine", CARD, "--format", "json")
    found = answer()
    assert without_date(done.out) == without_date(llmcheck.to_json(found))
    assert done.code == found.exit_code


def test_the_commands_of_an_answer_name_the_machine_that_was_given_in_words() -> None:
    assert llmcheck.fit("7B", machine=CARD).plans[0].argv[3:5] == ("--machine", CARD)


def test_plans_are_those_of_fit() -> None:
    work = llmcheck.Workload(method="qlora")
    found = llmcheck.plans("7B", work, "RTX 4090, 64 GB RAM")
    assert found
    assert found == llmcheck.fit("7B", work, "RTX 4090, 64 GB RAM").plans
    assert llmcheck.plans("70B", llmcheck.Workload(method="full"), "RTX 3060, 16 GB RAM") == ()


def test_this_machine_is_inspected_where_none_is_given(tmp_path: Path) -> None:
    found = llmcheck.inspect(path=str(tmp_path))
    assert found.cpu.threads
    assert str(tmp_path) in [disk.path for disk in found.disks or ()]
    assert llmcheck.check("toolkit").machine.identity == found.identity


def test_a_saved_machine_is_loaded_with_the_same_verdict(tmp_path: Path) -> None:
    machine = llmcheck.load_machine(CARD)
    file = tmp_path / "machine.json"
    file.write_text(llmcheck.to_json(machine), encoding="utf-8")
    assert msgspec.to_builtins(llmcheck.load_machine(str(file)).gpus) == msgspec.to_builtins(machine.gpus)


def test_a_file_that_appears_between_two_calls_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    with pytest.raises(llmcheck.DataError, match="No such file"):
        llmcheck.load_machine(str(file))
    file.write_text(llmcheck.to_json(llmcheck.load_machine(CARD)), encoding="utf-8")
    assert llmcheck.check("inference-7b", str(file)).exit_code == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: llmcheck.check("inference-7"), "inference-7b"),
        (lambda: llmcheck.load_machine("RTX 4909"), "RTX 4090"),
        (lambda: llmcheck.inspect(path="/nowhere/at/all"), "/nowhere/at/all: no such folder"),
        (lambda: llmcheck.offers(), "a tier or a model"),
        (lambda: llmcheck.offers("inference-7b", model="7B"), "not both"),
        (lambda: llmcheck.offers("inference-7b", workload=llmcheck.Workload(method="full")), "own workload"),
        (lambda: llmcheck.load_profile("nothing.toml"), "nothing.toml"),
    ],
)
def test_bad_input_is_one_error_with_one_line(call: Any, message: str) -> None:
    with pytest.raises(llmcheck.LlmcheckError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
