"""``kind = "kernel"``: the release of the Linux kernel.

Shortfall codes: ``kernel``, ``kernel-missing``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools

from llmcheck.judge.facts import answers
from llmcheck.judge.facts.asked import Question, question_of
from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine, Os
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    version: profile.Version
    """``5.15`` for that or newer, or a comparison such as ``>=5.15,<7``."""

    @functools.cached_property
    def questions(self) -> tuple[Question, ...]:
        return (question_of("os.version", {}, "each", {"version": self.version}, None),)


def _example(version: str | None) -> Machine:
    return Machine(os=Os(system="linux", architecture="x86_64", version=version))


TRAITS = Traits(of_one_machine=True)
EXAMPLE = Example(keys={"version": "5.15"}, passing=_example("5.15.0-97-generic"), failing=_example("5.4.0"))


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the version is not valid."""
    _ = requirement.questions


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return f"Linux {requirement.version}{' or newer' if requirement.version[:1].isdigit() else ''}"


def check(requirement: Requirement, machine: Machine) -> Finding:
    here = machine.os
    if here is not None and here.system != "linux":
        return finding(requirement, "skipped", f"not Linux but {here.system}", skipped="not-applicable")
    if machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    return answers.check(requirement, requirement.questions, machine, "kernel")
