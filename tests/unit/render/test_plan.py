"""A plan as a script, a list of requirements, a lock file, a Dockerfile and a conda environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.errors import UsageError
from llmcheck.install.plan import plan_installation
from llmcheck.render import Options, conda, dockerfile, pylock, requirements, sh, text
from llmcheck.schema.advice import (
    Environment,
    Plan,
    Resolved,
    Step,
    TorchBuild,
    Verification,
)
from llmcheck.schema.machine import Identity, Machine, Os
from tests.machines_builder import card, machine, python

KNOWLEDGE = catalog.tables()
NASTY = [
    "a\nRUN touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}",
    "a'b\"c",
    "x: [y]",
    "# z",
    "\x1b[31m",
    "a\\",
]


def plan(*names: str, where: Machine | None = None) -> Plan:
    return plan_installation(" ".join(names), list(names), where or machine(card("V100")), KNOWLEDGE)


def nasty_plan(word: str) -> Plan:
    step = Step(kind="install", argv=("python", "-m", "pip"), command="x", reason=word, requirements=("peft>=0.1",))
    environment = Environment(name=word, python="python", python_version=word, installer="pip", steps=(step,))
    return Plan(target=word, environments=(environment,), satisfied=(), notes=(word,))


def resolved(made: Plan, *packages: Resolved) -> Plan:
    answer = Verification(
        environment=made.environments[0].name,
        status="resolved",
        resolver="uv",
        message="1",
        packages=packages,
        requires_python="3.12.4",
    )
    return replace(made, verification=(answer,))


def test_requirements_name_the_index_and_every_requirement() -> None:
    written = requirements.render(plan("torch", "peft"), Options())
    lines = [line for line in written.splitlines() if line and not line.startswith("#")]
    assert lines[0] == "--extra-index-url https://download.pytorch.org/whl/cu126"
    assert {Requirement(line).name for line in lines[1:]} == {"torch", "transformers", "accelerate", "peft"}


@pytest.mark.parametrize("module", [requirements, pylock, conda])
def test_a_file_for_one_environment_refuses_two(module: Any) -> None:
    with pytest.raises(UsageError, match="--environment NAME"):
        module.render(plan("transformers", "helm"), Options())


def test_a_lock_file_is_read_by_its_standard() -> None:
    wheel = Resolved(
        name="peft", version="0.21.2", url="https://e.org/peft-0.21.2-py3-none-any.whl", sha256="ab", size=7
    )
    source = Resolved(name="x", version="1", url="https://e.org/x-1.tar.gz", sha256="cd", source_build=True)
    lock = tomllib.loads(pylock.render(resolved(plan("peft"), wheel, source), Options()))
    assert lock["lock-version"] == "1.0"
    assert lock["requires-python"] == "==3.12.*"
    peft, built = lock["packages"]
    assert (peft["name"], peft["version"], peft["wheels"][0]["hashes"]) == ("peft", "0.21.2", {"sha256": "ab"})
    assert built["sdist"]["name"] == "x-1.tar.gz"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (plan("peft"), "add --verify"),
        (resolved(plan("peft"), Resolved(name="peft", version="1")), "peft 1"),
        (
            replace(
                plan("peft"),
                verification=(Verification(environment="shared", status="conflict", resolver="uv", message="no way"),),
            ),
            "no way",
        ),
    ],
)
def test_what_was_not_resolved_is_not_locked(made: Plan, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        pylock.render(made, Options())


def test_a_dockerfile_runs_arrays_that_no_shell_reads() -> None:
    written = dockerfile.render(
        plan("torch", "peft", "llama-cpp", where=machine(card("V100"), present=["cc", "nvcc"])), Options()
    )
    runs = [json.loads(line.removeprefix("RUN ")) for line in written.splitlines() if line.startswith("RUN ")]
    assert written.splitlines()[1].startswith(("FROM", "#"))
    assert "\nFROM nvidia/cuda:12." in written  # what the binding is compiled with
    assert [word for run in runs for word in run if word == "build-essential"] == ["build-essential"]
    assert any("torch>=2.6,<2.15" in run and "https://download.pytorch.org/whl/cu126" in run for run in runs)
    assert not any("is_available" in word for run in runs for word in run)
    assert "--gpus all" in written


def test_conda_says_that_pip_installs_the_rest() -> None:
    written = conda.render(plan("torch", "peft"), Options())
    assert "conda installs Python and pip; pip installs the rest" in written
    assert "  - python=3.12" in written
    assert '      - "--extra-index-url https://download.pytorch.org/whl/cu126"' in written
    assert '      - "torch>=2.6,<2.15"' in written


@pytest.mark.parametrize("word", NASTY)
@pytest.mark.parametrize("module", [requirements, dockerfile, conda])
def test_hostile_words_stay_in_their_comment(module: Any, word: str) -> None:
    written: str = module.render(nasty_plan(word), Options())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", written)
    for line in written.splitlines():
        outside = line if not line.lstrip().startswith("#") else ""
        assert "touch pwned" not in outside
    assert len(written.splitlines()) == len(module.render(nasty_plan("plain"), Options()).splitlines())


def test_the_script_never_uses_an_administrators_rights() -> None:
    ubuntu = Os(system="linux", architecture="x86_64", distribution="Ubuntu 24.04.3 LTS")
    written = sh.render(plan("flash-attn", where=machine(card("H100"), os=ubuntu)), Options())
    commands = [line.strip() for line in written.splitlines() if not line.strip().startswith("#")]
    assert not any(line.startswith("sudo") for line in commands)
    assert any(line.startswith("echo") and "sudo apt-get install" in line for line in commands)


def test_the_script_stops_before_it_begins_where_a_tool_is_missing(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\necho called >> {shlex.quote(str(log))}\n")
    fake.chmod(0o755)
    where = machine(card("H100"), interpreter=python(executable=str(fake)))
    script = sh.render(plan("flash-attn", where=where), Options())
    empty = tmp_path / "bin"
    empty.mkdir()
    done = subprocess.run(
        ["/bin/sh"], input=script, text=True, check=False, capture_output=True, env={"PATH": str(empty)}, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "install cc first" in done.stderr
    assert not log.exists()


def test_only_a_script_in_a_file_is_bound_to_its_machine() -> None:
    where = machine(identity=Identity(hostname="node-7"))
    made = plan("transformers", where=where)
    assert "node-7" not in sh.render(made, Options())
    guarded = sh.render(made, Options(guarded=True))
    done = subprocess.run(["sh"], input=guarded, text=True, check=False, capture_output=True, env={"PATH": os.defpath})
    assert done.returncode == 1
    assert "node-7" in done.stderr
    assert "LLMCHECK_ANY_MACHINE=1" in done.stderr


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_command_is_shown_whole_at_any_width(width: int) -> None:
    made = plan("torch", "vllm", "sglang", "helm", where=machine(card("H100")))
    written = text.render(made, Options(width=width))
    for environment in made.environments:
        for step in environment.steps:
            assert step.command in written


def test_too_little_space_is_told_in_the_same_line() -> None:
    made = plan("torch", where=machine(card("H100"), free=1000))
    assert made.size is not None
    written = text.render(made, Options(width=120))
    assert "to download" in written
    assert "kB free" in written or "B free" in written


@pytest.mark.parametrize(("driver", "major"), [("580.95.05", "13"), ("535.183.01", "12")])
def test_a_dockerfile_takes_an_image_with_the_compiler_that_a_build_needs(driver: str, major: str) -> None:
    where = machine(card("H100"), present=["cc", "nvcc"], driver=driver)
    written = dockerfile.render(plan("flash-attn", where=where), Options())
    assert f"\nFROM nvidia/cuda:{major}." in written
    assert {"python3-venv", "python3-dev"} <= set(re.findall(r"[\w-]+", written))


def test_wheels_alone_are_asked_for_in_every_file() -> None:
    made = plan("llama-cpp", where=machine(card("H100")))
    for module in (requirements, conda):
        assert "--only-binary=llama-cpp-python" in module.render(made, Options())


def test_a_machine_without_any_pytorch_is_not_shown_one() -> None:
    build = TorchBuild(tag="cpu", index_url=None, requirement="torch>=2", reasons=("old Python",), none="none for it")
    written = text.render(build, Options())
    assert "No PyTorch for this machine" in written
    assert "torch>=2" not in written


def test_a_dockerfile_proves_what_needs_no_gpu() -> None:
    """While an image is built there is none, whatever the source of the proof looks like."""
    proofs = [
        Step(kind="verify", command="x", argv=("py", "-c", source), reason=source, needs_gpu=needs_gpu)
        for source, needs_gpu in (("import a; a.is_available()", False), ("import b", True))
    ]
    environment = Environment(name="shared", python="py", installer="pip", steps=tuple(proofs))
    made = Plan(target="x", environments=(environment,), satisfied=(), notes=())
    lines = [line for line in dockerfile.render(made, Options()).splitlines() if line.startswith("RUN")]
    assert any("import a" in line for line in lines)
    assert not any("import b" in line for line in lines)


def test_only_the_proof_of_a_gpu_needs_one() -> None:
    for where, needed in ((machine(card("H100")), True), (machine(), False)):
        steps = [step for each in plan("torch", "peft", where=where).environments for step in each.steps]
        assert [step.needs_gpu for step in steps if step.kind == "verify"] == [needed, False, False]


def test_a_guard_tests_no_interpreter_that_the_script_makes() -> None:
    made = plan("peft", where=machine(card("H100")))
    (filled,) = made.environments
    assert f"[ -x {filled.python} ]" in sh.render(made, Options(guarded=True))
    new = replace(made, environments=(replace(filled, folder="/srv/project/.venv"),))
    assert "[ -x" not in sh.render(new, Options(guarded=True))


def test_a_server_is_named_in_a_comment_and_a_build_is_run() -> None:
    steps = [
        Step(kind="run", command="x", argv=("serve", "model"), reason="serves"),
        Step(kind="build", command="x", argv=("make", "all"), reason="builds"),
    ]
    environment = Environment(name="x", python=None, installer="pip", steps=tuple(steps))
    script = sh.render(Plan(target="x", environments=(environment,), satisfied=(), notes=()), Options())
    lines = [line.strip() for line in script.splitlines()]
    assert "# then: serve model" in lines
    assert "serve model" not in lines
    assert "make all" in lines
