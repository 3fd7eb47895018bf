"""``kind = "process"``: a program that runs on this machine, by its name.

Shortfall codes: ``process-missing`` (too few run), ``process`` (it runs, and must not).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Annotated

from msgspec import Meta

from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.asked import Ask, Asked, AskedMachine, asked_of
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    """The name of its file, without a folder: ``nvidia-persistenced``."""
    running: bool = True
    """False: it must not run."""
    at_least: Annotated[int, Meta(ge=1, le=100_000)] = 1
    """How many have to run."""


def _ask(requirement: Requirement) -> tuple[Ask, ...]:
    return (Ask(process=requirement.name),)


def _example(count: int) -> Machine:
    return AskedMachine(asked=Asked(processes={"nv-fabricmanager": count}))


TRAITS = Traits(asks=_ask, of_one_machine=True)
EXAMPLE = Example(keys={"name": "nv-fabricmanager"}, passing=_example(1), failing=_example(0))


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a path, and for a number of what must not run."""
    if "/" in requirement.name or not requirement.name.isprintable():
        raise ValueError(f"name: {requirement.name[:40]!r} is not the name of a program without its folder")
    if not requirement.running and requirement.at_least > 1:
        raise ValueError("at_least is about what has to run")


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    if not requirement.running:
        return f"no {requirement.name} running"
    return f"{f'{requirement.at_least} x ' if requirement.at_least > 1 else ''}{requirement.name} running"


def check(requirement: Requirement, machine: Machine) -> Finding:
    name, processes = requirement.name, asked_of(machine).processes
    if machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    if processes is None or name not in processes:
        return finding(requirement, "unknown", f"whether {name} runs is known only on the machine itself")
    count = processes[name]
    found = "not running" if not count else f"{count} running"
    if not requirement.running and count:
        return finding(requirement, "fail", f"{name}: {found}", found=found, shortfall="process")
    if requirement.running and count < requirement.at_least:
        message = f"{name}: {found}; needs {needed(requirement)}"
        return finding(requirement, "fail", message, found=found, shortfall="process-missing")
    return finding(requirement, "pass", f"{name}: {found}", found=found)
