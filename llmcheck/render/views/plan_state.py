"""Whether what a plan runs with is installed, in a few words."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.schema.estimate import Plan


def state(plan: Plan) -> str | None:
    """``vllm is installed``, or what to do first; None where it is not known what is installed."""
    if plan.installed is None:
        return None
    words = f"{plan.runtime} is {'' if plan.installed else 'not '}installed"
    if not plan.installed and plan.build is not None:
        return f"{words}: {plan.build}"
    command = install_command(plan)
    if command is None:
        return words
    return f"{words}; {'what else it needs' if plan.installed else 'install with'}: {command}"


def install_command(plan: Plan) -> str | None:
    """The command that installs what is missing; None where nothing is, or where no command does it."""
    if not plan.needs or (not plan.installed and plan.build is not None):
        return None
    return shell.line(("llmcheck", "install", *plan.needs))
