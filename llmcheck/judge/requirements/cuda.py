"""``kind = "cuda"``: the CUDA that the driver supports, or a toolkit that is installed.

Shortfall codes: ``cuda``, ``cuda-missing`` (there is no toolkit).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools

from llmcheck.gpus import vendors
from llmcheck.judge.facts import answers
from llmcheck.judge.facts.asked import Question, question_of
from llmcheck.judge.requirements import Example, Traits
from llmcheck.schema import profile
from llmcheck.schema.machine import Driver, Gpu, Machine
from llmcheck.schema.report import Finding, Group


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    driver: profile.Version | None = None
    """The newest CUDA that the driver supports: ``12.8`` for that or newer, or a comparison such as ``>=12.4,<14``."""
    toolkit: profile.Version | None = None
    """The same of a CUDA toolkit on disk."""

    @functools.cached_property
    def questions(self) -> tuple[Question, ...]:
        found = []
        if self.driver is not None:
            path = f"drivers.{_vendor().id}.cuda_version"
            found.append(question_of(path, {}, "each", {"version": self.driver}, None))
        if self.toolkit is not None:
            path = "software.cuda_toolkits[*].version"
            found.append(question_of(path, {}, "any", {"version": self.toolkit}, None))
        return tuple(found)


def _vendor() -> vendors.Vendor:
    return next(each for each in vendors.every() if each.platform == "cuda")


def _group(requirement: Requirement) -> Group:
    return "software" if requirement.toolkit is not None else "hardware"


def _example(version: str) -> Machine:
    return Machine(gpus=(Gpu(vendor="nvidia"),), drivers={"nvidia": Driver(cuda_version=version)})


TRAITS = Traits(group_of=_group, blocked_by=("driver",), of_one_machine=True)
EXAMPLE = Example(keys={"driver": "12.8"}, passing=_example("12.8"), failing=_example("12.4"))


def validate(requirement: Requirement) -> None:
    """Raises ValueError where nothing is stated, or a version is not valid."""
    if not requirement.questions:
        raise ValueError("a cuda requirement has driver or toolkit")


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    words = [
        f"{_vendor().name}'s driver for CUDA {requirement.driver}" if requirement.driver else "",
        f"a CUDA toolkit {requirement.toolkit}" if requirement.toolkit else "",
    ]
    return " and ".join(each for each in words if each)


def check(requirement: Requirement, machine: Machine) -> Finding:
    return answers.check(requirement, requirement.questions, machine, "cuda")
