"""``kind = "interconnect"``: how the GPUs inside one machine are connected.

Shortfall codes: ``nvlink``, ``nvlink-partly`` (some links of a card are down).
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
    partly = [gpu for gpu in gpus if gpu.nvlinks and gpu.nvlinks < len(gpu.links)]
    if linked == len(gpus) and not partly:
        return finding(requirement, "pass", found, found=found)
    if partly:
        return _partly_down(requirement, partly, len(gpus))
    if linked + unread == len(gpus):
        return finding(requirement, "unknown", "the NVLink state could not be read")
    remedy = "an SXM or HGX machine has NVLink; 'nvidia-smi nvlink -s' shows the state of each link"
    return finding(requirement, "fail", found, found=found, shortfall="nvlink", remedy=remedy)


def _partly_down(requirement: Requirement, partly: list[Gpu], count: int) -> Finding:
    """Links through a switch are all up or the machine is broken; bridges may be fewer than there are places for."""
    worst = min(partly, key=lambda gpu: gpu.nvlinks or 0)
    found = f"{worst.nvlinks} of {len(worst.links)} NVLinks up on {len(partly)} of {count} GPUs"
    switched = any(link.peer == "switch" for gpu in partly for link in gpu.links)
    remedy = (
        "look at 'dmesg' for Xid 74, then 'sudo nvidia-smi --gpu-reset' or reboot; 'nvidia-smi nvlink -s' shows each"
    )
    return finding(
        requirement, "fail" if switched else "warn", found, found=found, shortfall="nvlink-partly", remedy=remedy
    )
