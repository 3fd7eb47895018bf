"""``kind = "package"``: a distribution installed in the project's Python environment.

Shortfall codes: ``not-installed``, ``version``, ``broken``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import re

from llmcheck.judge import specifiers
from llmcheck.judge.requirements import BROKEN, Example, Traits, finding
from llmcheck.packages import problems
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine, Package, Software, normalized_name
from llmcheck.schema.report import Finding

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str | None = None
    """The distribution, as the package index names it; required unless there is ``any_of``."""
    version: profile.Version | None = None
    """A version specifier (PEP 440); None accepts any version."""
    library: str | None = None
    """The id of the library in the catalogue, where that is not the name."""
    label: str | None = None
    """The name to show, where that is not the distribution's name."""


def _example(*packages: Package) -> Machine:
    return Machine(software=Software(packages=packages))


TRAITS = Traits(group="software")
EXAMPLE = Example(keys={"name": "torch"}, passing=_example(Package(name="torch", version="2.15.0")), failing=_example())


def validate(requirement: Requirement) -> None:
    """Raises ValueError where the name, the library or the version specifier is not valid."""
    if requirement.name is None or not _NAME.fullmatch(requirement.name):
        raise ValueError('name is the plain name of a distribution, such as "vllm"')
    if requirement.library is not None and not _NAME.fullmatch(requirement.library):
        raise ValueError("library is the id of a library, see 'llmcheck libraries list'")
    if requirement.version is not None:
        specifiers.validate(requirement.version, ">=2.4")


def needed(requirement: Requirement) -> str:
    """The requirement in words."""
    return f"{requirement.label or requirement.name} {requirement.version or ''}".strip()


def check(requirement: Requirement, machine: Machine) -> Finding:
    name = normalized_name(requirement.name or "")
    specifier = requirement.version or ""
    label, library = requirement.label or name, requirement.library or name
    software = machine.software
    if software.packages is None:
        message = f"could not find out whether {label} is installed"
        return finding(
            requirement, "unknown", message, libraries=(library,), remedy="name the environment with --python"
        )
    installed = software.versions.get(name)
    if installed is None:
        return finding(
            requirement,
            "fail",
            f"{label} is not installed",
            found="not installed",
            shortfall="not-installed",
            libraries=(library,),
        )
    found = f"{name} {installed}"
    broken = problems.broken(machine, name)
    if broken is not None:
        return finding(
            requirement,
            "fail",
            broken.message if broken.package == name else f"{broken.message}; {label} imports {broken.package}",
            remedy=broken.remedy,
            found=found,
            shortfall=BROKEN,
            libraries=(library,),
        )
    fits = not specifier or specifiers.contains(specifier, installed)
    if fits is None:
        message = f"{found}: this version cannot be compared"
        return finding(requirement, "unknown", message, found=found, libraries=(library,))
    if fits:
        return finding(requirement, "pass", found, found=found, libraries=(library,))
    hidden = problems.hidden(machine, name)
    message = f"{found} is installed; needs {needed(requirement)}"
    return finding(
        requirement,
        "fail",
        message if hidden is None else f"{message}: {hidden.message}",
        remedy=hidden.remedy if hidden is not None else None,
        found=found,
        shortfall="version" if hidden is None or hidden.remedy is None else BROKEN,
        libraries=(library,),
    )
