"""``kind = "interconnect"``: how the GPUs inside one machine are connected.

Shortfall code: ``nvlink``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Literal

from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Gpu, Machine, counted_gpus
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["nvlink"]


TRAITS = Traits(blocked_by=("driver", "gpu"))
EXAMPLE = Example(
    keys={"type": "nvlink"},
    passing=Machine(gpus=(Gpu(vendor="nvidia", nvlinks=18),)),
    failing=Machine(gpus=(Gpu(vendor="nvidia", nvlinks=0),)),
)


def validate(requirement: Requirement) -> None:
    """The types say all: there is nothing more to check."""


def needed(_requirement: Requirement) -> str:
    """The requirement in words."""
    return "NVLink between the GPUs"


def check(requirement: Requirement, machine: Machine) -> Finding:
    gpus = counted_gpus(machine)
    if machine.gpus is None:
        return finding(requirement, "unknown", "the GPUs could not be listed")
    if not gpus:
        return finding(requirement, "fail", "no GPU, so no NVLink", found="no GPU", shortfall="nvlink")
    linked = sum(1 for gpu in gpus if gpu.nvlinks)
    unread = sum(1 for gpu in gpus if gpu.nvlinks is None)
    found = f"NVLink up on {linked} of {len(gpus)} GPUs"
    if linked == len(gpus):
        return finding(requirement, "pass", found, found=found)
    if linked + unread == len(gpus):
        return finding(requirement, "unknown", "the NVLink state could not be read")
    remedy = "an SXM or HGX machine has NVLink; 'nvidia-smi nvlink -s' shows the state of each link"
    return finding(requirement, "fail", found, found=found, shortfall="nvlink", remedy=remedy)
