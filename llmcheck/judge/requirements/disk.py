"""``kind = "disk"``: free space where the models are stored, with the right to use it, or the type of the disk there.

Shortfall codes: ``disk-space``, ``disk-read-only``, ``disk-not-writable``, ``disk-inodes``, ``disk-type``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Any, Literal

from llmcheck.judge.requirements import Example, Traits, finding, validate_size
from llmcheck.schema import profile
from llmcheck.schema.machine import Disk, Machine
from llmcheck.schema.report import Finding
from llmcheck.units import GB, format_like, parse_size

_SOLID_STATE = ("nvme", "ssd")
# A model is some hundred files in the cache; with fewer inodes a download stops in the middle.
_FEW_FILES = 1000


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    free: str | None = None
    """Space that this user can still fill: ``50 GB``; for ``scope = "cluster"`` that of the store of all nodes."""
    type: Literal["ssd"] | None = None
    """``ssd``: solid state, whether NVMe or SATA."""
    role: Literal["models", "work", "path"] = "models"
    """Which disk: that of the Hugging Face cache, of the working directory or of ``--path``."""


def _example(free: int) -> Machine:
    return Machine(disks=(Disk(role="models", path="/", free=free),))


TRAITS = Traits()
EXAMPLE = Example(keys={"free": "50 GB"}, passing=_example(50 * GB), failing=_example(50 * GB - 1))


def validate(requirement: Requirement) -> None:
    """Raises ValueError unless there is exactly one of ``free`` and ``type``."""
    if (requirement.free is None) == (requirement.type is None):
        raise ValueError('a disk requirement has either free = "50 GB" or type = "ssd"')
    if requirement.free is not None:
        validate_size("free", requirement.free)


def judged_disk(machine: Machine, role: str) -> Disk | None:
    """The disk of ``--path`` where that was given, else the disk of the role; None where that is unknown.

    Of two with one role, which no inspection finds, the one with less is meant.
    """
    by_role: dict[str, Disk] = {}
    for disk in machine.disks or ():
        other = by_role.setdefault(disk.role, disk)
        if (disk.free or 0, disk.kind in _SOLID_STATE) < (other.free or 0, other.kind in _SOLID_STATE):
            by_role[disk.role] = disk
    return by_role.get("path") or by_role.get(role)


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return "an SSD" if requirement.type else f"{requirement.free} free"


def check(requirement: Requirement, machine: Machine) -> Finding:
    disk = judged_disk(machine, requirement.role)
    if requirement.type is not None:
        return _check_type(requirement, disk)
    return _check_space(requirement, disk, stated=machine.hypothetical)


def _check_space(requirement: Requirement, disk: Disk | None, *, stated: bool) -> Finding:
    """``stated``: the machine was described in words, so that no folder of it can be named."""
    written = requirement.free or "0 B"
    least = parse_size(written)
    if requirement.scope == "cluster":
        message = f"{needed(requirement)}, shared by all nodes: one machine cannot show that"
        return finding(requirement, "skipped", message, skipped="cluster", needed_bytes=least)
    if (disk is None or disk.free is None) and stated:
        remedy = f"add it to the words of the machine: ', {written} disk'"
        return finding(requirement, "unknown", "no disk is stated", remedy=remedy, needed_bytes=least)
    if disk is None or disk.free is None:
        message = "the free space where the models are stored could not be read"
        remedy = "name a readable folder with --path"
        return finding(requirement, "unknown", message, remedy=remedy, needed_bytes=least)
    where = disk.mount_point or disk.path
    found = f"{format_like(disk.free, written)} free"
    sizes: dict[str, Any] = {"needed_bytes": least, "found_bytes": disk.free}
    if disk.read_only:
        message = f"{where}, where the models are stored, is read-only"
        remedy = "set HF_HOME to a folder on a disk that can be written to"
        return finding(
            requirement, "fail", message, found="read-only", shortfall="disk-read-only", remedy=remedy, **sizes
        )
    if disk.writable is False and disk.role == "models":
        message = f"this user may not write to {disk.path}, where the models are stored"
        remedy = "set HF_HOME to a folder that you may write to, or have the folder given to you (chown)"
        return finding(
            requirement, "fail", message, found="not writable", shortfall="disk-not-writable", remedy=remedy, **sizes
        )
    if disk.inodes_free is not None and disk.inodes_free < _FEW_FILES:
        message = f"no inodes are left on {where}: only {disk.inodes_free} more files can be made, whatever is free"
        remedy = "delete small files there, or set HF_HOME to a folder on another file system"
        return finding(requirement, "fail", message, found="no inodes", shortfall="disk-inodes", remedy=remedy, **sizes)
    if disk.free >= least:
        return finding(requirement, "pass", f"{found} on {where}", found=found, **sizes)
    return finding(
        requirement,
        "fail",
        f"{found} on {where}, where the models are stored; needs {requirement.free}",
        found=found,
        shortfall="disk-space",
        missing_bytes=least - disk.free,
        written=written,
        remedy="free space there, or set HF_HOME to a folder on a larger disk",
        **sizes,
    )


def _check_type(requirement: Requirement, disk: Disk | None) -> Finding:
    if disk is None or disk.kind == "unknown":
        why = f" ({disk.kind_source})" if disk and disk.kind_source else ""
        return finding(requirement, "unknown", f"the type of the disk is unknown{why}")
    where = disk.mount_point or disk.path
    if disk.kind in _SOLID_STATE:
        return finding(requirement, "pass", f"{where} is {disk.kind}", found=disk.kind)
    message = f"{where} is {disk.kind}: loading a model from it is slow"
    if disk.kind == "memory":
        message = f"{where} is a file system in RAM: files there use memory and are lost at shutdown"
    remedy = "set HF_HOME to a folder on an SSD"
    return finding(requirement, "fail", message, found=disk.kind, shortfall="disk-type", remedy=remedy)
