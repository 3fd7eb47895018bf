"""``kind = "fact"``: any fact of the machine, by its path.

Shortfall codes: ``fact`` (it is not as required), ``fact-missing`` (there is nothing that has it).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
from typing import Annotated, Any

from msgspec import Meta, field

from llmcheck.judge.facts import answers, asked
from llmcheck.judge.facts.asked import Question
from llmcheck.judge.facts.quantifiers import Quantifier
from llmcheck.judge.requirements import Example, Traits
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


TRAITS = Traits(group_of=_group, of_one_machine=True)
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
    return answers.check(requirement, (requirement.question,), machine, "fact")
