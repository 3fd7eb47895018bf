"""What the formats that hold one environment share."""

from __future__ import annotations

from llmcheck.advice import Environment, Plan, Step
from llmcheck.errors import UsageError


def only_environment(plan: Plan, what: str) -> Environment | None:
    """None where nothing is missing. Raises UsageError where there are several: one file cannot hold two."""
    of_python = [each for each in plan.environments if each.python is not None]
    if len(of_python) > 1:
        names = ", ".join(each.name for each in of_python)
        raise UsageError(f"this plan has {len(of_python)} environments ({names}), {what} holds one: --environment NAME")
    return of_python[0] if of_python else None


def installs(environment: Environment) -> list[Step]:
    return [step for step in environment.steps if step.requirements]


def indexes(environment: Environment) -> list[str]:
    """Those beside PyPI, in order."""
    steps = installs(environment)
    return list(dict.fromkeys(url for step in steps for url in (step.index_url, step.extra_index_url) if url))
