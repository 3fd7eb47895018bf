"""``install`` prints what to run and runs none of it."""

from __future__ import annotations

import json
import shlex
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.machines_builder import card, machine
from tests.machines_builder import python as python_of_machine

from .command import Command

TARGETS = [("inference-7b",), ("finetune-13b-30b",), ("toolkit",), ("vllm", "lm-eval"), ("torch",), ("pretrain",)]
by_targets = pytest.mark.parametrize("targets", TARGETS, ids=" ".join)


@by_targets
@pytest.mark.parametrize("scenario", ["8xh100", "rtx3060", "not-loaded"])
def test_script_is_valid_shell_and_nothing_else(
    driver: Callable[..., Command], targets: tuple[str, ...], scenario: str
) -> None:
    command = driver(scenario)
    done = command("install", *targets, "--format", "sh")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("#!/bin/sh\n")
    script = command.cwd / "install.sh"
    script.write_bytes(done.raw)
    checked = command(script, program=("/bin/sh", "-n"))
    assert (checked.code, checked.err) == (0, "")


@by_targets
def test_script_holds_the_commands_of_the_plan(command: Command, targets: tuple[str, ...]) -> None:
    plan = command("install", *targets, "--format", "json").document
    planned = [step for environment in plan["environments"] for step in environment["steps"]]
    lines = [line.strip() for line in command("install", *targets, "--format", "sh").out.splitlines()]
    for step in planned:
        line = step["command"]
        assert (line in lines) == (step["kind"] != "run")
        assert (f"# then: {line}" in lines) == (step["kind"] == "run")
        assert shlex.split(line)


def test_a_server_is_for_a_person_to_start(command: Command) -> None:
    """It would never end, and its model is still to be chosen."""
    words = ("install", "tgi", "--machine", "RTX 4090, 64 GB RAM")
    plan = command(*words, "--format", "json").document
    (run,) = [step for each in plan["environments"] for step in each["steps"] if step["kind"] == "run"]
    lines = [line.strip() for line in command(*words, "--format", "sh").out.splitlines()]
    assert run["command"] not in lines
    assert f"# then: {run['command']}" in lines


def test_a_written_script_runs_where_it_makes_the_environment_itself(command: Command, tmp_path: Path) -> None:
    """The interpreter of an environment that does not exist yet is no reason to refuse."""
    log = tmp_path / "calls"
    make = 'case "$2" in venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 0 ;; pip) exit 0 ;; esac'
    real = shlex.quote(sys.executable)
    python = recorder(tmp_path, "python", log, f'{make}; case "$2" in *print*) exit 0 ;; esac; exec {real} "$@"')
    script = tmp_path / "fix.sh"
    done = command("install", "sentencepiece", "--python", python, "--venv", "made", "--output", script)
    assert (done.code, done.err) == (0, f"llmcheck: wrote {script} (sh)\n")
    assert not (command.cwd / "made").exists()
    log.unlink()
    ran = command(script, program=("/bin/sh",))
    assert (ran.code, "made for" in ran.err) == (0, False), ran.err
    assert "-m venv made" in log.read_text(encoding="utf-8")
    assert "pip install" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [("install", "torch", "vllm"), ("install", "peft", "--venv", "serve"), ("torch-index",), ("install", "toolkit")],
    ids=" ".join,
)
def test_a_plan_for_a_saved_machine_is_the_same_wherever_it_is_made(command: Command, words: tuple[str, ...]) -> None:
    prefix = command.cwd / "serve"
    environment(prefix, "pip-26.3")
    where = machine(
        card("RTX 4090"), interpreter=python_of_machine(executable=f"{prefix}/bin/python", prefix=str(prefix))
    )
    saved = command.cwd / "machine.json"
    saved.write_bytes(msgspec.json.encode(where))
    here = command(*words, "--machine", saved, "--format", "json").document
    env = {"UV_TORCH_BACKEND": "cpu", "HOME": str(command.cwd / "other"), "VIRTUAL_ENV": str(prefix)}
    env |= {"CUDA_VISIBLE_DEVICES": "", "CUDA_HOME": "/opt/cuda", "CONDA_PREFIX": "/opt/conda"}
    assert command(*words, "--machine", saved, "--format", "json", env=env).document == here
    prefix.rename(command.cwd / "gone")
    assert command(*words, "--machine", saved, "--format", "json").document == here


