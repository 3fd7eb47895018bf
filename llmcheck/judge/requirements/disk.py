"""``kind = "disk"``: so much free space where the models go, or a kind of disk there."""

from __future__ import annotations

from typing import Literal

from llmcheck.judge.requirements import finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Disk, Machine
from llmcheck.schema.report import Finding
from llmcheck.units import format_like, parse_size, short

_SOLID_STATE = ("nvme", "ssd")


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    free: str | None = None
    """``50 GB`` that this user may still write; for ``scope = "cluster"`` the whole store."""
    type: Literal["ssd"] | None = None
    """``ssd``: solid state, be it NVMe or SATA."""
    role: Literal["models", "work", "path"] = "models"
    """Which of the machine's paths: the Hugging Face cache, the working directory or ``--path``."""


def validate(requirement: Requirement) -> None:
    """Raises ValueError unless exactly one of ``free`` and ``type`` is asked for."""
    if (requirement.free is None) == (requirement.type is None):
        raise ValueError('a disk requirement has either free = "50 GB" or type = "ssd"')
    if requirement.free is not None:
        parse_size(requirement.free)


def judged_disk(machine: Machine, role: str) -> Disk | None:
    """The disk where the models go: ``--path`` where it was given, else the one of that role; None if not known."""
    by_role = {disk.role: disk for disk in machine.disks or ()}
    return by_role.get("path") or by_role.get(role)


def needed(requirement: Requirement) -> str:
    """In words."""
    return "an SSD" if requirement.type else f"{requirement.free} free"


def check(requirement: Requirement, machine: Machine) -> Finding:
    disk = judged_disk(machine, requirement.role)
    if requirement.type is not None:
        return _check_type(requirement, disk)
    asked = needed(requirement)
    written = requirement.free or "0 B"
    least = parse_size(written)
    if requirement.scope == "cluster":
        message = f"{asked}, shared by all nodes: one machine's disk does not tell"
        return finding(requirement, "skipped", message, needed=asked)
    if disk is None or disk.free is None:
        message = "the free space where the models go could not be found out"
        return finding(requirement, "unknown", message, needed=asked, remedy="name a readable folder with --path")
    where = disk.mount_point or disk.path
    found = f"{format_like(disk.free, written)} free"
    if disk.read_only:
        message = f"{where}, where the models go, is read-only"
        remedy = "set HF_HOME to a folder on a disk that can be written to"
        return finding(requirement, "fail", message, needed=asked, found="read-only", remedy=remedy)
    if disk.free >= least:
        return finding(requirement, "pass", f"{found} on {where}", needed=asked, found=found)
    return finding(
        requirement,
        "fail",
        f"{found} on {where}, where the models go; needs {requirement.free}",
        needed=asked,
        found=found,
        short_by=short(least, disk.free, written),
        remedy="free space there, or set HF_HOME to a folder on a larger disk",
    )


def _check_type(requirement: Requirement, disk: Disk | None) -> Finding:
    asked = needed(requirement)
    if disk is None or disk.kind == "unknown":
        why = f" ({disk.kind_source})" if disk and disk.kind_source else ""
        return finding(requirement, "unknown", f"the kind of disk cannot be told{why}", needed=asked)
    where = disk.mount_point or disk.path
    if disk.kind in _SOLID_STATE:
        return finding(requirement, "pass", f"{where} is {disk.kind}", needed=asked, found=disk.kind)
    message = f"{where} is {disk.kind}: loading a model from it is slow"
    if disk.kind == "memory":
        message = f"{where} is held in RAM: what is stored there takes memory and is lost at shutdown"
    return finding(
        requirement, "fail", message, needed=asked, found=disk.kind, remedy="set HF_HOME to a folder on an SSD"
    )
