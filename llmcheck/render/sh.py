"""An installation plan as a POSIX shell script."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.plan import chosen
from llmcheck.schema.advice import Environment, Plan, Step
from llmcheck.units import format_gb

FILE_NAMES = ("*.sh",)

_KERNELS = {"linux": "Linux", "darwin": "Darwin"}
# NVIDIA's packages do not add nvcc to PATH, but builds find it there.
_ALSO_AT = {"nvcc": "/usr/local/cuda/bin/nvcc"}
_MACHINES = {"x86_64": "x86_64|amd64", "amd64": "x86_64|amd64", "arm64": "arm64|aarch64", "aarch64": "arm64|aarch64"}


def render(value: object, options: Options) -> str:
    """The script stops at the first failure. Raises TypeError for anything but a plan.

    It ends with exit code 1 if a requested library cannot be installed, because a user who pipes it into a shell has
    not read the plan. All commands are in one function that the last line calls: so a script that is cut off in
    transmission does nothing, and no command can read the rest of the script from standard input.
    """
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a shell script")
    body = _guard(value) if options.guarded else []
    body += _disk_warning(value)
    body += [*(_print(f"before anything else: {each}") for each in value.first), *([""] if value.first else [])]
    body += _system_steps(value.system)
    body += _commands_needed(value)
    for environment in value.environments:
        body += _environment(environment)
    if not value.environments:
        body.append("# nothing to install")
    body += _left_out(value)
    if not any(line and not line.startswith("#") for line in body):
        body.append(":")
    lines = ["#!/bin/sh", _comment(f"{value.target}: installation planned by llmcheck")]
    lines += [_comment(chosen(each)) for each in value.choices]
    lines += ["set -eu", "", "main() {"]
    lines += [f"    {line}" if line else "" for line in "\n".join(body).rstrip("\n").split("\n")]
    lines += ["}", ""]
    lines += [_comment(f"note: {note}") for note in value.notes]
    return "\n".join([*lines, 'main "$@" </dev/null']) + "\n"


def _comment(text: str) -> str:
    return f"# {printable(text)}"


def _print(text: str) -> str:
    return f"echo {shell.quote(printable(text))} >&2"


def _disk_warning(plan: Plan) -> list[str]:
    """A warning if the disk is too small. The script runs anyway, because the free space may have changed."""
    lacking = plan.size.shortfall if plan.size else 0
    return [_print(f"the disk is too small: about {format_gb(lacking)} are missing"), ""] if lacking else []


def _left_out(plan: Plan) -> list[str]:
    if not plan.left_out:
        return []
    return [*(_print(f"cannot be installed here: {each.library}: {each.reason}") for each in plan.left_out), "exit 1"]


def _guard(plan: Plan) -> list[str]:
    """Stops on a machine that is not the judged one, as far as that is known."""
    machine = plan.machine
    tests = [("false", "a machine in words")] if machine.hypothetical else []
    if machine.hostname:
        tests.append((f'[ "$(uname -n)" = {shell.quote(machine.hostname)} ]', f"the machine {machine.hostname}"))
    if machine.system in _KERNELS:
        tests.append((f'[ "$(uname -s)" = {_KERNELS[machine.system]} ]', _KERNELS[machine.system]))
    names = _MACHINES.get((machine.architecture or "").lower())
    if names:
        tests.append((f'case "$(uname -m)" in {names}) true ;; *) false ;; esac', names.split("|")[0]))
    # An environment that the script creates does not exist yet.
    existing = {each.python for each in plan.environments if each.python and each.folder is None}
    tests += [(f"[ -x {shell.quote(path)} ]", f"the interpreter {path}") for path in sorted(existing)]
    if not tests:
        return []
    lines = [
        "# made for one machine; LLMCHECK_ANY_MACHINE=1 runs it on any",
        'if [ -z "${LLMCHECK_ANY_MACHINE:-}" ]; then',
    ]
    for test, what in tests:
        message = f"this plan was made for {what}: make one here, or set LLMCHECK_ANY_MACHINE=1"
        lines.append(f"    {test} || {{ {_print(message)}; exit 1; }}")
    return [*lines, "fi", ""]


def _system_steps(steps: tuple[Step, ...]) -> list[str]:
    """Steps for an administrator are printed, not run. If one needs a restart, the script stops."""
    if not steps:
        return []
    who = ", as administrator" if all(step.root for step in steps) else ""
    lines = [f"# First{who}; this script does not run it:"]
    for step in steps:
        lines += [_comment(f"{step.reason}"), _comment(f"  {_line(step)}{'  (then restart)' if step.reboot else ''}")]
    commands = "; ".join(_line(step) for step in steps)
    lines.append(_print(f"first{who}: {commands}"))
    if any(step.reboot for step in steps):
        lines += [_print("then restart, and run llmcheck again: nothing was installed yet"), "exit 1"]
    return [*lines, ""]


def _commands_needed(plan: Plan) -> list[str]:
    """Tests for the programs that the steps need, before anything is installed."""
    steps = [step for environment in plan.environments for step in environment.steps]
    names = dict.fromkeys(name for step in steps for name in step.requires)
    tests = [
        f"{_is_available(name)} || {{ {_print(f'install {name} first')}; exit 1; }}"
        for name in names
        if name != "nvidia-container-toolkit"  # the name of a package, not of a program
    ]
    return ["# needed before the first step", *tests, ""] if tests else []


def _is_available(name: str) -> str:
    """A shell test for a program."""
    elsewhere = f" || [ -x {_ALSO_AT[name]} ]" if name in _ALSO_AT else ""
    return f"command -v {shell.quote(name)} >/dev/null 2>&1{elsewhere}"


def _environment(environment: Environment) -> list[str]:
    lines = [_comment(f"environment: {environment.name}")]
    reasons = {step.reason for step in environment.steps}
    lines += [_comment(environment.reason)] if environment.reason and environment.reason not in reasons else []
    for step in environment.steps:
        lines.append(_comment(step.reason))
        lines += [_comment(f"changes: {each}") for each in step.changes]
        lines += [_comment(f"undo with: {step.undo}")] if step.undo else []
        lines += [_comment(f"prints: {step.expect}")] if step.expect else []
        # A server does not end, and the user has to choose its model.
        lines.append(_comment(f"then: {_line(step)}") if step.kind == "run" else _line(step))
    return [*lines, ""]


def _line(step: Step) -> str:
    return shell.line(step.argv, "bash", step.variables)