def test_the_home_folder_of_another_machine_is_not_guessed(command: Command) -> None:
    done = command("install", "peft", "--venv", "~/serve", "--machine", "RTX 4090, 64 GB RAM")
    assert (done.code, done.out) == (2, "")
    assert "full path" in done.err


def recorder(folder: Path, name: str, log: Path, then: str = "") -> Path:
    """A command that writes down how it was called."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >> {shlex.quote(str(log))}\n{then}\n', encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("format_", ["text", "sh", "json", "markdown"])
def test_nothing_is_run(command: Command, tmp_path: Path, format_: str) -> None:
    tools, log = tmp_path / "tools", tmp_path / "calls"
    tools.mkdir()
    for name in ("pip", "pip3", "uv", "conda", "git", "cmake", "docker", "nvidia-smi", "nvcc", "sudo", "sh", "python3"):
        recorder(tools, name, log)
    done = command("install", "toolkit", "vllm", "--format", format_, env={"PATH": str(tools)})
    assert (done.code, done.err) == (0, "")
    assert "pip install" in done.out
    assert not log.exists(), log.read_text(encoding="utf-8")


def test_named_interpreter_is_only_asked_about_itself(command: Command, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    python = recorder(tmp_path, "project-python", log, f'exec {shlex.quote(sys.executable)} "$@"')
    done = command("install", "inference-7b", "--python", python, "--format", "sh")
    assert (done.code, done.err) == (0, "")
    assert f"{python} -m pip install" in done.out
    calls = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("project-python")]
    assert len(calls) == 1
    assert calls[0].startswith("project-python -I -S -B -c")


def test_interpreter_with_a_blank_in_its_path_is_quoted(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "my $project's"
    folder.mkdir()
    python = recorder(folder, "python", tmp_path / "calls", f'exec {shlex.quote(sys.executable)} "$@"')
    done = command("install", "torch", "--python", python, "--format", "sh")
    (line,) = [line for line in done.out.splitlines() if "pip install" in line and not line.strip().startswith("#")]
    assert shlex.split(line)[0] == str(python)


def test_installed_library_is_not_installed_again(command: Command, tmp_path: Path) -> None:
    """Torch in the project's environment: the plan of a tier leaves it out."""
    site = tmp_path / "site-packages"
    for file in ("torch-2.99.0.dist-info/METADATA", "torch-2.99.0.dist-info/RECORD", "torch/__init__.py"):
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("")
    python = recorder(tmp_path, "python", tmp_path / "calls", f'exec {sys.executable} "$@"')
    commands = {}
    for name, words in (("without", ()), ("with", ("--python", python))):
        env = {"PYTHONPATH": str(site) if words else None}
        plan = command("install", "inference-7b", *words, "--format", "json", env=env).document
        commands[name] = " ".join(step["command"] for part in plan["environments"] for step in part["steps"])
    assert "transformers" in commands["with"]
    assert "vllm" in commands["without"] or "'torch" in commands["without"]
    assert "'torch" not in commands["with"]


