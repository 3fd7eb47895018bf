"""An installation plan as a POSIX shell script; stdout is valid shell and nothing else."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.plan import chosen
from llmcheck.schema.advice import Environment, Plan, Step
from llmcheck.units import format_gb

_KERNELS = {"linux": "Linux", "darwin": "Darwin"}
# NVIDIA's own packages do not put it on PATH, and builds find it there all the same.
_ALSO_AT = {"nvcc": "/usr/local/cuda/bin/nvcc"}
_MACHINES = {"x86_64": "x86_64|amd64", "amd64": "x86_64|amd64", "arm64": "arm64|aarch64", "aarch64": "arm64|aarch64"}


def render(value: object, options: Options) -> str:
    """Stops at the first failure; comments say why. Raises TypeError for anything but a plan.

    It fails in the end where something that was wanted cannot be installed: nobody who runs it in a pipe has read the
    plan. All is one function that is called in the last line: a script that arrives in part does nothing, and no
    command can read what follows it from a pipe.
    """
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a shell script")
    body = _guard(value) if options.guarded else []
    body += _space(value)
    body += [*(_say(f"before anything else: {each}") for each in value.first), *([""] if value.first else [])]
    body += _first(value.system)
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


def _say(text: str) -> str:
    return f"echo {shell.quote(printable(text))} >&2"


def _space(plan: Plan) -> list[str]:
    """A warning and no refusal: some of it may be installed, and the disk may have changed since."""
    lacking = plan.size.shortfall if plan.size else 0
    return [_say(f"the disk is too small for this by about {format_gb(lacking)}"), ""] if lacking else []


def _left_out(plan: Plan) -> list[str]:
    if not plan.left_out:
        return []
    return [*(_say(f"cannot be installed here: {each.library}: {each.reason}") for each in plan.left_out), "exit 1"]


def _guard(plan: Plan) -> list[str]:
    """Refuses where the machine is not the one that was judged, as far as that is known."""
    machine = plan.machine
    tests = [("false", "a machine in words")] if machine.hypothetical else []
    if machine.hostname:
        tests.append((f'[ "$(uname -n)" = {shell.quote(machine.hostname)} ]', f"the machine {machine.hostname}"))
    if machine.system in _KERNELS:
        tests.append((f'[ "$(uname -s)" = {_KERNELS[machine.system]} ]', _KERNELS[machine.system]))
    names = _MACHINES.get((machine.architecture or "").lower())
    if names:
        tests.append((f'case "$(uname -m)" in {names}) true ;; *) false ;; esac', names.split("|")[0]))
    # An environment that the script itself makes does not exist yet.
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
        lines.append(f"    {test} || {{ {_say(message)}; exit 1; }}")
    return [*lines, "fi", ""]


def _first(steps: tuple[Step, ...]) -> list[str]:
    """What an administrator does is printed and never run here. After a restart another plan is needed."""
    if not steps:
        return []
    who = ", as administrator" if all(step.root for step in steps) else ""
    lines = [f"# First{who}; this script does not do it:"]
    for step in steps:
        lines += [_comment(f"{step.reason}"), _comment(f"  {_line(step)}{'  (then restart)' if step.reboot else ''}")]
    commands = "; ".join(_line(step) for step in steps)
    lines.append(_say(f"first{who}: {commands}"))
    if any(step.reboot for step in steps):
        lines += [_say("then restart, and run llmcheck again: nothing was installed yet"), "exit 1"]
    return [*lines, ""]


def _commands_needed(plan: Plan) -> list[str]:
    """Before anything is installed: without these a later step would fail."""
    steps = [step for environment in plan.environments for step in environment.steps]
    names = dict.fromkeys(name for step in steps for name in step.requires)
    tests = [
        f"{_is_there(name)} || {{ {_say(f'install {name} first')}; exit 1; }}"
        for name in names
        if name != "nvidia-container-toolkit"  # a package, whose command is another
    ]
    return ["# needed before the first step", *tests, ""] if tests else []


def _is_there(name: str) -> str:
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
        # A server would never end, and its model is still to be chosen.
        lines.append(_comment(f"then: {_line(step)}") if step.kind == "run" else _line(step))
    return [*lines, ""]


def _line(step: Step) -> str:
    return shell.line(step.argv, "bash", step.variables)
