"""The composite action at the root, step by step as a runner of GitHub runs it: its files, environment and shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.e2e.command import HANG_GUARD

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = YAML(typ="safe").load((ROOT / "action.yml").read_text(encoding="utf-8"))
READY = "RTX 3060, 32 GB RAM, 500 GB disk"
LARGE = "A100 80GB, 128 GB RAM, 2 TB disk"
TOO_SMALL = "GTX 1650, 8 GB RAM, 500 GB disk"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the steps of the action are run by bash")


@dataclass(frozen=True)
class Ran:
    code: int
    log: str
    outputs: dict[str, str]
    summary: str


def evaluated(text: str, inputs: dict[str, str], steps: dict[str, dict[str, str]]) -> str:
    """The few expressions that the action has."""

    def value(match: re.Match[str]) -> str:
        kind, *rest = match[1].split(".")
        if kind == "inputs":
            return inputs[rest[0]]
        assert (kind, rest[1]) == ("steps", "outputs"), match[0]
        return steps.get(rest[0], {}).get(rest[2], "")

    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", value, text)


def run(folder: Path, **given: str) -> Ran:
    """The whole action in a workspace; the code is that of the first step that fails, after which a runner stops."""
    inputs = {name: str(each["default"]) for name, each in ACTION["inputs"].items()}
    inputs |= {"install": "false"} | {name.replace("_", "-"): value for name, value in given.items()}
    assert inputs.keys() == ACTION["inputs"].keys()
    temporary = folder / "runner"
    temporary.mkdir(exist_ok=True)
    files = {name: temporary / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
    for each in files.values():
        each.write_text("", encoding="utf-8")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    base = {"PATH": path, "HOME": str(folder), "CI": "true", "GITHUB_ACTIONS": "true", "LANG": "C.UTF-8"}
    base |= {"GITHUB_ACTION_PATH": str(ROOT), "RUNNER_TEMP": str(temporary)}
    base |= {name: str(each) for name, each in files.items()}
    steps: dict[str, dict[str, str]] = {}
    code, log = 0, ""
    for step in ACTION["runs"]["steps"]:
        if step.get("if") == "inputs.install == 'true'" and inputs["install"] != "true":
            continue
        script = temporary / "step.sh"
        assert "${{" not in step["run"], "an input in shell text"
        script.write_text(step["run"], encoding="utf-8")
        environment = {name: evaluated(value, inputs, steps) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=folder / evaluated(step.get("working-directory", "."), inputs, steps),
            env=base | environment,
            capture_output=True,
            text=True,
            timeout=HANG_GUARD,
            check=False,
        )
        code, log = done.returncode, log + done.stdout + done.stderr
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        steps[step.get("id", "")] = dict(line.split("=", 1) for line in lines)
        if code:
            break
    outputs = {name: evaluated(each["value"], inputs, steps) for name, each in ACTION["outputs"].items()}
    return Ran(code, log, outputs, files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"))


def test_a_ready_runner_lets_the_job_go_on(tmp_path: Path) -> None:
    ran = run(tmp_path, profiles="inference-7b", machine=READY)
    assert ran.code == 0, ran.log
    assert ran.outputs["verdict"] == "ready"
    assert ran.outputs["exit-code"] == "0"
    assert "::error" not in ran.log
    assert "inference-7b" in ran.summary


def test_the_first_line_of_a_failed_step_says_what_to_do(tmp_path: Path) -> None:
    ran = run(tmp_path, profiles="inference-7b", machine=TOO_SMALL)
    assert ran.code == 1
    assert ran.outputs["verdict"] == "not-ready"
    first = next(line for line in ran.log.splitlines() if line.startswith("::"))
    assert re.match(r"::error title=inference-7b/gpu%3A not met::\S", first)
    assert ran.outputs["summary"].startswith("not ready: inference-7b/gpu")


def test_what_is_undetermined_fails_unless_the_input_says_otherwise(tmp_path: Path) -> None:
    unknown = "RTX 3060, 32 GB RAM"
    assert run(tmp_path, profiles="inference-7b", machine=unknown).code == 3
    assert run(tmp_path, profiles="inference-7b", machine=unknown, fail_on="required").code == 0
    assert run(tmp_path, profiles="inference-7b", machine=TOO_SMALL, fail_on="never").code == 0


def test_several_profiles_requirements_and_reports(tmp_path: Path) -> None:
    reports = "junit=llmcheck.xml\njson=own name.json\n"
    ran = run(tmp_path, profiles="inference-7b\n  finetune-7b ", machine=LARGE, only="gpu ram", reports=reports)
    assert ran.code == 0, ran.log
    assert (tmp_path / "llmcheck.xml").is_file()
    assert (tmp_path / "own name.json").is_file()


def test_the_project_names_the_profiles_in_its_own_file(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "llmcheck.toml").write_text('profiles = ["inference-70b"]\n', encoding="utf-8")
    ran = run(tmp_path, machine=READY, working_directory="project")
    assert ran.code == 1
    assert "inference-70b" in ran.outputs["summary"]


@pytest.mark.parametrize("hostile", ["$(touch pwned)", "\"'; touch pwned; '\"", "--output=pwned"])
@pytest.mark.parametrize("name", ["profiles", "machine", "only", "skip", "wait", "fail_on"])
def test_an_input_is_never_run_nor_taken_for_an_option(tmp_path: Path, name: str, hostile: str) -> None:
    ran = run(tmp_path, **({"profiles": "inference-7b", "machine": READY} | {name: hostile}))
    assert ran.code == 2, ran.log
    assert not list(tmp_path.rglob("pwned"))
    assert "Traceback" not in ran.log


def test_a_bad_profile_fails_and_says_so(tmp_path: Path) -> None:
    ran = run(tmp_path, profiles="inference-7", machine=READY)
    assert ran.code == 2
    assert "did you mean 'inference-7b'" in ran.log


def test_the_runner_itself_is_judged_without_a_machine(tmp_path: Path) -> None:
    ran = run(tmp_path, profiles="pretrain", only="hardware")
    assert ran.code in (1, 3), ran.log
    assert ran.outputs["verdict"] in ("not-ready", "undetermined")


def test_the_scripts_are_executable_and_the_action_names_them() -> None:
    named = re.findall(r"GITHUB_ACTION_PATH/(\S+\.sh)", (ROOT / "action.yml").read_text(encoding="utf-8"))
    assert sorted(named) == ["integrations/github/check.sh", "integrations/github/install.sh"]
    assert all(os.access(ROOT / each, os.X_OK) for each in named)
