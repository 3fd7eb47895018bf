"""An installation plan as a POSIX shell script; stdout is valid shell and nothing else."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.advice import Environment, Plan, Step
from llmcheck.render import Options
from llmcheck.render._blocks import printable

_KERNELS = {"linux": "Linux", "darwin": "Darwin"}
_MACHINES = {"x86_64": "x86_64|amd64", "amd64": "x86_64|amd64", "arm64": "arm64|aarch64", "aarch64": "arm64|aarch64"}


def render(value: object, options: Options) -> str:
    """Stops at the first failure; comments say why. Raises TypeError for anything but a plan.

    All is one function that is called in the last line: a script that arrives in part does nothing, and no command can
    read what follows it from a pipe.
    """
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a shell script")
    body = _guard(value) if options.guarded else []
    body += _first(value.system)
    body += _commands_needed(value)
    for environment in value.environments:
        body += _environment(environment)
    if not value.environments:
        body.append("# nothing to install")
    if not any(line and not line.startswith("#") for line in body):
        body.append(":")
    lines = ["#!/bin/sh", _comment(f"{value.target}: installation planned by llmcheck"), "set -eu", "", "main() {"]
    lines += [f"    {line}" if line else "" for line in "\n".join(body).rstrip("\n").split("\n")]
    lines += ["}", ""]
    lines += [_comment(f"left out: {each.library}: {each.reason}") for each in value.left_out]
    lines += [_comment(f"note: {note}") for note in value.notes]
    return "\n".join([*lines, 'main "$@" </dev/null']) + "\n"


def _comment(text: str) -> str:
    return f"# {printable(text)}"


def _say(text: str) -> str:
    return f"echo {shell.quote(printable(text))} >&2"


def _guard(plan: Plan) -> list[str]:
    """Refuses where the machine is not the one that was judged, as far as that is known."""
    machine = plan.machine
    tests = []
    if machine.hostname:
        tests.append((f'[ "$(uname -n)" = {shell.quote(machine.hostname)} ]', f"the machine {machine.hostname}"))
    if machine.system in _KERNELS:
        tests.append((f'[ "$(uname -s)" = {_KERNELS[machine.system]} ]', _KERNELS[machine.system]))
    names = _MACHINES.get((machine.architecture or "").lower())
    if names:
        tests.append((f'case "$(uname -m)" in {names}) true ;; *) false ;; esac', names.split("|")[0]))
    there = {each.python for each in plan.environments if each.python and each.folder is None}
    tests += [(f"[ -x {shell.quote(path)} ]", f"the interpreter {path}") for path in sorted(there)]
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
    """What an administrator does is said and never done here."""
    if not steps:
        return []
    lines = ["# First, as administrator; this script does not do it:"]
    for step in steps:
        lines += [_comment(f"{step.reason}"), _comment(f"  {_line(step)}{'  (then restart)' if step.reboot else ''}")]
    said = "; ".join(_line(step) for step in steps)
    return [*lines, _say(f"first, as administrator: {said}"), ""]


def _commands_needed(plan: Plan) -> list[str]:
    """Before anything is installed: without these a later step would fail half-way."""
    steps = [step for environment in plan.environments for step in environment.steps]
    names = dict.fromkeys(name for step in steps for name in step.requires)
    tests = [
        f"command -v {shell.quote(name)} >/dev/null 2>&1 || {{ {_say(f'install {name} first')}; exit 1; }}"
        for name in names
        if name != "nvidia-container-toolkit"  # a package, whose command is another
    ]
    return ["# what has to be there before the first step", *tests, ""] if tests else []


def _environment(environment: Environment) -> list[str]:
    lines = [_comment(f"environment: {environment.name}")]
    lines += [_comment(environment.reason)] if environment.reason else []
    for step in environment.steps:
        lines.append(_comment(step.reason))
        lines += [_comment(f"changes: {each}") for each in step.changes]
        lines += [_comment(f"back with: {step.undo}")] if step.undo else []
        lines += [_comment(f"prints: {step.expect}")] if step.expect else []
        # A server would never end, and its model is still to be chosen.
        lines.append(_comment(f"then: {_line(step)}") if step.kind == "run" else _line(step))
    return [*lines, ""]


def _line(step: Step) -> str:
    return shell.line(step.argv, "bash", step.variables)
