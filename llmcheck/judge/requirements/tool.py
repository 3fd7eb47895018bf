"""``kind = "tool"``: a command on PATH.

Shortfall code: ``not-installed``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine, Software, Tool
from llmcheck.schema.report import Finding


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str | None = None
    """The command; required unless there is ``any_of``."""
    library: str | None = None
    """The id in the catalogue of the library that provides the command."""
    label: str | None = None
    """The name to show, where that is not the command's name."""


TRAITS = Traits(group="software")
EXAMPLE = Example(
    keys={"name": "git"},
    passing=Machine(software=Software(tools=(Tool(name="git", path="/usr/bin/git"),))),
    failing=Machine(software=Software(tools=(Tool(name="git"),))),
)


def validate(requirement: Requirement) -> None:
    """Raises ValueError for a missing name."""
    if not requirement.name:
        raise ValueError('name is the command, such as "git"')


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return requirement.label or requirement.name or ""


def check(requirement: Requirement, machine: Machine) -> Finding:
    name = requirement.name or ""
    libraries = (requirement.library,) if requirement.library else ()
    tool = next((tool for tool in machine.software.tools or () if tool.name == name), None)
    if tool is None:
        message = f"could not find out whether {name} is on PATH"
        if machine.software.tools is not None:
            message = f"llmcheck does not look for the command '{name}'"
        return finding(requirement, "unknown", message, libraries=libraries)
    if tool.path is not None and not tool.path.strip():
        return finding(requirement, "unknown", f"where {name} lies could not be read", libraries=libraries)
    if tool.path is not None:
        return finding(requirement, "pass", f"{name}: {tool.path}", found=tool.path, libraries=libraries)
    return finding(
        requirement,
        "fail",
        f"{name} is not on PATH",
        found="not found",
        shortfall="not-installed",
        libraries=libraries,
        remedy=f"install {requirement.label or name} with this system's package manager",
    )
