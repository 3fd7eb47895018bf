"""The packages of an environment before a plan, which of them a step replaces, and how to restore those."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from llmcheck.install.kept import Need, needs_of
from llmcheck.install.specifiers import excluded, first_release, name_of, specifier_of
from llmcheck.install.wheels import TORCH_FAMILY, index_of, index_of_wheel, published_for, system_of
from llmcheck.schema.machine import Machine, Torch, normalized_name, version_numbers
from llmcheck.tables.library import Library, Resolutions
from llmcheck.tables.tables import Tables
from llmcheck.tables.torch_wheel import TorchWheel

_BUILD = re.compile(r"cpu|xpu|cu\d{2,3}|rocm\d[\d.]*")


class Change(Struct, frozen=True):
    """An installed package that a step replaces."""

    name: str
    version: str
    """The installed one."""
    reason: str
    gets: str = ""
    """The versions that replace it (PEP 440), where the step does not name them."""

    def __str__(self) -> str:
        return f"{self.name} {self.version} is replaced: {self.reason}"


class InstalledPackages(Struct, frozen=True):
    """The packages of one environment; none for an environment that the plan creates."""

    packages: Mapping[str, str] = {}
    """Normalised name to version."""
    torch: Torch | None = None
    torch_index: str | None = None
    """The package index of the installed build of torch; None: PyPI."""
    needs: tuple[Need, ...] = ()
    """What the installed packages need, by their own metadata."""
    newest: Mapping[str, str] = {}
    """The newest known versions by name: what an installer would take."""

    def replaced_by(self, requirements: Iterable[str]) -> list[Change]:
        """The installed packages whose version these requirements exclude."""
        changes = []
        for text in requirements:
            name = normalized_name(name_of(text))
            version = self.version(name)
            if version is not None and excluded(version, specifier_of(text)):
                changes.append(Change(name, version, f"{text} is needed"))
        return changes

    def version(self, name: str) -> str | None:
        """The version as the installer compares it; torch keeps ``+cu126`` unless it is from PyPI."""
        if name == "torch" and self.torch is not None and self.torch.version:
            return self.torch.version if self.torch_index else self.torch.version.partition("+")[0]
        return self.packages.get(name)

    def rollback_requirements(self, names: Iterable[str]) -> list[str]:
        """Requirements that restore these builds, and the option for PyTorch's index where they come from it."""
        names = list(dict.fromkeys(names))
        index, pins = self.index_and_pins(names)
        if index is None:
            return pins
        family = [name for name in TORCH_FAMILY if name in names]
        return [*pins, "--index-url" if len(family) == len(names) else "--extra-index-url", index]

    def index_and_pins(self, names: Sequence[str]) -> tuple[str | None, list[str]]:
        """PyTorch's index where one of these builds comes from it, and a requirement for each of them."""
        pins = [f"{name}=={self.version(name)}" for name in names if self.version(name)]
        family = [name for name in TORCH_FAMILY if name in names]
        index = self.torch_index if family else None
        for name in family:  # a companion may be of PyTorch's index where torch is not
            index = index or _labelled_index(self.packages.get(name, ""))
        return index, pins

    def not_restorable(self, names: Iterable[str]) -> list[str]:
        """Of these, with their version, those that no index has: built from source, or part of a container image."""
        own = self.torch is not None and self.torch_index is None and "+" in self.packages.get("torch", "")
        versions = {name: self.packages.get(name, "") for name in names if name in TORCH_FAMILY}
        return [f"{name} {version}" for name, version in versions.items() if own and "+" in version]


def installed_packages(machine: Machine, tables: Tables) -> InstalledPackages:
    """The packages of the judged environment."""
    wheels = tables.wheels
    packages = {package.name: package.version for package in machine.software.packages or ()}
    torch = machine.software.torch if "torch" in packages else None
    index = _index_of(torch, packages.get("torch", ""), machine, wheels)
    return InstalledPackages(packages, torch, index, needs_of(machine, tables.libraries.values()), _newest(tables))


