"""``kind = "cpu"``: the processors that this process may use, and what they can do.

Shortfall codes: ``cpu``, ``cpu-missing`` (nothing has it).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
from typing import Annotated

from msgspec import Meta

from llmcheck.judge.facts import answers
from llmcheck.judge.facts.asked import Question, question_of
from llmcheck.judge.requirements import Example, Traits
from llmcheck.schema import profile
from llmcheck.schema.machine import Cpu, Machine
from llmcheck.schema.report import Finding

Count = Annotated[int, Meta(ge=1, le=8192)]


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    cores: Count | None = None
    """Physical cores of the machine, at least."""
    threads: Count | None = None
    """Threads that this process can run at once, at least: within its affinity and the quota of its control group."""
    flags: tuple[str, ...] = ()
    """What it has to know, as the kernel spells it: ``avx2``, ``avx512f``, ``amx_bf16``."""
    architecture: tuple[str, ...] = ()
    """One of these, as the kernel names it: ``x86_64``, ``aarch64``; () for any."""

    @functools.cached_property
    def questions(self) -> tuple[Question, ...]:
        found = []
        if self.cores is not None:
            found.append(question_of("cpu.cores", {}, "each", {"ge": self.cores}, None))
        if self.threads is not None:
            found.append(question_of("cpu.threads_usable", {}, "each", {"ge": self.threads}, None))
        found += [question_of("cpu.flags[*]", {}, "any", {"eq": each}, None) for each in self.flags]
        if self.architecture:
            found.append(question_of("os.architecture", {}, "each", {"in": self.architecture}, None))
        return tuple(found)


TRAITS = Traits(of_one_machine=True)
EXAMPLE = Example(
    keys={"threads": 8, "flags": ["avx2"]},
    passing=Machine(cpu=Cpu(threads_usable=8, flags=("avx2",))),
    failing=Machine(cpu=Cpu(threads_usable=7, flags=("avx2",))),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError where nothing is stated."""
    if not requirement.questions:
        raise ValueError("a cpu requirement has cores, threads, flags or architecture")


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    words = [
        f"{requirement.cores} cores" if requirement.cores else "",
        f"{requirement.threads} threads" if requirement.threads else "",
        *requirement.flags,
        " or ".join(requirement.architecture),
    ]
    return ", ".join(each for each in words if each)


def check(requirement: Requirement, machine: Machine) -> Finding:
    return answers.check(requirement, requirement.questions, machine, "cpu")
