"""``kind = "tool"``: a command on PATH."""

from __future__ import annotations

from llmcheck.judge.requirements import finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str | None = None
    """The command; needed unless there is ``any_of``."""
    library: str | None = None
    """The catalogue's id of what brings the command."""
    label: str | None = None
    """What people call it, where that is not the command's name."""


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a missing name."""
    if not requirement.name:
        raise ValueError('name is the command, such as "git"')


def needed(requirement: Requirement) -> str:
    """In words."""
    return requirement.label or requirement.name or ""


def check(requirement: Requirement, machine: Machine) -> Finding:
    name, asked = requirement.name or "", needed(requirement)
    libraries = (requirement.library,) if requirement.library else ()
    tool = next((tool for tool in machine.software.tools or () if tool.name == name), None)
    if tool is None:
        message = f"llmcheck does not look for the command '{name}'" if machine.software.tools else "tools are unknown"
        return finding(requirement, "unknown", message, needed=asked, libraries=libraries)
    if tool.path is None:
        remedy = f"llmcheck install {requirement.library}" if requirement.library else f"install {name}"
        message = f"{name} is not on PATH"
        return finding(
            requirement, "fail", message, needed=asked, found="not found", libraries=libraries, remedy=remedy
        )
    return finding(requirement, "pass", f"{name}: {tool.path}", needed=asked, found=tool.path, libraries=libraries)