def test_script_stops_at_the_first_failure(command: Command, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    real = shlex.quote(sys.executable)
    python = recorder(tmp_path, "python", log, f'case "$2" in *pip*) exit 7 ;; esac; exec {real} "$@"')
    script = command("install", "torch", "transformers", "--python", python, "--format", "sh")
    log.unlink()
    done = command(program=("/bin/sh",), stdin=script.raw)
    assert done.code == 7
    assert len(log.read_text(encoding="utf-8").splitlines()) == 1


def test_a_script_that_arrives_in_part_does_nothing(command: Command, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    python = recorder(tmp_path, "python", log, f'exec {shlex.quote(sys.executable)} "$@"')
    script = command("install", "torch", "transformers", "--python", python, "--format", "sh").raw
    log.unlink()
    cut = script[: script.rindex(b"\nmain ")]
    command(program=("/bin/sh",), stdin=cut)
    assert not log.exists()


def test_written_script_runs_only_where_it_was_made(command: Command, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    python = recorder(tmp_path, "python", log, f'case "$2" in *pip*) exit 0 ;; esac; exec {sys.executable} "$@"')
    saved = tmp_path / "machine.json"
    command("machine", "--python", python, "--format", "json", "--redact", "none", "--output", saved)
    script = tmp_path / "fix.sh"
    for name, hostname, code in (("here", None, 0), ("elsewhere", "another-node", 1)):
        machine = json.loads(saved.read_text(encoding="utf-8"))
        machine["identity"]["hostname"] = hostname or machine["identity"]["hostname"]
        judged = tmp_path / f"{name}.json"
        judged.write_text(json.dumps(machine), encoding="utf-8")
        done = command("install", "sentencepiece", "--machine", judged, "--format", "sh", "--output", script)
        assert (done.code, done.out, done.err) == (0, "", f"llmcheck: wrote {script} (sh)\n")
        log.unlink(missing_ok=True)
        ran = command(script, program=("/bin/sh",))
        assert (ran.code == 0) == (code == 0) or log.exists(), ran.err
        assert log.exists() == (code == 0)
    assert "another-node" in ran.err
    assert "LLMCHECK_ANY_MACHINE=1" in ran.err
    command(script, program=("/bin/sh",), env={"LLMCHECK_ANY_MACHINE": "1"})
    assert log.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("torch", "--environment", "vllm"), "no environment 'vllm'"),
        (("torch", "--venv", ""), "--venv"),
        (("torch", "--venv", "a\nb"), "control character"),
        (("torch", "--format", "pylock"), "--verify"),
        (("vllmm",), "did you mean 'vllm'"),
        (("",), "neither a profile nor a library"),
        (("wandb", "--python", "/nonexistent"), "/nonexistent does not exist"),
    ],
)
def test_bad_words_are_one_clear_line(command: Command, words: tuple[str, ...], said: str) -> None:
    done = command("install", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_a_file_that_holds_one_environment_asks_which(driver: Callable[..., Command]) -> None:
    command = driver("8xh100")
    done = command("install", "vllm", "sglang", "--format", "requirements")
    assert done.code == 2
    assert "--environment" in done.err
    one = command("install", "vllm", "sglang", "--format", "requirements", "--environment", "shared")
    assert (one.code, one.err) == (0, "")
    assert "vllm>=" in one.out
    assert "sglang" not in [line for line in one.out.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("format_", ["requirements", "dockerfile", "conda"])
def test_other_formats_hold_every_requirement(command: Command, format_: str) -> None:
    plan = command("install", "finetune-7b", "--format", "json").document
    asked = [text for part in plan["environments"] for step in part["steps"] for text in step["requirements"]]
    done = command("install", "finetune-7b", "--format", format_)
    assert (done.code, done.err) == (0, "")
    for text in asked:
        assert text in done.out.replace("\\u003e", ">")


def test_a_dead_name_leads_to_the_living_library(command: Command) -> None:
    plan = command("install", "auto-gptq", "--format", "json").document
    assert plan["environments"][0]["libraries"][-1] == "gptqmodel"
    assert "archived in March 2025" in plan["notes"][0]


def test_verifying_without_a_network_says_so(command: Command) -> None:
    env = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null"}
    done = command("install", "sentencepiece", "--verify", "--format", "json", env=env)
    assert done.code == 3
    assert [each["status"] for each in done.document["verification"]] == ["offline"]


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("fix.sh", "#!/bin/sh\n"),
        ("plan.json", "{\n"),
        ("plan.md", "##"),
        ("requirements-gpu.txt", "# peft: planned by llmcheck\n# for Python"),
        ("Dockerfile", "# peft: planned by llmcheck\n"),
        ("environment.yml", "# peft: planned by llmcheck\n# conda installs Python and pip"),
        ("plan.txt", "Plan for peft\n"),
    ],
)
def test_a_file_has_the_format_that_its_name_says(command: Command, name: str, beginning: str) -> None:
    done = command("install", "peft", "--python", sys.executable, "--output", name)
    assert (done.code, done.out) == (0, "")
    assert (command.cwd / name).read_text(encoding="utf-8").startswith(beginning)


