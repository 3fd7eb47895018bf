"""Every launch line uses what its program's own options allow, as tools/check_launch_lines.py has stored them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import api, runtimes, shell
from llmcheck.api.model_source import known_model
from llmcheck.fit.plans import Wishes, plan_of, plans
from llmcheck.fit.plans.downloads import Names
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import LaunchLine, Runtime
from llmcheck.schema.workload import Workload
from tests.launches import faults, shapes

STORED: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data" / "launch_options.json").read_text())
DEVICES = ("CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
"""Variables of the platform, not of the program."""
EVERY = pytest.mark.parametrize("runtime", runtimes.every(), ids=lambda each: each.id)


def lines_of(runtime: Runtime) -> list[LaunchLine]:
    return [line for shape in shapes(runtime) if (line := runtime.launch(shape)) is not None]


@EVERY
def test_a_line_uses_options_that_its_program_has(runtime: Runtime) -> None:
    for line in lines_of(runtime):
        stored = STORED.get(line.valid_for)
        assert stored is not None, f"{line.valid_for} was not checked: run tools/check_launch_lines.py"
        assert list(faults(stored["options"], line)) == []


def test_what_is_stored_says_how_and_when_it_was_checked() -> None:
    used = {line.valid_for for runtime in runtimes.every() for line in lines_of(runtime)}
    assert set(STORED) == used
    for each in STORED.values():
        assert each["how"] in ("parser", "static", "facts")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", each["as_of"])
        assert len(each["options"]) > 5


@pytest.mark.parametrize("old", ["--swap-space", "--no-mmap", "--cuda-graph-max-bs"])
def test_an_option_that_was_removed_is_a_fault(old: str) -> None:
    for name in ("vllm", "llama.cpp", "sglang"):
        runtime = runtimes.named(name)
        line = replace(runtime.example.line, argv=(*runtime.example.line.argv, old, "4"))
        assert list(faults(STORED[line.valid_for]["options"], line)) == [f"there is no {old}"]


@EVERY
def test_its_words_are_arguments_that_a_shell_passes_on(runtime: Runtime) -> None:
    for line in lines_of(runtime):
        assert all(type(part) is str and part and "None" not in part for part in line.argv)
        assert all(part and "None" not in part for pair in line.environment.items() for part in pair)
        assert shlex.split(shell.line(line.argv)) == list(line.argv)
        assert not line.service or shell.line(line.service, variables=line.environment)


@EVERY
@pytest.mark.parametrize("name", ["a b; touch x", "$(id)", "it's", '"q"', "ü π"])
def test_a_name_from_outside_is_within_one_argument(runtime: Runtime, name: str) -> None:
    for is_path in (False, True):
        line = runtime.launch(replace(runtime.example.launch, model=f"folder/{name}", is_path=is_path))
        if line is not None:
            assert sum(name in part for part in line.argv) == 1
            assert shlex.split(shell.line(line.argv)) == list(line.argv)


@EVERY
def test_no_line_holds_a_secret(runtime: Runtime) -> None:
    for line in lines_of(runtime):
        words = " ".join((*line.argv, *line.environment)).lower()
        assert not re.search(r"hf_token|api[-_]key|password|secret", words)


@pytest.mark.parametrize(
    "words",
    [
        "RTX 4090 + RTX 3060 12GB, 64 GB RAM", "2x RTX 4090 + RTX 3060 12GB, 128 GB RAM", "3x RTX 3090, 128 GB RAM",
        "2x RTX 4090, 128 GB RAM", "2x RX 7900 XTX, 64 GB RAM", "8x H100 SXM, 2 TB RAM", "m3-max 64GB",
    ],
)  # fmt: skip
def test_the_line_of_a_plan_uses_options_that_its_program_has(words: str) -> None:
    machine = api.hypothetical_machine(words).machine
    names = Names(gguf=("some/model-GGUF",), ollama="model:8b")
    installed = frozenset(runtimes.ids())
    lines = 0
    for name in ("Qwen/Qwen3-14B", "meta-llama/Llama-3.1-70B", "zai-org/GLM-4.5-Air", "openai/gpt-oss-120b"):
        shapes = known_model(name)
        assert shapes is not None
        use = ModelUse(shapes, Workload(method="inference"))
        for found in plans(use, machine, Wishes(installed=installed, names=names)):
            plan = plan_of(found, (name,))
            if plan.launch is None or plan.launch_valid_for is None:
                continue
            lines += 1
            own = {key: value for key, value in plan.launch_environment.items() if key not in DEVICES}
            line = LaunchLine(argv=plan.launch, environment=own, valid_for=plan.launch_valid_for)
            assert list(faults(STORED[plan.launch_valid_for]["options"], line)) == []
    assert lines
