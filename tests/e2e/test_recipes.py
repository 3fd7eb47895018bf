"""The recipes of CONTRIBUTING.md, followed in a copy of the tree: the command of each passes for a plug-in that is
whole, and fails for one that lacks something."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import ROOT

COPIED = (
    "llmcheck profiles docs tests .ci .github .pre-commit-config.yaml noxfile.py pyproject.toml README.md "
    "CONTRIBUTING.md SECURITY.md"
)
RECIPES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Recipes")[2]


@dataclass(frozen=True)
class Outcome:
    """What the tests said, by their ids."""

    passed: list[str]
    failed: list[str]
    not_collected: str | None = None
    """What pytest printed where a plug-in could not even be imported."""

    def of(self, name: str) -> tuple[int, int]:
        """How many tests of a plug-in passed, and how many failed."""
        own = re.compile(rf"[\[-]{re.escape(name)}[\]-]")
        return sum(bool(own.search(each)) for each in self.passed), sum(bool(own.search(each)) for each in self.failed)


@dataclass(frozen=True)
class Tree:
    """A copy of the project, in which a recipe is followed."""

    root: Path

    def add(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")

    def follow(self, recipe: str, **names: str) -> Outcome:
        """Runs the command of a recipe with what stands for its placeholders: ``KIND="threads"``."""
        found = re.search(rf"^\*\*{recipe}\.\*\*.*?```\npython (.*?)\n```", RECIPES, flags=re.MULTILINE | re.DOTALL)
        assert found, f"CONTRIBUTING.md has no recipe '{recipe}'"
        words = [names.get(word, word) for word in shlex.split(found[1])]
        done = subprocess.run(
            [sys.executable, *words, "-vv", "-p", "no:cacheprovider"],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode in (0, 1, 2), done.stdout[-4000:] + done.stderr
        by_result = {
            result: re.findall(rf"^(tests/.*) {result}\b", done.stdout, flags=re.MULTILINE)
            for result in ("PASSED", "FAILED", "ERROR")
        }
        collected = done.returncode != 2
        return Outcome(
            by_result["PASSED"], by_result["FAILED"] + by_result["ERROR"], None if collected else done.stdout
        )


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
    for name in COPIED.split():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
        else:
            shutil.copyfile(ROOT / name, tmp_path / name)
    return Tree(tmp_path)


def without(text: str, part: str, instead: str = "") -> str:
    """The text with a part that it has replaced."""
    assert text.count(part) == 1, part
    return text.replace(part, instead)


def assert_only_the_broken_fail(outcome: Outcome, whole: str, broken: Iterable[str]) -> None:
    assert outcome.not_collected is None, outcome.not_collected
    passed, failed = outcome.of(whole)
    assert passed
    assert failed == 0, outcome.failed
    assert [name for name in broken if outcome.of(name)[1] == 0] == []


FORMAT = '''\
"""The type of a value and its size."""

from __future__ import annotations

from llmcheck.render import Options

FILE_NAMES = ("*.synopsis",)


def render(value: object, _options: Options) -> str:
    """Two lines."""
    return f"type: {type(value).__name__}\\nsize: {len(str(value))}\\n"
'''


def test_an_output_format_is_one_file(tree: Tree) -> None:
    broken = {
        "synopsis_without_function": without(FORMAT, "def render", "def rendered"),
        "synopsis_without_docstring": without(FORMAT, '"""The type of a value and its size."""'),
        "synopsis_without_end": without(FORMAT, '\\n"', '"'),
        "synopsis_with_the_time": without(FORMAT, "len(str(value))", "__import__('time').perf_counter_ns()"),
    }
    for name, text in {"synopsis": FORMAT, **broken}.items():
        tree.add(f"llmcheck/render/{name}.py", text)
    assert_only_the_broken_fail(tree.follow("An output format", FORMAT="synopsis"), "synopsis", broken)


def test_a_pytorch_build_is_one_row(tree: Tree) -> None:
    path = tree.root / "llmcheck" / "data" / "torch_wheels.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    row = {**rows[0], "torch": "9.8", "release": "9.8.1", "requirement": "torch==9.8.*", "advised": "no"}
    broken = {
        "9.8-cu118-x86_64": {"tag": "cu118", "source": ""},
        "9.8-cu121-x86_64": {"tag": "cu121", "release": "9.7.0"},
        "9.8-cu124-x86_64": {"tag": "cu124", "requirement": "torch==9.7.*"},
        "9.8-cuda-x86_64": {"tag": "cuda"},
        "9.8-cu128-x86_64": {"tag": "cu128", "systems": "haiku", "on_pypi": ""},
        "9.8-cu129-x86_64": {"tag": "cu129", "as_of": "9999-01-01"},
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([{**row, "tag": "cu132"}, *({**row, **wrong} for wrong in broken.values()), *rows])
    assert_only_the_broken_fail(tree.follow("A PyTorch build"), "9.8-cu132-x86_64", broken)


KIND = '''\
"""``kind = "threads"``: the hardware threads that this process may use.