def _newest(tables: Tables) -> dict[str, str]:
    libraries = tables.libraries.values()
    return {normalized_name(name): each.version for each in libraries if each.version for name in each.distributions}


def abi_warnings(installed: InstalledPackages, torch: str, libraries: Iterable[Library]) -> list[str]:
    """Notes on installed libraries that do not work with another torch. ``torch``: the new requirement (PEP 508)."""
    warnings = []
    for library in libraries:
        names = map(normalized_name, library.distributions)
        name = next((each for each in names if each in installed.packages), None)
        if name is None:
            continue
        kept, pin = f"{name} {installed.packages[name]} stays", library.torch or ""
        if not library.build_isolation:
            warnings.append(f"{kept}, but was compiled against the previous torch: reinstall it afterwards")
        elif pin.startswith("==") and excluded(first_release(pin), specifier_of(torch)):
            release = pin.removeprefix("==").removesuffix(".*")
            warnings.append(f"{kept}, but {library.name} is made for torch {release}: it may stop working")
    return warnings


def transitive_upgrades(
    installed: InstalledPackages, library: Library, resolutions: Resolutions | None
) -> list[Change]:
    """Installed packages that the installation of a library may replace, because it resolved to other releases.

    An installer keeps a package that satisfies the library's requirements. So for most libraries only an installed
    newer major release counts. A library that pins torch pins many other packages too; for it, any installed newer
    release counts if another library resolved to a newer release of that package on the same day.
    """
    closure = resolutions.libraries.get(library.id) if resolutions else None
    if closure is None or resolutions is None:
        return []
    own = {normalized_name(name) for name in library.distributions}
    torch = resolutions.libraries.get("torch")
    ignored = own | (set() if library.pins_torch or torch is None else set(torch.packages))
    changes = []
    for name, resolved in closure.packages.items():
        version = installed.version(name)
        if version is None or name in ignored or version.partition("+")[0] == resolved:
            continue
        newer = excluded(version, f"<={resolved}")
        major, resolved_major = version_numbers(version)[:1], version_numbers(resolved)[:1]
        if library.pins_torch:
            replaced = major != resolved_major or (newer and _is_pinned_back(name, resolved, resolutions))
        else:
            replaced = newer and major > resolved_major
        if replaced:
            changes.append(Change(name, version, resolved))
    return changes


def _is_pinned_back(name: str, resolved: str, resolutions: Resolutions) -> bool:
    others = (closure.packages.get(name) for closure in resolutions.libraries.values())
    return any(other and version_numbers(other) > version_numbers(resolved) for other in others)


def _index_of(torch: Torch | None, listed: str, machine: Machine, wheels: Sequence[TorchWheel]) -> str | None:
    """None if the build comes from PyPI, or from no index that is known. ``listed``: the version in its metadata.

    Wheels of PyTorch's own index carry their build in that version (``2.9.1+cpu``), those of PyPI do not.
    """
    if torch is None:
        return None
    system, own = system_of(machine), listed.partition("+")[2]
    tag = own or torch.build or (torch.version or "").partition("+")[2]
    if not tag:
        return None
    series = version_numbers(torch.version or "")[:2]
    rows = [each for each in published_for(machine, wheels) if each.tag == tag]
    same_series = [each for each in rows if version_numbers(each.torch) == series]
    if own:
        named = next((each.index_url for each in rows if each.index_url), None)
        return named or _labelled_index(listed)
    if tag == "mps" or any(system in each.on_pypi for each in same_series):
        return None
    known = same_series or rows
    if known:
        return index_of_wheel(known[0], system) or index_of(tag)
    return index_of(tag) if _BUILD.fullmatch(tag) else None


def _labelled_index(version: str) -> str | None:
    """PyTorch's index of a version such as ``2.9.1+cpu``, nightly and test builds too; None without such a label."""
    release, _, tag = version.partition("+")
    if not _BUILD.fullmatch(tag):
        return None
    channel = "nightly/" if ".dev" in release else "test/" if "rc" in release else ""
    return index_of(f"{channel}{tag}")
