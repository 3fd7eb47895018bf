"""What lies in ``integrations/``, run as its scheduler, pipeline or cluster runs it, as far as this machine allows."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from llmcheck.cli.commands import check
from tests.e2e.command import HANG_GUARD

ROOT = Path(__file__).resolve().parents[2]
INTEGRATIONS = ROOT / "integrations"
LLMCHECK = Path(sys.executable).with_name("llmcheck")
SCRIPTS = sorted(INTEGRATIONS.rglob("*.sh"))
PASSES = '[[require]]\nid = "ram"\nkind = "ram"\nlevel = "required"\ntotal = "1 GB"\n'
FAILS = PASSES.replace("1 GB", "900 TB")
NOBODY = 65532

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="the scripts are those of a POSIX shell")


def loaded(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def profile(folder: Path, requirement: str) -> Path:
    path = folder / "node.toml"
    path.write_text(
        f'id = "node"\ntitle = "Node"\ntask = "inference"\nsources = ["ours"]\n{requirement}', encoding="utf-8"
    )
    return path


def installed(script: str, folder: Path, node: Path, llmcheck: Path = LLMCHECK, seconds: int = 60) -> Path:
    """A script as an administrator installs it, with the two paths at its top changed."""
    text = (INTEGRATIONS / script).read_text(encoding="utf-8")
    for name, value in (("LLMCHECK", llmcheck), ("PROFILE", node), ("SECONDS_AT_MOST", seconds)):
        text = re.sub(rf"(?m)^{name}=\S+", f"{name}={value}", text)
    path = folder / Path(script).name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def with_nothing(script: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """As a daemon starts it: by its full path, without any environment, from the root folder."""
    environment = {} if path is None else {"PATH": path}
    return subprocess.run(
        [str(script), *arguments],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=HANG_GUARD,
        check=False,
    )


def program(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# --- all of them ---


@posix
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_script_is_executable_and_the_shell_that_it_names_can_read_it(script: Path) -> None:
    first = script.read_text(encoding="utf-8").splitlines()[0]
    assert first in ("#!/bin/sh", "#!/usr/bin/env bash")
    assert os.access(script, os.X_OK)
    shell = "sh" if first.endswith("/sh") else "bash"
    assert subprocess.run([shell, "-n", str(script)], capture_output=True, check=False).stderr == b""


def test_every_option_that_stands_in_a_file_is_one_of_check() -> None:
    known = {each for option in check.command.params for each in option.opts}
    files = [ROOT / "action.yml", *(path for path in INTEGRATIONS.rglob("*") if path.is_file())]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    calls = [line for line in lines if re.search(r"\bcheck\b.*--|options\+?=\(", line) and "pip" not in line]
    used = {option for line in calls for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)}
    assert {"--preset", "--report", "--format", "--fail-on", "--quiet"} <= used
    assert used <= known


# --- Slurm ---


@posix
@pytest.mark.parametrize(("requirement", "code"), [(PASSES, 0), (FAILS, 1)])
def test_the_prolog_runs_without_an_environment(tmp_path: Path, requirement: str, code: int) -> None:
    done = with_nothing(installed("slurm/prolog.sh", tmp_path, profile(tmp_path, requirement)))
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    if code:
        (line,) = done.stderr.splitlines()
        assert line.startswith("llmcheck: not ready: node/ram")
        assert len(line) <= 200


@posix
@pytest.mark.parametrize(
    "broken", ["exit 2", "exit 3", "exit 70", "kill -9 $$", "sleep 60", "echo lost", "exit 127"], ids=str.split
)
def test_a_broken_tool_never_drains_a_node(tmp_path: Path, broken: str) -> None:
    llmcheck = program(tmp_path, "llmcheck", broken)
    prolog = installed("slurm/prolog.sh", tmp_path, profile(tmp_path, PASSES), llmcheck, seconds=1)
    assert with_nothing(prolog).returncode == 0


@posix
def test_a_prolog_without_llmcheck_or_profile_lets_the_job_start(tmp_path: Path) -> None:
    node = profile(tmp_path, PASSES)
    assert with_nothing(installed("slurm/prolog.sh", tmp_path, node, tmp_path / "missing")).returncode == 0
    assert with_nothing(installed("slurm/prolog.sh", tmp_path, tmp_path / "missing.toml")).returncode == 0


@posix
@pytest.mark.parametrize(
    ("requirement", "reason", "update"),
    [
        (FAILS, "none", "State=DRAIN Reason=llmcheck: not ready: node/ram"),
        (FAILS, "llmcheck: not ready: node/gpu", "State=DRAIN Reason=llmcheck: not ready: node/ram"),
        (FAILS, "fan broken, do not touch", None),
        (PASSES, "none", None),
        (PASSES, "llmcheck: not ready: node/ram", "State=RESUME"),
        (PASSES, "fan broken, do not touch", None),
    ],
)
def test_the_health_check_drains_and_resumes_only_by_its_own_reason(
    tmp_path: Path, requirement: str, reason: str, update: str | None
) -> None:
    script = installed("slurm/health_check.sh", tmp_path, profile(tmp_path, requirement))
    commands = tmp_path / "commands"
    commands.mkdir()
    program(commands, "sinfo", f"echo '{reason}'")
    program(commands, "scontrol", f'echo "$*" >>{tmp_path}/updates')
    text = script.read_text(encoding="utf-8").replace("PATH=/usr", f"PATH={commands}:/usr", 1)
    script.write_text(text, encoding="utf-8")
    assert with_nothing(script).returncode == 0
    updates = tmp_path / "updates"
    said = updates.read_text(encoding="utf-8").splitlines() if updates.exists() else []
    assert len(said) == (update is not None)
    assert all(line.startswith("update NodeName=") and (update or "") in line for line in said)


# --- Kubernetes ---


def containers(document: Any) -> list[Any]:
    spec = document["spec"].get("template", document)["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


@pytest.mark.parametrize(
    ("name", "kind", "version"), [("init-container", "Pod", "v1"), ("daemonset", "DaemonSet", "apps/v1")]
)
def test_a_manifest_has_the_fields_of_its_kind_and_asks_for_no_right(name: str, kind: str, version: str) -> None:
    document = loaded(INTEGRATIONS / "kubernetes" / f"{name}.yaml")
    assert (document["kind"], document["apiVersion"]) == (kind, version)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"])
    (own,) = [each for each in containers(document) if each["name"] == "llmcheck"]
    assert own["securityContext"]["allowPrivilegeEscalation"] is False
    assert own["securityContext"]["readOnlyRootFilesystem"] is True
    assert own["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert own["resources"]["limits"]["memory"]
    words = [*own.get("command", []), *own["args"]]
    assert all(isinstance(each, str) for each in words)
    if kind == "DaemonSet":
        labels = document["spec"]["selector"]["matchLabels"]
        assert labels.items() <= document["spec"]["template"]["metadata"]["labels"].items()


def init_arguments(node: Path) -> list[str]:
    (own,) = [
        each
        for each in containers(loaded(INTEGRATIONS / "kubernetes" / "init-container.yaml"))
        if each["name"] == "llmcheck"
    ]
    assert own["args"][-1] == "inference-7b"
    return [*own["args"][:-1], str(node)]


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, for a /dev of its own")
@pytest.mark.skipif(shutil.which("unshare") is None or shutil.which("setpriv") is None, reason="needs unshare, setpriv")
@pytest.mark.parametrize(("requirement", "code"), [(PASSES, 0), (FAILS, 1)])
def test_the_init_container_leaves_its_message_where_kubernetes_reads_it(
    tmp_path: Path, requirement: str, code: int
) -> None:
    """The file is a mount of its own that nobody may replace, in a /dev that the user may not write to."""
    node, log = profile(tmp_path, requirement), tmp_path / "message"
    log.write_text("", encoding="utf-8")
    log.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and str(folder).startswith(str(Path(tmp_path.parts[0], "tmp"))):
            folder.chmod(folder.stat().st_mode | 0o055)
    dev = tmp_path / "dev"
    dev.mkdir()
    prepare = (
        'mount -t tmpfs -o mode=755 tmpfs "$1" && mknod -m 666 "$1/null" c 1 3 && : >"$1/termination-log" && '
        'mount --bind "$2" "$1/termination-log" && mount --bind "$1" /dev && mount --bind "$2" /dev/termination-log && '
        'shift 2 && exec setpriv --reuid 65532 --regid 65532 --clear-groups "$@"'
    )
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", prepare, "sh", str(dev), str(log)]
    probe = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mounts here: {probe.stderr.strip()}")
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        [*words, sys.executable, "-P", "-m", "llmcheck", *init_arguments(node)],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=HANG_GUARD,
        check=False,
    )
    if "Permission denied" in done.stderr and not done.stdout:
        pytest.skip("the interpreter of this environment is not for other users")
    assert done.returncode == code, done.stderr
    message = log.read_text(encoding="utf-8")
    assert ("not ready" in message) == bool(code), (message, done.stderr)
    assert "ready" in message


@posix
@pytest.mark.parametrize(("requirement", "code"), [(PASSES, 0), (FAILS, 1), ("", 2)])
def test_the_plug_in_of_node_problem_detector_has_its_codes_and_lengths(
    tmp_path: Path, requirement: str, code: int
) -> None:
    document = json.loads((INTEGRATIONS / "kubernetes" / "node-problem-detector.json").read_text(encoding="utf-8"))
    (rule,) = document["rules"]
    assert document["plugin"] == "custom"
    assert rule["condition"] in [each["type"] for each in document["conditions"]]
    assert Path(rule["path"]).name == "node-problem-detector.sh"
    script = INTEGRATIONS / "kubernetes" / "node-problem-detector.sh"
    done = subprocess.run(
        [str(script)],
        env={"LLMCHECK": str(LLMCHECK), "PROFILE": str(profile(tmp_path, requirement)), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.returncode == code, done.stderr
    (line,) = done.stdout.splitlines()
    assert len(line) <= document["pluginConfig"]["max_output_length"]


@posix
def test_the_loop_of_the_daemonset_writes_metrics_and_ends_when_it_is_told(tmp_path: Path) -> None:
    (own,) = containers(loaded(INTEGRATIONS / "kubernetes" / "daemonset.yaml"))
    metrics = tmp_path / "llmcheck.prom"
    script = own["args"][0].replace("/metrics", str(tmp_path))
    assert str(metrics) in script
    process = subprocess.Popen(
        [*own["command"], script],
        env={
            "PATH": f"{LLMCHECK.parent}:/usr/bin:/bin",
            "PROFILE": str(profile(tmp_path, FAILS)),
            "HOME": str(tmp_path),
        },
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + HANG_GUARD
        while not metrics.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.terminate()
        assert process.wait(HANG_GUARD) == 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the sleep that it was in
    assert "llmcheck_" in metrics.read_text(encoding="utf-8")


# --- GitLab, Docker, Ansible, dev containers, pre-commit ---


@posix
@pytest.mark.parametrize(("requirement", "code"), [(PASSES, 0), (FAILS, 1)])
def test_the_job_of_gitlab_leaves_a_report_and_variables(tmp_path: Path, requirement: str, code: int) -> None:
    job = loaded(INTEGRATIONS / "gitlab" / "llmcheck.gitlab-ci.yml")[".llmcheck"]
    variables = {name: str(value) for name, value in job["variables"].items()}
    variables["LLMCHECK_PROFILE"] = str(profile(tmp_path, requirement))
    script = "\n".join([*job["before_script"], *job["script"]])
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        env={"PATH": f"{LLMCHECK.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "CI": "true", **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANG_GUARD,
        check=False,
    )
    assert done.returncode == code, done.stderr
    reports = job["artifacts"]["reports"]
    assert "<testsuite" in (tmp_path / reports["junit"]).read_text(encoding="utf-8")
    dotenv = (tmp_path / reports["dotenv"]).read_text(encoding="utf-8")
    assert f"LLMCHECK_RESULT_EXIT_CODE={code}" in dotenv.splitlines()


def test_the_image_starts_llmcheck_as_nobody() -> None:
    lines = (INTEGRATIONS / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    words = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert {each[0] for each in words} <= {"FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert ["USER", f"{NOBODY}:{NOBODY}"] in words
    assert ["ENTRYPOINT", '["llmcheck"]'] in words
    assert "compute,utility" in dict(words)["ENV"]


def test_the_tasks_of_ansible_change_nothing_and_use_no_shell() -> None:
    tasks = loaded(INTEGRATIONS / "ansible" / "tasks" / "llmcheck.yml")
    command, *_ = tasks
    assert "argv" in command["ansible.builtin.command"]
    assert command["changed_when"] is False
    assert command["check_mode"] is False
    assert not any("shell" in key for task in tasks for key in task)


@pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="ansible-playbook is not installed")
@pytest.mark.parametrize(("requirement", "code"), [(PASSES, 0), (FAILS, 2)])
def test_ansible_runs_the_tasks(tmp_path: Path, requirement: str, code: int) -> None:
    play = tmp_path / "play.yml"
    tasks = INTEGRATIONS / "ansible" / "tasks" / "llmcheck.yml"
    variables = {"llmcheck_command": str(LLMCHECK), "llmcheck_profiles": [str(profile(tmp_path, requirement))]}
    include = {"ansible.builtin.include_tasks": str(tasks), "vars": variables}
    python = {"ansible_python_interpreter": sys.executable}
    play.write_text(
        json.dumps(
            [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": python, "tasks": [include]}]
        ),
        encoding="utf-8",
    )
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "--check", str(play)],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=HANG_GUARD,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "changed=0" in done.stdout
    assert ("900 TB" in done.stdout) == bool(code)


def test_the_feature_of_a_dev_container_names_its_option_as_its_script_reads_it() -> None:
    folder = INTEGRATIONS / "devcontainer" / "llmcheck"
    feature = json.loads((folder / "devcontainer-feature.json").read_text(encoding="utf-8"))
    assert feature["id"] == folder.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", feature["version"])
    script = (folder / "install.sh").read_text(encoding="utf-8")
    for name, option in feature["options"].items():
        assert option["type"] == "string"
        assert f"{name.upper()}=${{{name.upper()}:-{option['default']}}}" in script


@posix
def test_the_hook_of_pre_commit_finds_a_mistake_in_a_profile(tmp_path: Path) -> None:
    (hook,) = loaded(ROOT / ".pre-commit-hooks.yaml")
    assert hook.keys() >= {"id", "name", "entry", "language", "files"}
    assert re.search(hook["files"], "profiles/node.toml")
    assert not re.search(hook["files"], "pyproject.toml")
    words = hook["entry"].split()
    assert words[0] == "llmcheck"

    def run(path: Path) -> int:
        done = subprocess.run([str(LLMCHECK), *words[1:], str(path)], capture_output=True, cwd=tmp_path, check=False)
        return done.returncode

    assert run(ROOT / "profiles" / "inference-7b.toml") == 0
    assert run(profile(tmp_path, PASSES.replace("ram", "rma"))) != 0
