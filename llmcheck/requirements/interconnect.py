"""``kind = "interconnect"``: how the GPUs inside one machine reach each other."""

from __future__ import annotations

from typing import Literal

from llmcheck import profile
from llmcheck.machine import Machine, counted_gpus
from llmcheck.report import Finding
from llmcheck.requirements import finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["nvlink"]


def validate(requirement: Requirement) -> None:
    """Nothing beyond the types."""


def check(requirement: Requirement, machine: Machine) -> Finding:
    gpus, needed = counted_gpus(machine), "NVLink between the GPUs"
    if machine.gpus is None:
        return finding(requirement, "unknown", "the GPUs could not be listed", needed=needed)
    if not gpus:
        return finding(requirement, "fail", "no GPU, so no NVLink", needed=needed, found="no GPU")
    linked = sum(1 for gpu in gpus if gpu.nvlinks)
    unasked = sum(1 for gpu in gpus if gpu.nvlinks is None)
    found = f"NVLink up on {linked} of {len(gpus)} GPUs"
    if linked == len(gpus):
        return finding(requirement, "pass", found, needed=needed, found=found)
    if linked + unasked == len(gpus):
        return finding(requirement, "unknown", "the NVLink state could not be read", needed=needed)
    return finding(
        requirement,
        "fail",
        found,
        needed=needed,
        found=found,
        remedy="an SXM or HGX machine has NVLink; 'nvidia-smi nvlink -s' shows the state of each link",
    )
