"""The script of a plan, run: what it refuses, what it does, what it only says, and in which order."""

from __future__ import annotations

import datetime
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmcheck.render import Options, sh
from llmcheck.schema.advice import Environment, Judged, LeftOut, Plan, Size, Step


@dataclass
class Machine:
    """A folder of commands that write down how they were called, and nothing else on PATH."""

    folder: Path

    def __post_init__(self) -> None:
        self.bin.mkdir()
        self.command("pip")
        self.command("serve")
        (self.bin / "cat").symlink_to("/bin/cat")

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def command(self, name: str) -> Path:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.folder}/log\n', encoding="utf-8")
        path.chmod(0o755)
        return path

    def uname(self, **answers: str) -> None:
        """``uname(n="node-7", s="Linux", m="x86_64")``."""
        cases = "".join(f"-{option}) echo {answer} ;; " for option, answer in answers.items())
        (self.bin / "uname").write_text(f'#!/bin/sh\ncase "$1" in {cases}esac\n', encoding="utf-8")
        (self.bin / "uname").chmod(0o755)

    def run(self, plan: Plan, *, guarded: bool = False, stdin: str = "", **variables: str) -> Ran:
        script = self.folder / "script.sh"
        script.write_text(sh.render(plan, Options(guarded=guarded)), encoding="utf-8")
        done = subprocess.run(
            ["/bin/sh", script],
            input=stdin,
            text=True,
            check=False,
            capture_output=True,
            env={"PATH": str(self.bin), **variables},
            cwd=self.folder,
        )
        log = self.folder / "log"
        calls = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return Ran(done.returncode, done.stdout, done.stderr.splitlines(), calls)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    said: list[str]
    calls: list[str]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def step(*argv: str, kind: Any = "install", **facts: Any) -> Step:
    return Step(kind=kind, command="not read", argv=argv, **{"reason": "because", **facts})


def environment(*steps: Step, **facts: Any) -> Environment:
    return Environment(**{"name": "shared", "python": None, "installer": "pip", **facts}, steps=steps)


def plan(*steps: Step, **facts: Any) -> Plan:
    made = (environment(*steps),) if steps else ()
    return Plan(**{"target": "peft", "satisfied": (), "notes": (), "environments": made, **facts})


PIP = step("pip", "install", "peft")


def comments(made: Plan) -> list[str]:
    return [line.strip() for line in sh.render(made, Options()).splitlines() if line.strip().startswith("#")]


# --- what is run


def test_it_runs_every_step_in_order_and_says_nothing(machine: Machine) -> None:
    ran = machine.run(plan(PIP, step("pip", "check", kind="verify")))
    assert ran == Ran(0, "", [], ["pip install peft", "pip check"])


def test_it_stops_at_the_first_failure(machine: Machine) -> None:
    (machine.bin / "pip").write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    ran = machine.run(plan(PIP, step("serve", kind="verify")))
    assert (ran.code, ran.calls) == (7, [])


def test_a_server_is_named_and_never_started(machine: Machine) -> None:
    made = plan(PIP, step("serve", "MODEL", kind="run"))
    assert machine.run(made).calls == ["pip install peft"]
    assert "# then: serve MODEL" in comments(made)


def test_variables_are_set_for_their_command_alone(machine: Machine) -> None:
    (machine.bin / "pip").write_text(f'#!/bin/sh\necho "$1 ${{JOBS:-none}}" >> {machine.folder}/log\n', "utf-8")
    ran = machine.run(plan(step("pip", "one", variables={"JOBS": "4"}), step("pip", "two")))
    assert ran.calls == ["one 4", "two none"]


def test_no_command_reads_the_rest_of_the_script(machine: Machine) -> None:
    (machine.bin / "pip").write_text(f"#!/bin/sh\ncat >> {machine.folder}/log\n", encoding="utf-8")
    assert machine.run(plan(PIP), stdin="meant for the script").calls == []


def test_a_script_that_arrives_in_part_does_nothing(machine: Machine) -> None:
    whole = sh.render(plan(PIP), Options())
    for cut in range(len(whole) - len('"$@" </dev/null\n')):
        if whole[:cut].rstrip().endswith("pip install peft"):
            reach = {"PATH": str(machine.bin)}
            done = subprocess.run(
                ["/bin/sh"], input=whole[:cut], text=True, check=False, capture_output=True, env=reach
            )
            assert done.returncode != 0
            assert not (machine.folder / "log").exists()
            break
    else:
        pytest.fail("the command is nowhere in the script")


