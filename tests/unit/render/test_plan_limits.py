"""What every format says of limits: what is left out, replaced, too large or to be done first; scripts that stop."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.render import Options, conda, dockerfile, pylock, requirements, sh, text
from llmcheck.schema.advice import (
    LibraryChoice,
    Plan,
    Resolved,
    Step,
)
from llmcheck.schema.machine import Machine, Torch
from llmcheck.whatif import parse
from tests.machines_builder import card, machine, packages, python
from tests.unit.render.test_plan import plan, resolved


def run_script(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As ``| sh`` would, with no command of the machine in reach."""
    empty = folder / "bin"
    empty.mkdir(exist_ok=True)
    return subprocess.run(
        ["/bin/sh"],
        input=script,
        text=True,
        check=False,
        capture_output=True,
        env={"PATH": str(empty), **variables},
        cwd=folder,
    )


def answering(folder: Path) -> tuple[Machine, Path]:
    """A machine without a GPU whose interpreter writes down that it was called, and where."""
    log, fake = folder / "calls", folder / "python"
    fake.write_text(f"#!/bin/sh\necho called >> {shlex.quote(str(log))}\n")
    fake.chmod(0o755)
    return machine(interpreter=python(executable=str(fake))), log


def test_a_script_fails_where_what_was_asked_for_cannot_be_installed(tmp_path: Path) -> None:
    done = run_script(sh.render(plan("vllm", where=machine()), Options()), tmp_path)
    assert done.returncode == 1
    assert "cannot be installed here: vllm: vLLM needs an NVIDIA GPU" in done.stderr


def test_a_script_does_the_rest_before_it_fails(tmp_path: Path) -> None:
    where, log = answering(tmp_path)
    done = run_script(sh.render(plan("peft", "vllm", where=where), Options()), tmp_path)
    assert done.returncode == 1
    assert "vllm" in done.stderr
    assert log.read_text().count("called") > 1


def test_what_cannot_be_installed_is_not_called_nothing_to_install() -> None:
    written = text.render(plan("vllm", where=machine()), Options())
    assert "Nothing to install" not in written
    assert "Cannot be installed here" in written


@pytest.mark.parametrize("module", [requirements, conda, dockerfile, pylock])
def test_every_file_tells_what_is_left_out(module: Any) -> None:
    written: str = module.render(plan("vllm", where=machine()), Options())
    assert "# cannot be installed here: vllm: vLLM needs an NVIDIA GPU" in written


def replaced() -> Plan:
    where = machine(card("H100"), torch=Torch(version="2.15.0", build="cpu"), software=packages(torch="2.15.0+cpu"))
    return plan("torch", where=where)


@pytest.mark.parametrize("width", [40, 80])
def test_the_way_back_stays_whole_to_be_pasted(width: int) -> None:
    undo = [step.undo for environment in replaced().environments for step in environment.steps if step.undo]
    assert undo
    written = text.render(replaced(), Options(width=width))
    assert all(f"\n  {line}\n" in written for line in undo)


def test_requirements_say_the_way_back() -> None:
    assert "# undo with: " in requirements.render(replaced(), Options())


def system(**facts: Any) -> Step:
    how: dict[str, Any] = {"kind": "system", "command": "x", "argv": ("fix", "it"), "reason": "r", **facts}
    return Step(**how)


def test_a_script_stops_where_the_machine_has_to_be_restarted_first(tmp_path: Path) -> None:
    where, log = answering(tmp_path)
    made = replace(plan("peft", where=where), system=(system(root=True, reboot=True),))
    done = run_script(sh.render(made, Options()), tmp_path)
    assert done.returncode == 1
    assert "first, as administrator: fix it" in done.stderr
    assert "then restart" in done.stderr
    assert not log.exists()


def test_who_does_the_first_steps_is_told_as_it_is(tmp_path: Path) -> None:
    where, log = answering(tmp_path)
    made = replace(plan("peft", where=where), system=(system(root=False),))
    done = run_script(sh.render(made, Options()), tmp_path)
    assert (done.returncode, done.stderr) == (0, "first: fix it\n")
    assert log.exists()
    assert "as administrator" not in text.render(made, Options())


def test_too_little_space_is_told_in_words(tmp_path: Path) -> None:
    where, _ = answering(tmp_path)
    made = plan("torch", where=where)
    assert made.size is not None
    made = replace(made, size=replace(made.size, free=1000))
    assert made.size is not None
    assert made.size.shortfall > 0
    assert "does not fit" in text.render(made, Options(width=120))
    assert "too small" in run_script(sh.render(made, Options()), tmp_path).stderr


def test_the_disk_that_words_name_is_the_one_that_is_filled() -> None:
    named = parse.machine("1x RTX 4090, 64 GB RAM, 1 GB disk", catalog.gpu_specs()).machine
    made = plan("torch", where=named)
    assert made.size is not None
    assert made.size.free == 10**9
    assert made.size.shortfall > 0


def test_a_script_for_a_machine_in_words_runs_only_where_it_is_told_to(tmp_path: Path) -> None:
    where, log = answering(tmp_path)
    made = plan("peft", where=replace(where, hypothetical=True))
    script = sh.render(made, Options(guarded=True))
    done = run_script(script, tmp_path)
    assert done.returncode == 1
    assert "in words" in done.stderr
    assert not log.exists()
    assert run_script(script, tmp_path, LLMCHECK_ANY_MACHINE="1").returncode == 0


def test_one_of_several_environments_is_told_by_its_name() -> None:
    written = text.render(plan("transformers", "helm"), Options(width=120))
    assert "Environment 'shared': transformers" in written
    assert "Environment 'helm'" in written


def test_a_script_says_each_reason_once_and_why_a_library_was_chosen() -> None:
    made = plan("transformers", "helm", where=machine(interpreter=python(environment="system")))
    chosen = LibraryChoice(chosen="vLLM", reason="it serves", rejected={"TGI": "TGI is in maintenance"})
    script = sh.render(replace(made, choices=(chosen,)), Options())
    assert "# vLLM: it serves; not TGI: is in maintenance" in script
    comments = [line.strip() for line in script.splitlines() if line.strip().startswith("#")]
    for environment in made.environments:
        assert comments.count(f"# {environment.reason}") <= 1


def test_what_the_resolver_chose_is_listed() -> None:
    packages_ = (
        Resolved(name="peft", version="0.21.2", size=700_000),
        Resolved(name="numpy", version="2.4.6", size=None),
    )
    made = resolved(plan("peft"), *packages_)
    written = text.render(made, Options())
    assert re.search(r"peft +0\.21\.2 +700 kB", written)
    assert "2.4.6" not in written
    assert re.search(r"numpy +2\.4\.6 +unknown", text.render(made, Options(verbose=1)))


def test_conda_names_its_own_interpreter_for_what_is_built_alone() -> None:
    written = conda.render(plan("flash-attn", where=machine(card("H100"), present=["cc", "nvcc"])), Options())
    (line,) = [line for line in written.splitlines() if "--no-build-isolation" in line]
    assert "MAX_JOBS=4 python -m pip install --no-build-isolation" in line
    assert "/srv/project" not in line


def test_what_comes_before_all_steps_is_told_in_every_format(tmp_path: Path) -> None:
    where, log = answering(tmp_path)
    made = replace(plan("peft", where=where), first=("plug it in",))
    for module in (requirements, conda, dockerfile):
        assert "# before anything else: plug it in" in module.render(made, Options())
    written = text.render(made, Options())
    assert written.index("plug it in") < written.index("pip install")
    assert "before anything else: plug it in" in run_script(sh.render(made, Options()), tmp_path).stderr
    assert log.exists()