Shortfall code: ``threads``.
"""

from __future__ import annotations

from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Cpu, Machine
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    least: int
    """Hardware threads."""


TRAITS = Traits()
EXAMPLE = Example(
    keys={"least": 8},
    passing=Machine(cpu=Cpu(threads_usable=8)),
    failing=Machine(cpu=Cpu(threads_usable=7)),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a number below 1."""
    if requirement.least < 1:
        raise ValueError("least is 1 or more")


def needed(requirement: Requirement) -> str:
    """In words."""
    return f"{requirement.least} hardware threads"


def check(requirement: Requirement, machine: Machine) -> Finding:
    usable = machine.cpu.threads_usable
    if usable is None:
        return finding(requirement, "unknown", "the number of hardware threads could not be read")
    if usable >= requirement.least:
        return finding(requirement, "pass", f"{usable} hardware threads", found=str(usable))
    return finding(requirement, "fail", f"{usable} hardware threads", found=str(usable), shortfall="threads")
'''


def test_a_requirement_kind_is_one_file(tree: Tree) -> None:
    broken = {
        "undescribedthreads": without(KIND, "def needed(", "def needs("),
        "unvalidatedthreads": without(KIND, "def validate(", "def valid("),
        "uncheckedthreads": without(KIND, "def check(", "def checks("),
        "unexampledthreads": without(KIND, "\nEXAMPLE = ", "\nSAMPLE = "),
        "untraitedthreads": without(KIND, "\nTRAITS = ", "\nTRAIT = "),
        "misleadingthreads": without(KIND, "threads_usable=7", "threads_usable=9"),
        "guessingthreads": without(KIND, '"unknown", "the number', '"fail", "the number'),
    }
    for name, text in {"threads": KIND, **broken}.items():
        tree.add(f"llmcheck/judge/requirements/{name}.py", text)
    assert_only_the_broken_fail(tree.follow("A requirement kind", KIND="threads"), "threads", broken)


def test_a_runtime_is_one_file(tree: Tree) -> None:
    """The new one is a shipped one under another name, so that it has whatever a runtime has to have."""
    text = (tree.root / "llmcheck" / "runtimes" / "exllama.py").read_text(encoding="utf-8")
    text = without(text.replace('"exllama"', '"engine"'), '    native_family="exl3",\n')
    broken = {
        "engine_with_another_line": without(text, '"8192", "--cache-mode"', '"4096", "--cache-mode"'),
        "engine_without_source": re.sub(r"    source=.*\n", '    source="",\n', text),
        "engine_with_a_wrong_ladder": re.sub(r"    ladder=.*\n", '    ladder=("exl3-4.0", "bf16"),\n', text),
        "engine_on_an_unknown_vendor": without(text, 'vendor="nvidia"', 'vendor="nobody"'),
    }
    for name, own in {"engine": text, **broken}.items():
        tree.add(f"llmcheck/runtimes/{name}.py", own.replace('"engine"', f'"{name}"'))
    assert_only_the_broken_fail(tree.follow("A runtime", NAME="engine"), "engine", broken)


@pytest.mark.parametrize("part", ["example", "pace", "launch"])
def test_a_runtime_that_lacks_a_part_stops_the_tests(tree: Tree, part: str) -> None:
    text = (tree.root / "llmcheck" / "runtimes" / "exllama.py").read_text(encoding="utf-8")
    tree.add(
        "llmcheck/runtimes/engine.py",
        f"{text}\n_PARTS = {{name: getattr(RUNTIME, name) for name in "
        f"RUNTIME.__struct_fields__ if name != {part!r}}}\nRUNTIME = Runtime(**_PARTS)\n",
    )
    outcome = tree.follow("A runtime", NAME="engine")
    assert outcome.not_collected is not None
    assert f"Missing required argument '{part}'" in outcome.not_collected
