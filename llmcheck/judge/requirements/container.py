"""``kind = "container"``: whether this process runs inside of a container, and of which.

Shortfall codes: ``container``, ``container-missing``.
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
    inside: bool = True
    """False: it has to run outside of one."""
    runtime: tuple[str, ...] = ()
    """One of these: ``docker``, ``podman``, ``kubernetes``, ...; () for any."""

    @functools.cached_property
    def questions(self) -> tuple[Question, ...]:
        stated: dict[str, object] = {"in": self.runtime} if self.runtime else {"exists": True}
        return (question_of("os.container", {}, "each", stated if self.inside else {"absent": True}, None),)


def _example(container: str | None) -> Machine:
    return Machine(os=Os(system="linux", architecture="x86_64", container=container))


TRAITS = Traits(of_one_machine=True)
EXAMPLE = Example(keys={"runtime": ["docker", "podman"]}, passing=_example("podman"), failing=_example("lxc"))


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a runtime that must not be there."""
    if requirement.runtime and not requirement.inside:
        raise ValueError("runtime is about the inside of a container: put it into none_of instead of inside = false")


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    if not requirement.inside:
        return "no container"
    return f"a container ({' or '.join(requirement.runtime)})" if requirement.runtime else "a container"


def check(requirement: Requirement, machine: Machine) -> Finding:
    if machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to suffice", skipped="not-stated")
    return answers.check(requirement, requirement.questions, machine, "container")