def test_nothing_to_install_is_a_script_that_succeeds(machine: Machine) -> None:
    made = plan()
    assert machine.run(made) == Ran(0, "", [], [])
    assert "# nothing to install" in comments(made)
    assert "# nothing to install" not in comments(plan(PIP))
    assert machine.run(plan(step("serve", kind="run"))) == Ran(0, "", [], [])


def test_a_command_that_does_something_is_not_followed_by_one_that_does_nothing() -> None:
    assert "\n    :\n" in sh.render(plan(), Options())
    assert "\n    :\n" not in sh.render(plan(PIP), Options())


def test_only_a_plan_can_be_a_script() -> None:
    with pytest.raises(TypeError, match="installation plan"):
        sh.render("peft", Options())


def test_what_a_step_replaces_and_how_it_is_taken_back_stands_above_it() -> None:
    made = plan(step("pip", changes=("torch 2.1 is replaced",), undo="pip install torch==2.1", expect="True"))
    said = comments(made)
    assert said.index("# changes: torch 2.1 is replaced") < said.index("# undo with: pip install torch==2.1")
    assert "# prints: True" in said
    silent = " ".join(comments(plan(PIP)))
    assert "undo with" not in silent
    assert "prints" not in silent
    assert "None" not in silent


def test_the_reason_of_an_environment_is_given_unless_a_step_gives_it() -> None:
    alone = Plan(
        target="x",
        satisfied=(),
        notes=("a note",),
        environments=(environment(PIP, name="a", reason="it pins torch"), environment(PIP, name="b", reason="because")),
    )
    said = comments(alone)
    assert said.count("# it pins torch") == 1
    assert said.count("# because") == 2
    assert said.index("# environment: a") < said.index("# it pins torch") < said.index("# environment: b")
    assert said[-1] == "# note: a note"


# --- what is only said


def test_what_comes_before_anything_else_is_said_first(machine: Machine) -> None:
    ran = machine.run(plan(PIP, first=("plug it in", "turn it on")))
    assert ran.said == ["before anything else: plug it in", "before anything else: turn it on"]
    assert ran.calls == ["pip install peft"]


def test_too_little_space_is_said_and_tried_all_the_same(machine: Machine) -> None:
    day = datetime.date(2026, 1, 1)
    short = Size(download=2 * 10**9, installed=3 * 10**9, free=10**9, as_of=day)
    ran = machine.run(plan(PIP, size=short))
    assert ran.said == ["the disk is too small: about 4 GB are missing"]
    assert ran.calls == ["pip install peft"]
    exactly = Size(download=2 * 10**9, installed=3 * 10**9, free=5 * 10**9, as_of=day)
    for size in (None, exactly, Size(download=1, installed=1, free=None, as_of=day)):
        assert machine.run(plan(PIP, size=size)).said == []


def test_an_empty_line_stands_between_what_is_said_and_what_is_done() -> None:
    for made in (plan(PIP, first=("plug it in",)), plan(PIP)):
        body = sh.render(made, Options()).split("main() {\n")[1]
        assert "\n\n\n" not in body
        assert not body.startswith("\n")
    assert "plug it in' >&2\n\n" in sh.render(plan(PIP, first=("plug it in",)), Options())


def test_what_cannot_be_installed_fails_the_script_at_its_end(machine: Machine) -> None:
    ran = machine.run(plan(PIP, left_out=(LeftOut(library="vllm", reason="no GPU"),)))
    assert ran == Ran(1, "", ["cannot be installed here: vllm: no GPU"], ["pip install peft"])


# --- first steps of an administrator


@pytest.mark.parametrize(
    ("rights", "who"), [((True, True), "first, as administrator: "), ((True, False), "first: "), ((False,), "first: ")]
)
def test_first_steps_are_said_and_never_done(machine: Machine, rights: tuple[bool, ...], who: str) -> None:
    steps = tuple(step("serve", str(number), kind="system", root=root) for number, root in enumerate(rights))
    made = plan(PIP, system=steps)
    ran = machine.run(made)
    assert ran.said == [who + "; ".join(f"serve {number}" for number in range(len(rights)))]
    assert (ran.code, ran.calls) == (0, ["pip install peft"])
    for number in range(len(rights)):
        assert f"#   serve {number}" in comments(made)
    assert not any("restart" in line for line in comments(made))


def test_a_restart_comes_before_everything(machine: Machine) -> None:
    steps = (step("serve", "1", kind="system"), step("serve", "2", kind="system", reboot=True))
    made = plan(PIP, system=steps)
    ran = machine.run(made)
    assert (ran.code, ran.calls) == (1, [])
    assert ran.said[-1].startswith("then restart")
    assert "#   serve 2  (then restart)" in comments(made)
    assert "#   serve 1" in comments(made)


# --- what has to be there


