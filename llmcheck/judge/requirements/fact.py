"""``kind = "fact"``: any fact of the machine, by its path.

Shortfall codes: ``fact`` (it is not as required), ``fact-missing`` (there is nothing that has it).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
from typing import Annotated, Any

from msgspec import Meta, field

from llmcheck.judge.facts import asked
from llmcheck.judge.facts.asked import Question
from llmcheck.judge.facts.quantifiers import Quantifier
from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.bounds import MOST_CLUSTER_GPUS
from llmcheck.schema.machine import Gpu, Machine, Ram
from llmcheck.schema.report import Finding, Group
from llmcheck.units import GB

_SOFTWARE = ("software", "access")


class Requirement(profile.Compared, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    fact: str
    """Its path, with the names of ``llmcheck machine --format json``: ``gpus[*].ecc.remapped_rows``."""
    where: dict[str, Any] = field(default_factory=dict)
    """Which elements of the last ``[*]`` are meant: by the path of a fact of theirs, a value or a table of operators.
    Several have to hold together. What is unknown may be meant."""
    quantifier: Quantifier = "each"
    """How many elements have to meet the operators, or what is made of them. Of none, ``each``, ``same``, ``min`` and
    ``max`` fail."""
    n: Annotated[int, Meta(ge=0, le=MOST_CLUSTER_GPUS)] | None = None
    """How many, for the quantifiers ``at-least`` and ``at-most``."""

    @functools.cached_property
    def question(self) -> Question:
        return asked.question_of(self.fact, self.where, self.quantifier, self.stated, self.n)


def _group(requirement: Requirement) -> Group:
    return "software" if requirement.fact.startswith(_SOFTWARE) else "hardware"


TRAITS = Traits(group_of=_group)
EXAMPLE = Example(
    keys={"fact": "gpus[*].memory_total", "quantifier": "each", "ge": "24 GB"},
    passing=Machine(gpus=(Gpu(vendor="nvidia", memory_total=24 * GB),), ram=Ram()),
    failing=Machine(gpus=(Gpu(vendor="nvidia", memory_total=24 * GB - 1),)),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the path, an operator, a unit or a filter is not possible."""
    _ = requirement.question


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return requirement.question.words()


def check(requirement: Requirement, machine: Machine) -> Finding:
    question = requirement.question
    members = question.members(machine)
    answer = question.answer(members)
    found = question.found(members)
    name = question.path.text
    if answer is True:
        return finding(requirement, "pass", f"{name}: {found}", found=found)
    if answer is False:
        missing = members.none_there
        message = f"{name}: {found}; needs {question.words()}"
        if missing:
            message = f"there is no {name}{' that is meant' if question.where else ''}; needs {question.words()}"
        shortfall = "fact-missing" if missing else "fact"
        return finding(requirement, "fail", message, found=found, shortfall=shortfall)
    problem = asked.reason(question, machine, members)
    why = f": {problem.message}" if problem else ""
    message = f"{name} could not be read{why}" if found == "unknown" else f"{name} is not known in full ({found}){why}"
    remedy = problem.remedy if problem else None
    return finding(requirement, "unknown", message, remedy=remedy)
