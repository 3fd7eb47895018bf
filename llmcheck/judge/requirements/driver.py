"""``kind = "driver"``: the driver of the GPUs that are present works, and is new enough where a version is required.

Shortfall codes: ``driver`` (it does not work), ``driver-version``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import TYPE_CHECKING

from llmcheck.gpus import vendors
from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.bounds import LONGEST_VERSION
from llmcheck.schema.machine import BROKEN_FAULTS, Driver, Gpu, Machine
from llmcheck.schema.report import Finding, Status

if TYPE_CHECKING:
    from packaging.version import Version


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    vendor: str | None = None
    """The GPU vendor whose driver is required; None for the vendors of the GPUs that are present."""
    version: profile.Version | None = None
    """The oldest version that is accepted."""


TRAITS = Traits(blocks=lambda found: found.status in ("fail", "unknown") and found.shortfall is not None)
EXAMPLE = Example(
    keys={"version": "550"},
    passing=Machine(gpus=(Gpu(vendor="nvidia"),), drivers={"nvidia": Driver(version="550.54.15")}),
    failing=Machine(gpus=(Gpu(vendor="nvidia"),), drivers={"nvidia": Driver(version="535.104.05")}),
    unknown=Machine(gpus=(Gpu(vendor="nvidia"),), drivers={"nvidia": Driver()}),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the version is not valid."""
    if requirement.version is not None:
        if len(requirement.version) > LONGEST_VERSION:
            raise ValueError(f"version: more than {LONGEST_VERSION} characters")
        _parse(requirement.version)


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    whose = "GPU" if requirement.vendor is None else vendors.named(requirement.vendor).name
    return f"a working {whose} driver" + (f", {requirement.version} or newer" if requirement.version else "")


def check(requirement: Requirement, machine: Machine) -> Finding:
    drivers = {
        vendor: driver
        for vendor, driver in machine.drivers.items()
        if requirement.vendor is None or vendor == requirement.vendor
    }
    for vendor, driver in drivers.items():
        if driver.fault is not None:
            return _faulty(requirement, machine, vendor, driver)
    if machine.gpus is None:
        return finding(requirement, "unknown", "which driver is needed is not known: the GPUs could not be listed")
    needing = [gpu for gpu in machine.gpus if _needs_driver(requirement, gpu)]
    undriven = next((gpu for gpu in needing if gpu.usable is False and gpu.index is None), None)
    if undriven is not None:
        problem = next((problem for problem in machine.problems if problem.code == undriven.fault), None)
        message = problem.message if problem else f"the {vendors.of(undriven).name} GPU has no working driver"
        remedy = problem.remedy if problem else None
        return finding(requirement, "fail", message, found="none", shortfall="driver", remedy=remedy)
    unread = next((gpu for gpu in needing if gpu.vendor not in drivers), None)
    if unread is not None and machine.hypothetical:
        return finding(requirement, "skipped", "not stated: assumed to work", skipped="not-stated")
    if unread is not None:
        return finding(requirement, "unknown", f"the driver of the {vendors.of(unread).name} GPU could not be read")
    if not drivers:
        return finding(requirement, "skipped", _no_gpu(requirement), skipped="not-applicable")
    return _check_version(requirement, drivers)


def _needs_driver(requirement: Requirement, gpu: Gpu) -> bool:
    """Whether it is a card whose driver is meant, visible and working or not."""
    meant = requirement.vendor is None or gpu.vendor == requirement.vendor
    return meant and not gpu.integrated and vendors.of(gpu).has_driver


def _no_gpu(requirement: Requirement) -> str:
    if requirement.vendor is None:
        return "no GPU was found that needs a driver"
    return f"no {vendors.named(requirement.vendor).name} GPU was found, so none needs this driver"


def _check_version(requirement: Requirement, drivers: dict[str, Driver]) -> Finding:
    found = ", ".join(
        f"{vendors.named(vendor).name} {driver.version or 'version unknown'}" for vendor, driver in drivers.items()
    )
    if requirement.version is None:
        return finding(requirement, "pass", f"the driver works ({found})", found=found)
    versions = [driver.version for driver in drivers.values()]
    if not all(versions):  # an empty text is none
        return finding(requirement, "unknown", "the driver's version could not be read", found=found)
    try:
        recent = all(_parse(version) >= _parse(requirement.version) for version in versions if version)
    except ValueError as error:
        return finding(requirement, "unknown", f"the driver's version cannot be compared: {error}", found=found)
    if recent:
        return finding(requirement, "pass", f"the driver is {found}", found=found)
    message = f"the driver is {found}; needs {needed(requirement)}"
    return finding(requirement, "fail", message, found=found, shortfall="driver-version")


def _faulty(requirement: Requirement, machine: Machine, vendor: str, driver: Driver) -> Finding:
    problem = next((problem for problem in machine.problems if problem.code == driver.fault), None)
    name = vendors.named(vendor).name
    message = problem.message if problem else f"the {name} driver does not answer ({driver.fault})"
    status: Status = "fail" if driver.fault in BROKEN_FAULTS else "unknown"
    remedy = problem.remedy if problem else None
    return finding(requirement, status, message, found=driver.fault, shortfall="driver", remedy=remedy)


def _parse(text: str) -> "Version":
    from packaging.version import InvalidVersion, Version  # 10 ms of start-up, and most requirements name no version

    try:
        return Version(text[: LONGEST_VERSION + 1])
    except InvalidVersion:
        raise ValueError(f"'{text[:40]}' is not a version") from None
