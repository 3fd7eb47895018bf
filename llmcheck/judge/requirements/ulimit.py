"""``kind = "ulimit"``: a limit of this process, such as the memory that it may lock.

Shortfall codes: ``ulimit``, ``ulimit-missing``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools

from llmcheck.judge.facts import answers, paths
from llmcheck.judge.facts.asked import Question, question_of
from llmcheck.judge.requirements import Example, Traits
from llmcheck.schema import profile
from llmcheck.schema.machine import Limits, Machine, Rlimit
from llmcheck.schema.report import Finding
from llmcheck.units import GIB


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    name: str
    """``memlock``, ``nofile``, or another limit of ``limits`` in ``llmcheck machine --format json``."""
    soft: int | str | None = None
    """At least this: a size such as ``32 GiB`` where the limit is one, a number, or ``unlimited``."""
    hard: int | str | None = None
    """The same of the hard limit, to which a process may raise the soft one."""

    @functools.cached_property
    def questions(self) -> tuple[Question, ...]:
        both = (("soft", self.soft), ("hard", self.hard))
        return tuple(
            question_of(f"limits.{self.name}.{which}", {}, "each", {"ge": value}, None)
            for which, value in both
            if value is not None
        )


TRAITS = Traits(of_one_machine=True)
EXAMPLE = Example(
    keys={"name": "memlock", "soft": "32 GiB"},
    passing=Machine(limits=Limits(memlock=Rlimit(soft=None))),
    failing=Machine(limits=Limits(memlock=Rlimit(soft=8 * GIB))),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError for an unknown limit, and where nothing is stated."""
    known = [name for name, (_, kind) in paths.fields_of(Limits).items() if kind is Rlimit]
    if requirement.name not in known:
        raise ValueError(f"name: there is no limit '{requirement.name[:40]}'; limits: {', '.join(known)}")
    if not requirement.questions:
        raise ValueError('a ulimit requirement has soft or hard: soft = "unlimited"')


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    both = (("", requirement.soft), ("hard ", requirement.hard))
    return ", ".join(f"{which}{requirement.name} {value}" for which, value in both if value is not None)


def check(requirement: Requirement, machine: Machine) -> Finding:
    return answers.check(requirement, requirement.questions, machine, "ulimit")