def test_what_steps_need_is_looked_for_before_the_first(machine: Machine) -> None:
    made = plan(PIP, step("serve", requires=("uv", "git")))
    ran = machine.run(made)
    assert (ran.code, ran.said, ran.calls) == (1, ["install uv first"], [])
    machine.command("uv")
    assert machine.run(made).said == ["install git first"]
    machine.command("git")
    ran = machine.run(made)
    assert (ran.code, ran.said) == (0, [])
    assert ran.calls == ["pip install peft", "serve "]


def test_a_package_without_a_command_of_its_name_is_not_looked_for(machine: Machine) -> None:
    ran = machine.run(plan(step("serve", requires=("nvidia-container-toolkit",))))
    assert (ran.code, ran.calls) == (0, ["serve "])


def test_cudas_compiler_counts_where_its_packages_put_it() -> None:
    written = sh.render(plan(step("serve", requires=("nvcc", "cc"))), Options())
    (nvcc,) = [line for line in written.splitlines() if "command -v nvcc" in line]
    (cc,) = [line for line in written.splitlines() if "command -v cc" in line]
    assert "[ -x /usr/local/cuda/bin/nvcc ]" in nvcc
    assert "-x" not in cc


# --- the guard of a script in a file


@pytest.mark.parametrize(
    ("judged", "answers", "refused"),
    [
        (Judged(hostname="node-7"), {"n": "node-7"}, None),
        (Judged(hostname="node-7"), {"n": "node-8"}, "the machine node-7"),
        (Judged(system="linux"), {"s": "Linux"}, None),
        (Judged(system="linux"), {"s": "Darwin"}, "Linux"),
        (Judged(system="darwin"), {"s": "Darwin"}, None),
        (Judged(system="darwin"), {"s": "Linux"}, "Darwin"),
        (Judged(system="windows"), {"s": "MINGW64_NT-10.0"}, None),
        (Judged(architecture="x86_64"), {"m": "x86_64"}, None),
        (Judged(architecture="x86_64"), {"m": "amd64"}, None),
        (Judged(architecture="AMD64"), {"m": "x86_64"}, None),
        (Judged(architecture="x86_64"), {"m": "aarch64"}, "x86_64"),
        (Judged(architecture="arm64"), {"m": "aarch64"}, None),
        (Judged(architecture="aarch64"), {"m": "arm64"}, None),
        (Judged(architecture="aarch64"), {"m": "x86_64"}, "arm64"),
        (Judged(architecture="riscv64"), {"m": "x86_64"}, None),
        (Judged(), {}, None),
        (Judged(hypothetical=True), {}, "a machine in words"),
    ],
)
def test_a_script_in_a_file_refuses_another_machine(
    machine: Machine, judged: Judged, answers: dict[str, str], refused: str | None
) -> None:
    machine.uname(**answers)
    made = plan(PIP, machine=judged)
    ran = machine.run(made, guarded=True)
    if refused is None:
        assert (ran.code, ran.said, ran.calls) == (0, [], ["pip install peft"])
    else:
        said = f"this plan was made for {refused}: make one here, or set LLMCHECK_ANY_MACHINE=1"
        assert (ran.code, ran.said, ran.calls) == (1, [said], [])
        assert machine.run(made, guarded=True, LLMCHECK_ANY_MACHINE="1").calls == ["pip install peft"]
        assert machine.run(made).calls == ["pip install peft"]


def test_it_refuses_where_an_interpreter_that_it_fills_is_not_there(machine: Machine) -> None:
    there = machine.command("python3")
    filled = Plan(target="x", satisfied=(), notes=(), environments=(environment(PIP, python=str(there)),))
    assert machine.run(filled, guarded=True).code == 0
    there.unlink()
    ran = machine.run(filled, guarded=True)
    assert (ran.code, ran.calls) == (1, [])
    assert f"the interpreter {there}" in ran.said[0]


def test_the_interpreter_of_an_environment_that_is_still_to_be_made_is_not_looked_for(machine: Machine) -> None:
    made = environment(PIP, python=".venv/bin/python", folder=".venv")
    container = environment(PIP, python=None)
    where = Judged(system="linux")
    machine.uname(s="Linux")
    ran = machine.run(
        Plan(target="x", satisfied=(), notes=(), environments=(made, container), machine=where), guarded=True
    )
    assert (ran.code, ran.said) == (0, [])
    assert ran.calls == ["pip install peft"] * 2


def test_a_guard_that_tests_nothing_is_left_out() -> None:
    assert "LLMCHECK_ANY_MACHINE" not in sh.render(plan(PIP), Options(guarded=True))
    assert "LLMCHECK_ANY_MACHINE" in sh.render(plan(PIP, machine=Judged(system="linux")), Options(guarded=True))
