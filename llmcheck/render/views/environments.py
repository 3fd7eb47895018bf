"""What the formats that hold one environment share."""

from __future__ import annotations

import re

from llmcheck.errors import UsageError
from llmcheck.printable import printable
from llmcheck.schema.advice import Environment, Plan, Step
from llmcheck.schema.machine import normalized_name


def only_environment(plan: Plan, what: str) -> Environment | None:
    """None where nothing is missing. Raises UsageError where there are several: one file cannot hold two."""
    of_python = [each for each in plan.environments if each.python is not None]
    if len(of_python) > 1:
        names = ", ".join(each.name for each in of_python)
        raise UsageError(f"this plan has {len(of_python)} environments ({names}), {what} holds one: --environment NAME")
    return of_python[0] if of_python else None


def requested_names(environment: Environment) -> set[str]:
    """Normalised, of all that its steps ask for."""
    names = (re.match(r"[A-Za-z0-9._-]+", each) for step in environment.steps for each in step.requirements)
    return {normalized_name(found[0]) for found in names if found}


def head(plan: Plan) -> list[str]:
    """Comments, for a file that is read by another program: what it is for, what comes first, what is left out."""
    said = [f"{plan.target}: planned by llmcheck"]
    said += [f"before anything else: {each}" for each in plan.first]
    said += [f"cannot be installed here: {each.library}: {each.reason}" for each in plan.left_out]
    return [f"# {printable(text)}" for text in said]


def installs(environment: Environment) -> list[Step]:
    return [step for step in environment.steps if step.requirements]


def only_binary(environment: Environment) -> list[str]:
    """Options that a list of requirements takes on lines of their own, as indexes are."""
    options = (option for step in installs(environment) for option in step.options)
    return list(dict.fromkeys(option for option in options if option.startswith("--only-binary")))


def indexes(environment: Environment) -> list[str]:
    """Those beside PyPI, in order."""
    steps = installs(environment)
    return list(dict.fromkeys(url for step in steps for url in (step.index_url, step.extra_index_url) if url))
