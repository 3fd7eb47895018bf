"""``kind = "environment-variable"``: a variable of this process's environment, set or not, or its value.

Shortfall codes: ``variable`` (it has another value), ``variable-missing`` (it is not set).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
import re

from llmcheck.judge.facts.operators import Operator, holds, operators_of
from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.asked import Ask, Asked, AskedMachine, asked_of
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_PRIVATE = r"(?i)token|secret|passw|credential|private|key$|auth"
"""Of a variable with such a name only whether it is set is told."""
_NUMBERS = ("ge", "gt", "le", "lt", "between")
_LONGEST = 200


class Requirement(profile.Compared, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    name: str
    """``HF_HOME``. Without an operator it has to be set, whatever its value."""

    @functools.cached_property
    def operators(self) -> tuple[Operator, ...]:
        stated = self.stated or {"exists": True}
        return operators_of(stated, "number" if self.is_number else "text", None, self.name)

    @property
    def is_number(self) -> bool:
        """Whether the value is compared as a number."""
        return any(
            key in _NUMBERS or (isinstance(value, int | float) and not isinstance(value, bool))
            for key, value in self.stated.items()
        )


def _ask(requirement: Requirement) -> tuple[Ask, ...]:
    return (Ask(variable=requirement.name),)


def _example(value: str | None) -> Machine:
    return AskedMachine(asked=Asked(variables={"HF_HOME": value}))


TRAITS = Traits(asks=_ask, of_one_machine=True)
EXAMPLE = Example(
    keys={"name": "HF_HOME", "matches": "^/data"}, passing=_example("/data/hf"), failing=_example("/home")
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the name or an operator is not possible."""
    if not _NAME.fullmatch(requirement.name):
        raise ValueError(f"name: '{requirement.name[:40]}' is not the name of a variable such as HF_HOME")
    _ = requirement.operators


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    if not requirement.stated:
        return f"{requirement.name} set"
    return f"{requirement.name} {' and '.join(each.words for each in requirement.operators)}"


def check(requirement: Requirement, machine: Machine) -> Finding:
    name, variables = requirement.name, asked_of(machine).variables
    if machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    if variables is None or name not in variables:
        return finding(requirement, "unknown", f"{name} is known only on the machine itself")
    value = variables[name]
    if value is None:
        met = all(each.of_absent for each in requirement.operators)
        if met:
            return finding(requirement, "pass", f"{name} is not set", found="not set")
        return finding(requirement, "fail", f"{name} is not set", found="not set", shortfall="variable-missing")
    shown = "set" if re.search(_PRIVATE, name) else value[:_LONGEST]
    met_by = holds(requirement.operators, _number(value) if requirement.is_number else value)
    if met_by is None:
        return finding(requirement, "unknown", f"{name} cannot be compared ({shown})", found=shown)
    if met_by:
        return finding(requirement, "pass", f"{name}: {shown}", found=shown)
    message = f"{name} is {shown}; needs {needed(requirement)}"
    return finding(requirement, "fail", message, found=shown, shortfall="variable")


def _number(value: str) -> float:
    """The number that a text is; nan, which meets nothing, for other text."""
    return float(value) if re.fullmatch(r"\s*-?[0-9]{1,18}(\.[0-9]{1,18})?\s*", value) else float("nan")
