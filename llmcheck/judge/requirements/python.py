"""``kind = "python"``: the version of the interpreter that the project uses.

Shortfall code: ``version``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from llmcheck.judge import specifiers
from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine, Python, Software
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: profile.Version
    """A version specifier (PEP 440): ``>=3.11``."""


def _example(version: str) -> Machine:
    return Machine(software=Software(python=Python(executable="python3", version=version)))


TRAITS = Traits(group="software")
EXAMPLE = Example(keys={"version": ">=3.11"}, passing=_example("3.11.0"), failing=_example("3.10.14"))


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the version specifier is not valid."""
    specifiers.validate(requirement.version, ">=3.11")


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return f"Python {requirement.version}"


def check(requirement: Requirement, machine: Machine) -> Finding:
    python = machine.software.python
    if python is None or python.version is None:
        return finding(requirement, "unknown", "the project's Python was not found", remedy="name it with --python")
    found = f"Python {python.version}"
    fits = specifiers.contains(requirement.version, python.version)
    if fits is None:
        return finding(requirement, "unknown", f"{found}: this version cannot be compared", found=found)
    if fits:
        return finding(requirement, "pass", found, found=found)
    return finding(
        requirement,
        "fail",
        f"{found} at {python.executable}; needs {needed(requirement)}",
        found=found,
        shortfall="version",
        remedy="create an environment with that Python and name it with --python",
    )
