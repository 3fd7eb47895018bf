"""``kind = "driver"``: the driver of the GPUs that are there answers, and is new enough where a version is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcheck.judge.requirements import finding
from llmcheck.schema import profile
from llmcheck.schema.machine import BROKEN_FAULTS, Driver, Machine, counted_gpus
from llmcheck.schema.report import Finding, Status

if TYPE_CHECKING:
    from packaging.version import Version


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    vendor: str | None = None
    """Whose driver; None for whichever vendors' GPUs are present."""
    version: str | None = None
    """The least version."""


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a version that is none."""
    if requirement.version is not None:
        _parse(requirement.version)


def needed(requirement: Requirement) -> str:
    """In words."""
    words = "a working GPU driver" if requirement.vendor is None else f"a working {requirement.vendor} driver"
    return words + (f", {requirement.version} or newer" if requirement.version else "")


def check(requirement: Requirement, machine: Machine) -> Finding:
    asked = needed(requirement)
    drivers = {
        vendor: driver
        for vendor, driver in machine.drivers.items()
        if requirement.vendor is None or vendor == requirement.vendor
    }
    for vendor, driver in drivers.items():
        if driver.fault is not None:
            return _faulty(requirement, machine, vendor, driver, asked)
    waiting = [gpu for gpu in machine.gpus or () if not gpu.integrated and gpu.usable is False and gpu.index is None]
    if waiting:
        problem = next((problem for problem in machine.problems if problem.code == waiting[0].fault), None)
        message = problem.message if problem else f"the {waiting[0].vendor} GPU has no working driver"
        remedy = problem.remedy if problem else None
        return finding(requirement, "fail", message, needed=asked, found="none", remedy=remedy)
    if not drivers and machine.hypothetical and counted_gpus(machine):
        return finding(requirement, "skipped", "not stated: it is taken to answer", needed=asked)
    if not drivers:
        return finding(requirement, "skipped", "no GPU that would need a driver was seen", needed=asked)
    found = ", ".join(f"{vendor} {driver.version or 'version unknown'}" for vendor, driver in drivers.items())
    if requirement.version is None:
        return finding(requirement, "pass", f"the driver answers ({found})", needed=asked, found=found)
    versions = [driver.version for driver in drivers.values()]
    if any(version is None for version in versions):
        return finding(requirement, "unknown", "the driver's version could not be read", needed=asked, found=found)
    try:
        recent = all(_parse(version) >= _parse(requirement.version) for version in versions if version)
    except ValueError as error:
        return finding(
            requirement, "unknown", f"the driver's version cannot be compared: {error}", needed=asked, found=found
        )
    status: Status = "pass" if recent else "fail"
    return finding(requirement, status, f"the driver is {found}; needs {asked}", needed=asked, found=found)


def _faulty(requirement: Requirement, machine: Machine, vendor: str, driver: Driver, asked: str) -> Finding:
    problem = next((problem for problem in machine.problems if problem.code == driver.fault), None)
    message = problem.message if problem else f"the {vendor} driver does not answer ({driver.fault})"
    status: Status = "fail" if driver.fault in BROKEN_FAULTS else "unknown"
    remedy = problem.remedy if problem else None
    return finding(requirement, status, message, needed=asked, found=driver.fault, remedy=remedy)


def _parse(text: str) -> Version:
    from packaging.version import InvalidVersion, Version  # 10 ms of start-up, and most requirements name no version

    try:
        return Version(text)
    except InvalidVersion:
        raise ValueError(f"'{text}' is not a version") from None
