"""The command that runs a plan, as lines to paste."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.schema.estimate import Plan


def lines(plan: Plan) -> list[str]:
    """The service that has to run first, where there is one, then the command; [] where none is known.

    Variables stand before the command that reads them.
    """
    if plan.launch is None:
        return []
    if plan.launch_service:
        return [shell.line(plan.launch_service, variables=plan.launch_environment), shell.line(plan.launch)]
    return [shell.line(plan.launch, variables=plan.launch_environment)]
