"""Faults of a machine that have to be repaired before anything else is worth judging."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.judge.requirements import BROKEN, traits
from llmcheck.schema.gpu import HIDDEN_BY_MISTAKE
from llmcheck.schema.machine import Disk, Machine, counted_gpus
from llmcheck.schema.outlook import Fault
from llmcheck.schema.report import Finding, ProfileReport
from llmcheck.units import GB, format_gb

LEAST_FREE = 5 * GB
"""A 7B model in 4 bits is 4 to 5 GB, and so is PyTorch with CUDA: with less there is nothing to start."""
_PYTHON = ("python-unusable", "python-too-old")
"""Codes of the problems that the inspection of a Python environment reports."""


def first_fault(reports: Sequence[ProfileReport], machine: Machine) -> Fault | None:
    """Of the driver before that of a variable that hides the GPUs, of Python, of a package and of the disk.

    None without a fault.
    """
    driver = next((each for report in reports for each in report.findings if is_root_cause(each)), None)
    if driver is not None:
        return Fault(kind="driver", message=driver.message, remedy=driver.remedy)
    hidden = next((each for each in machine.problems if each.code == HIDDEN_BY_MISTAKE), None)
    if hidden is not None and not counted_gpus(machine):
        return Fault(kind="gpu", message=hidden.message, remedy=hidden.remedy)
    problem = next((each for each in machine.problems if each.code in _PYTHON), None)
    if problem is not None:
        return Fault(kind="python", message=problem.message, remedy=problem.remedy)
    package = _package_of_all(reports)
    if package is not None:
        return Fault(kind="package", message=package.message, remedy=package.remedy)
    return _full_disk(machine)


def _package_of_all(reports: Sequence[ProfileReport]) -> Finding | None:
    """A broken package that all tiers with software need: no model runs in this environment."""
    judged = [[each for each in report.findings if each.group == "software" and each.libraries] for report in reports]
    needing = [findings for findings in judged if findings]
    broken = [
        {each.message for each in found if each.shortfall == BROKEN and each.level == "required"} for found in needing
    ]
    common = set.intersection(*broken) if broken else set()
    return next((each for findings in needing for each in findings if each.message in common), None)


def is_root_cause(finding: Finding) -> bool:
    """Whether a finding blocks others and no other blocks it, such as that of a driver that does not work."""
    kind = traits(finding.kind)
    return kind.blocks is not None and not kind.blocked_by and kind.blocks(finding)


def _takes_models(disk: Disk) -> bool:
    lasting = disk.role != "temporary" and disk.kind != "memory"
    return lasting and (disk.free or 0) >= LEAST_FREE and not disk.read_only and disk.writable is not False


def _full_disk(machine: Machine) -> Fault | None:
    disk = next((each for each in machine.disks or () if each.role in ("models", "path")), None)
    if disk is None or disk.free is None or disk.free >= LEAST_FREE or machine.hypothetical:
        return None
    others = [each for each in machine.disks or () if _takes_models(each)]
    place = f"; {others[0].path} has {format_gb(others[0].free or 0)} free" if others else ""
    return Fault(
        kind="disk",
        message=f"only {format_gb(disk.free)} free at {disk.path}, where models go; the smallest takes "
        f"{format_gb(LEAST_FREE)}",
        remedy=f"free some space, or let HF_HOME name a folder on a larger disk{place}",
    )