def test_the_format_that_is_asked_for_is_written_whatever_the_name_is(command: Command) -> None:
    assert command("install", "peft", "--output", "fix.sh", "--format", "json").code == 0
    assert json.loads((command.cwd / "fix.sh").read_text(encoding="utf-8"))["target"] == "peft"


def test_a_name_that_the_command_cannot_write_is_refused(command: Command) -> None:
    done = command("profiles", "list", "--output", "profiles.sh")
    assert (done.code, "writes no sh" in done.err) == (2, True)
    assert not (command.cwd / "profiles.sh").exists()


def test_a_script_for_a_machine_in_words_does_not_run_unasked(command: Command) -> None:
    assert command("install", "peft", "--machine", "RTX 4090, 64 GB RAM", "--output", "fix.sh").code == 0
    done = command("fix.sh", program=("/bin/sh",))
    assert done.code == 1
    assert "in words" in done.err


def environment(folder: Path, *listed: str) -> Path:
    """A Python environment in which these distributions are listed, as ``name-version``, without any file."""
    site = folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(Path(sys.executable).resolve())
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n", encoding="utf-8")
    for each in listed:
        (site / f"{each}.dist-info").mkdir()
        name, _, version = each.rpartition("-")
        (site / f"{each}.dist-info/METADATA").write_text(f"Name: {name}\nVersion: {version}\n", encoding="utf-8")
    return folder


def test_an_environment_that_is_there_is_judged_and_not_made(command: Command) -> None:
    folder = environment(command.cwd / "serve", "pip-26.3", "numpy-1.0")
    plan = command("install", "sentencepiece", "--venv", "serve", "--format", "json").document
    (filled,) = plan["environments"]
    assert (filled["folder"], filled["python"]) == (None, str(folder / "bin/python"))
    assert [step["kind"] for step in filled["steps"]] == ["install", "verify", "verify"]
    made = command("install", "sentencepiece", "--venv", "other", "--format", "json").document
    assert made["environments"][0]["folder"] == "other"


def test_two_environments_are_one_too_many(command: Command) -> None:
    environment(command.cwd / "serve")
    done = command("install", "wandb", "--venv", "serve", "--python", sys.executable)
    assert (done.code, done.out) == (2, "")
    assert "--python" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_library_whose_files_are_gone_is_put_back(command: Command) -> None:
    environment(command.cwd / "serve", "pip-26.3", "wandb-0.31.0")
    plan = command("install", "wandb", "--venv", "serve", "--format", "json").document
    assert plan["satisfied"] == []
    assert "wandb==0.31.0" in plan["environments"][0]["steps"][0]["requirements"]


def test_a_plan_leaves_the_environment_of_llmcheck_alone(command: Command) -> None:
    plan = command("install", "peft", "--format", "json").document
    (environment,) = plan["environments"]
    assert environment["folder"] == ".venv"
    assert environment["steps"][0]["reason"] == "the environment that llmcheck is installed in is left as it is"
    installing = [step["argv"] for step in environment["steps"] if "install" in step["argv"]]
    assert installing
    assert not [argv for argv in installing if argv[0].startswith(sys.prefix)]


def test_a_plan_fills_the_environment_of_llmcheck_where_it_is_active_or_named(command: Command) -> None:
    for words, env in ((("--python", sys.executable), {}), ((), {"VIRTUAL_ENV": sys.prefix})):
        (environment,) = command("install", "peft", "--format", "json", *words, env=env).document["environments"]
        assert environment["folder"] is None
        assert environment["python"] == sys.executable


def test_a_plan_fills_the_dot_venv_of_the_project(command: Command) -> None:
    venv.create(command.cwd / ".venv", symlinks=True)
    done = command("install", "peft", "--format", "json")
    (environment,) = done.document["environments"]
    assert (environment["folder"], environment["python"]) == (None, f"{command.cwd}/.venv/bin/python")
    judged = command("machine", "--format", "json").document["software"]
    assert (judged["python"]["reason"], judged["packages"]) == (".venv in the working directory", [])
