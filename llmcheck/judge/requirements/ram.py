"""``kind = "ram"``: the main memory that this process may use, whether or not it is free now.

Shortfall code: ``ram``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Any

from llmcheck.judge.requirements import Example, Traits, finding, validate_size
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine, Ram
from llmcheck.schema.report import Finding
from llmcheck.units import GB, format_like, parse_size


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    total: str
    """``16 GB``; for ``scope = "cluster"`` the sum over all nodes."""


TRAITS = Traits()
EXAMPLE = Example(
    keys={"total": "16 GB"},
    passing=Machine(ram=Ram(total=16 * GB, usable=16 * GB)),
    failing=Machine(ram=Ram(total=16 * GB, usable=16 * GB - 1)),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the size is not valid."""
    validate_size("total", requirement.total)


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return requirement.total


def check(requirement: Requirement, machine: Machine) -> Finding:
    ram, least = machine.ram, parse_size(requirement.total)
    if ram.usable is None:
        message = "the size of the RAM could not be read"
        if requirement.scope == "cluster":
            return finding(requirement, "skipped", message, skipped="cluster", needed_bytes=least)
        return finding(requirement, "unknown", message, needed_bytes=least)
    found = format_like(ram.usable, requirement.total)
    sizes: dict[str, Any] = {"needed_bytes": least, "found_bytes": ram.usable}
    limited = ram.limit is not None and ram.usable == ram.limit
    installed = format_like(ram.total or 0, requirement.total)
    softly = "softly " if ram.limit_soft else ""
    why = f" ({softly}limited by {ram.limit_source}; the machine has {installed})" if limited else ""
    if ram.huge_pages and not limited:
        why = f" ({format_like(ram.huge_pages, requirement.total)} more are reserved for huge pages)"
    if requirement.scope == "cluster":
        nodes = -(-least // ram.usable)
        takes = f"{nodes} such nodes are needed" if nodes > 1 else "enough by itself"
        message = f"this node has {found} of {needed(requirement)}: {takes}"
        return finding(requirement, "skipped", message, skipped="cluster", found=found, **sizes)
    if ram.usable >= least:
        message = f"{found} of RAM{why} meet {needed(requirement)}"
        return finding(requirement, "pass", message, found=found, **sizes)
    return finding(
        requirement,
        "fail",
        f"{found} of RAM{why}; needs {needed(requirement)}",
        found=found,
        shortfall="ram",
        missing_bytes=least - ram.usable,
        written=requirement.total,
        remedy=_remedy(machine, least),
        **sizes,
    )


def _remedy(machine: Machine, least: int) -> str:
    from llmcheck.fit import ram_limits  # only where RAM is missing

    ram = machine.ram
    if ram.huge_pages and (ram.usable or 0) + ram.huge_pages >= least and not ram_limits.is_limited(ram):
        return "free the huge pages that nothing uses: sudo sysctl vm.nr_hugepages=0"
    return ram_limits.how_to_raise(machine, least) or "add RAM"
