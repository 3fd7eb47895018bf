"""``kind = "interconnect"``: how the GPUs inside one machine reach each other."""

from __future__ import annotations

from typing import Literal

from llmcheck.judge.requirements import finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine, counted_gpus
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["nvlink"]


def validate(requirement: Requirement) -> None:
    """Nothing beyond the types."""


def needed(_requirement: Requirement) -> str:
    """In words."""
    return "NVLink between the GPUs"


def check(requirement: Requirement, machine: Machine) -> Finding:
    gpus, asked = counted_gpus(machine), needed(requirement)
    if machine.gpus is None:
        return finding(requirement, "unknown", "the GPUs could not be listed", needed=asked)
    if not gpus:
        return finding(requirement, "fail", "no GPU, so no NVLink", needed=asked, found="no GPU")
    linked = sum(1 for gpu in gpus if gpu.nvlinks)
    unasked = sum(1 for gpu in gpus if gpu.nvlinks is None)
    found = f"NVLink up on {linked} of {len(gpus)} GPUs"
    if linked == len(gpus):
        return finding(requirement, "pass", found, needed=asked, found=found)
    if linked + unasked == len(gpus):
        return finding(requirement, "unknown", "the NVLink state could not be read", needed=asked)
    return finding(
        requirement,
        "fail",
        found,
        needed=asked,
        found=found,
        remedy="an SXM or HGX machine has NVLink; 'nvidia-smi nvlink -s' shows the state of each link",
    )
