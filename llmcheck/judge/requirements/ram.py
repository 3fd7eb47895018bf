"""``kind = "ram"``: so much main memory that this process may use, whatever is free just now."""

from __future__ import annotations

from llmcheck.judge.requirements import finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding, Status
from llmcheck.units import format_like, parse_size, short


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    total: str
    """``16 GB``; for ``scope = "cluster"`` the sum over all nodes."""


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a size that is none."""
    parse_size(requirement.total)


def needed(requirement: Requirement) -> str:
    """In words."""
    return requirement.total


def check(requirement: Requirement, machine: Machine) -> Finding:
    ram, asked, least = machine.ram, needed(requirement), parse_size(requirement.total)
    if ram.usable is None:
        message = "the size of the RAM could not be found out"
        status: Status = "skipped" if requirement.scope == "cluster" else "unknown"
        return finding(requirement, status, message, needed=asked)
    found = format_like(ram.usable, asked)
    limited = ram.limit is not None and ram.usable == ram.limit
    why = f" (limited by {ram.limit_source}; the machine has {format_like(ram.total or 0, asked)})" if limited else ""
    if requirement.scope == "cluster":
        nodes = -(-least // ram.usable)
        takes = f"it takes {nodes} such nodes" if nodes > 1 else "enough alone"
        message = f"this node brings {found} of {asked}: {takes}"
        return finding(requirement, "skipped", message, needed=asked, found=found)
    if ram.usable >= least:
        return finding(requirement, "pass", f"{found} of RAM{why} meet {asked}", needed=asked, found=found)
    remedy = "raise the limit of the container or job" if limited and (ram.total or 0) >= least else "add RAM"
    return finding(
        requirement,
        "fail",
        f"{found} of RAM{why}; needs {asked}",
        needed=asked,
        found=found,
        short_by=short(least, ram.usable, asked),
        remedy=remedy,
    )
