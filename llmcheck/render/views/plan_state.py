"""Whether what a plan runs with is installed, in a few words."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.schema.estimate import Plan


def state(plan: Plan) -> str | None:
    """``installed``, or what to do first; None where it is not known what is installed."""
    if plan.installed is None:
        return None
    if not plan.installed and plan.build is not None:
        return f"not installed: {plan.build}"
    command = install_command(plan)
    if command is not None:
        return f"install with: {command}"
    return "installed" if plan.installed else "not installed"


def install_command(plan: Plan) -> str | None:
    """The command that installs what is missing; None where nothing is, or where no command does it."""
    if not plan.needs or (not plan.installed and plan.build is not None):
        return None
    return shell.line(("llmcheck", "install", *plan.needs))
