"""Functions for the formats that write plans as files for other programs."""

from __future__ import annotations

import re

from llmcheck.errors import UsageError
from llmcheck.install.specifiers import name_of
from llmcheck.printable import is_printable, printable
from llmcheck.schema.advice import Environment, Plan, Step
from llmcheck.schema.machine import normalized_name

# The version if the plan does not know one: nearly all packages have wheels for it (2026-11).
_PYTHON = "3.12"


def only_environment(plan: Plan, what: str) -> Environment | None:
    """The only Python environment of a plan; None if nothing is missing. Raises UsageError if there are several.

    ``what``: the kind of file, for the error message.
    """
    of_python = [each for each in plan.environments if each.python is not None]
    if len(of_python) > 1:
        names = ", ".join(each.name for each in of_python)
        raise UsageError(
            f"this plan has {len(of_python)} environments ({names}), but {what} can have only one: "
            "choose it with --environment NAME"
        )
    return of_python[0] if of_python else None


def requested_names(environment: Environment) -> set[str]:
    """The normalised names of the packages that its steps name."""
    return {normalized_name(name_of(each)) for step in environment.steps for each in step.requirements}


def python_series(environment: Environment | None) -> str:
    """The major.minor version of an environment's Python; a current one if it is unknown."""
    found = re.match(r"\d+\.\d+", (environment.python_version if environment else None) or "")
    return found[0] if found else _PYTHON


def header(plan: Plan) -> list[str]:
    """Comments at the top of a file: its purpose, what has to be done first, and what is left out."""
    texts = [f"{plan.target}: planned by llmcheck"]
    texts += [f"before anything else: {each}" for each in plan.first]
    texts += [f"cannot be installed here: {each.library}: {each.reason}" for each in plan.left_out]
    return [f"# {printable(text)}" for text in texts]


def install_steps(environment: Environment) -> list[Step]:
    """The steps that install packages."""
    return [step for step in environment.steps if step.requirements]


def requirement_line(requirement: str) -> str:
    """A requirement as a line of a requirements file, which conda writes too.

    Raises UsageError for what pip would read otherwise: it replaces ``${NAME}``, joins a line that ends in a
    backslash with the next, and takes a line that begins with a hyphen for an option.
    """
    if requirement.startswith("-") or not is_printable(requirement) or any(sign in requirement for sign in "$\\"):
        raise UsageError(f"{requirement!r} cannot be written into a requirements file: pip would not read it as it is")
    return requirement


def only_binary(environment: Environment) -> list[str]:
    """The --only-binary options, which a requirements file has on separate lines."""
    options = (option for step in install_steps(environment) for option in step.options)
    return list(dict.fromkeys(option for option in options if option.startswith("--only-binary")))


def indexes(environment: Environment) -> list[str]:
    """The URLs of package indexes other than PyPI, in order."""
    steps = install_steps(environment)
    return list(dict.fromkeys(url for step in steps for url in (step.index_url, step.extra_index_url) if url))
