"""An installation plan as a POSIX shell script; stdout is valid shell and nothing else."""

from __future__ import annotations

from llmcheck.advice import Plan
from llmcheck.render import Options
from llmcheck.render._blocks import printable


def render(value: object, _options: Options) -> str:
    """Stops at the first failure; comments say why. Raises TypeError for anything but a plan."""
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a shell script")
    lines = ["#!/bin/sh", f"# {printable(value.target)}: installation planned by llmcheck", "set -eu"]
    for environment in value.environments:
        lines += ["", f"# environment: {printable(environment.name)}"]
        for step in environment.steps:
            lines += [f"# {printable(step.reason)}", printable(step.command)]
    if not value.environments:
        lines.append("# nothing to install")
    lines += [f"# note: {printable(note)}" for note in value.notes]
    return "\n".join(lines) + "\n"
