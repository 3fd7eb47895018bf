"""The files around the package agree: workflows, tasks, hooks, classifiers, and the map in CONTRIBUTING."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = {path.name: path for path in sorted(ROOT.glob(".github/workflows/*.yml"))}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOXFILE = (ROOT / "noxfile.py").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def jobs() -> dict[str, dict[str, Any]]:
    return {f"{name}: {job}": body for name, path in WORKFLOWS.items() for job, body in yaml(path)["jobs"].items()}


def tasks_called(text: str) -> set[str]:
    return {task for line in re.findall(r"nox -s ([a-z ]+)", text) for task in line.split()}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_an_action_is_pinned_to_a_commit_and_its_version_named(name: str) -> None:
    used = re.findall(r"uses: *(.*)", WORKFLOWS[name].read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", each)] == []


def test_an_action_has_one_commit_everywhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS.values())
    pins: dict[str, set[str]] = {}
    for action, pin in re.findall(r"uses: *([\w./-]+)@(.*)", text):
        pins.setdefault(action, set()).add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_is_permitted_that_a_job_does_not_ask_for(name: str) -> None:
    assert yaml(WORKFLOWS[name])["permissions"] == {}


def test_only_publishing_may_write() -> None:
    writes = {
        job: [scope for scope, level in body["permissions"].items() if level != "read"] for job, body in jobs().items()
    }
    assert {job: scopes for job, scopes in writes.items() if scopes} == {"release.yml: publish": ["id-token"]}


def test_a_checkout_keeps_no_credentials() -> None:
    checkouts = [
        step
        for body in jobs().values()
        for step in body["steps"]
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_expression_is_pasted_into_a_shell() -> None:
    commands = [step["run"] for body in jobs().values() for step in body["steps"] if "run" in step]
    assert commands
    assert [each for each in commands if "${{" in each] == []


def test_the_pythons_of_classifiers_workflow_and_tasks_are_the_same() -> None:
    said = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    by_job = {name: yaml(WORKFLOWS["test.yml"])["jobs"][name]["strategy"]["matrix"] for name in ("linux", "elsewhere")}
    assert {name: matrix["python"] for name, matrix in by_job.items()} == {"linux": said, "elsewhere": said}
    assert re.findall(r"3\.\d+", re.findall(r"session\(python=\[(.*?)\]", NOXFILE)[0]) == said
    supported = SpecifierSet(PROJECT["requires-python"])
    before = f"3.{int(said[0].split('.')[1]) - 1}"
    assert all(version in supported for version in said)
    assert before not in supported


def test_ci_and_workflows_call_tasks_that_exist() -> None:
    defined = set(re.findall(r"@nox\.session.*\ndef (\w+)", NOXFILE))
    called = tasks_called(CI) | {
        task for path in WORKFLOWS.values() for task in tasks_called(path.read_text(encoding="utf-8"))
    }
    assert {"lint", "types", "imports"} <= called <= defined
    assert tasks_called(CONTRIBUTING) <= defined


def test_a_hook_runs_a_tool_of_the_development_environment() -> None:
    brings = {"lint-imports": "import-linter"}
    dev = {Requirement(line).name for line in PROJECT["optional-dependencies"]["dev"]}
    (local,) = yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    tools = {hook["entry"].split()[0] for hook in local["hooks"]}
    assert {"ruff", "mypy", "lint-imports"} <= tools
    assert {brings.get(tool, tool) for tool in tools} <= dev


def test_the_map_names_every_folder_and_root_file_of_the_package() -> None:
    rows = CONTRIBUTING.partition("## The map")[2].partition("## Recipes")[0]
    named = set(re.findall(r"`(\w+)/?`", rows)) | set(re.findall(r"`(?:\w+/)?(\w+)/`", rows))
    there = {
        path.stem
        for path in (ROOT / "llmcheck").iterdir()
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert there - named == set()


def test_a_recipe_ends_with_a_command_over_tests_that_exist() -> None:
    recipes = CONTRIBUTING.partition("## Recipes")[2].partition("**Also.**")[0]
    parts = re.split(r"^\*\*(.+?)\.\*\*", recipes, flags=re.MULTILINE)[1:]
    commands = {title: re.findall(r"```\n(.*)\n```", body) for title, body in zip(parts[::2], parts[1::2], strict=True)}
    assert len(commands) >= 9
    for title, lines in commands.items():
        (line,) = lines
        assert re.fullmatch(r"python -m pytest -n 0( tests/\w+(/\w+)?)+ -k .+", line), title
        assert [folder for folder in re.findall(r"tests/\S+", line) if not (ROOT / folder).exists()] == [], title


@pytest.mark.parametrize(
    "name",
    ["README.md", "CONTRIBUTING.md", "SECURITY.md", *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md")))],
)
def test_a_document_names_files_of_the_tree_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:llmcheck|data|docs|tests|tools|benchmarks|profiles|\.ci|\.github)/[\w./-]*)", text))
    places = (ROOT, ROOT / "llmcheck")
    missing = {path for path in paths if not any((place / path).exists() for place in places)}
    assert {path for path in missing if not re.search(r"[A-Z]{2}", path)} == set()
