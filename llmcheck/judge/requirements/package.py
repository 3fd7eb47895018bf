"""``kind = "package"``: a distribution installed in the project's Python environment.

Shortfall codes: ``not-installed``, ``version``.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import re
from typing import TYPE_CHECKING

from llmcheck.judge.requirements import Example, Traits, finding
from llmcheck.schema import profile
from llmcheck.schema.machine import Machine, Package, Software, normalized_name
from llmcheck.schema.report import Finding

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

# A specifier of this form is valid. Importing packaging to find that out takes 25 ms.
_PLAIN = re.compile(r"(?:>=|<=|>|<|==|!=|~=) ?\d+(?:\.\d+)*(?:, ?(?:>=|<=|>|<|==|!=|~=) ?\d+(?:\.\d+)*)*")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class Requirement(profile.Requirement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str | None = None
    """The distribution, as the package index names it; required unless there is ``any_of``."""
    version: str | None = None
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
    if requirement.version is not None and not _PLAIN.fullmatch(requirement.version):
        _specifier(requirement.version)


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
    installed = next((package.version for package in software.packages if package.name == name), None)
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
    fits = not specifier or _contains(specifier, installed)
    if fits is None:
        message = f"{found}: this version cannot be compared"
        return finding(requirement, "unknown", message, found=found, libraries=(library,))
    if fits:
        return finding(requirement, "pass", found, found=found, libraries=(library,))
    message = f"{found} is installed; needs {needed(requirement)}"
    return finding(requirement, "fail", message, found=found, shortfall="version", libraries=(library,))


def _contains(specifier: str, version: str) -> bool | None:
    """None where the installed version is not valid (PEP 440), so that it cannot be compared."""
    from packaging.version import InvalidVersion, Version  # 10 ms of start-up, and most requirements name no version

    try:
        return _specifier(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return None


def _specifier(text: str) -> "SpecifierSet":
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise ValueError(f"'{text}' is not a version specifier such as >=2.4") from None
