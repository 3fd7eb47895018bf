"""What an environment holds before a plan, what of it a step replaces, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from llmcheck.install.incompatibility import numbers
from llmcheck.install.specifiers import excluded, name_of, specifier_of
from llmcheck.schema.machine import Machine, Torch, normalized_name
from llmcheck.tables.library import Library, Resolutions
from llmcheck.tables.torch_wheel import TorchWheel

COMPANIONS = ("torchvision", "torchaudio")
# PyPI's metadata, resolved with uv on 2026-11-25: torchvision 0.17 to 0.28 each pin the torch series whose minor number
# is 15 less, 0.29 takes torch 2.14 and newer; torchaudio up to 2.10 pins the torch of its own number, 2.11 names none.
_TORCHVISION_AHEAD, _LAST_TORCHVISION, _LAST_TORCHAUDIO = 15, 29, 11

_BUILD = re.compile(r"cpu|xpu|cu\d{2,3}|rocm\d[\d.]*")


class Change(Struct, frozen=True):
    """An installed package that will not stay as it is."""

    name: str
    version: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} is replaced: {self.why}"


class InstalledPackages(Struct, frozen=True):
    """The packages of one environment; none where the plan makes it."""

    packages: Mapping[str, str] = {}
    torch: Torch | None = None
    torch_index: str | None = None
    """Where the build that is installed comes from; None is PyPI."""

    def against(self, requirements: Iterable[str], why: str = "") -> list[Change]:
        """What is there in a version that is not asked for."""
        changes = []
        for text in requirements:
            name = normalized_name(name_of(text))
            version = self.version(name)
            if version is not None and excluded(version, specifier_of(text)):
                changes.append(Change(name, version, why or f"{text} is asked for"))
        return changes

    def version(self, name: str) -> str | None:
        """As the installer compares it; of torch with the name of its build, where it has one."""
        if name == "torch" and self.torch is not None and self.torch.version:
            return self.torch.version if self.torch_index else self.torch.version.partition("+")[0]
        return self.packages.get(name)

    def back(self, names: Iterable[str]) -> list[str]:
        """The requirements that restore these packages, and the index that the build of torch comes from."""
        names = list(dict.fromkeys(names))
        pins = [f"{name}=={self.version(name)}" for name in names if self.version(name)]
        if self.torch_index is None or not {"torch", *COMPANIONS} & set(names):
            return pins
        alone = set(names) <= {"torch", *COMPANIONS}
        return [*pins, "--index-url" if alone else "--extra-index-url", self.torch_index]


def held_by(machine: Machine, wheels: Sequence[TorchWheel]) -> InstalledPackages:
    """What the judged environment holds."""
    packages = {package.name: package.version for package in machine.software.packages or ()}
    torch = machine.software.torch if "torch" in packages else None
    return InstalledPackages(packages, torch, _index_of(torch, machine, wheels))


def companion(name: str, torch: str, *, exact: bool) -> str:
    """The releases of torchvision or torchaudio that go with a torch. ``exact``: with this one, not with newer ones."""
    minor = (*numbers(torch), 0, 0)[1]
    series = (
        min(minor + _TORCHVISION_AHEAD, _LAST_TORCHVISION) if name == "torchvision" else min(minor, _LAST_TORCHAUDIO)
    )
    release = f"{0 if name == 'torchvision' else 2}.{series}"
    return f"{name}=={release}.*" if exact else f"{name}>={release}"


def abi_warnings(held: InstalledPackages, torch: str, libraries: Iterable[Library]) -> list[str]:
    """What stays and will not do beside another torch. ``torch``: what is asked of it (PEP 508)."""
    from packaging.requirements import Requirement

    said = []
    asked = Requirement(torch).specifier
    for library in libraries:
        there = next((name for name in map(normalized_name, library.distributions) if name in held.packages), None)
        if there is None:
            continue
        what = f"{there} {held.packages[there]} stays"
        pin = (library.torch or "").removeprefix("==").removesuffix(".*")
        if not library.build_isolation:
            said.append(f"{what}, and was compiled against the torch of before: install it again after this")
        elif (library.torch or "").startswith("==") and not asked.contains(_whole(pin), prereleases=True):
            said.append(f"{what}, and {library.name} is made for torch {pin}: it may not work any more")
    return said


def transitive_upgrades(held: InstalledPackages, library: Library, resolutions: Resolutions | None) -> list[Change]:
    """What a library was last resolved with in another release than is there, and may therefore be replaced.

    A newer release within a major one is left alone by an installer, unless it was held back: where something else was
    resolved with a newer one on that day. That counts for those that pin torch, and much else with it; of the others
    only a newer major release does.
    """
    closure = resolutions.libraries.get(library.id) if resolutions else None
    if closure is None or resolutions is None:
        return []
    own = {normalized_name(name) for name in library.distributions}
    torch = resolutions.libraries.get("torch")
    passed = own | (set() if library.pins_torch or torch is None else set(torch.packages))
    changes = []
    for name, resolved in closure.packages.items():
        version = held.version(name)
        if version is None or name in passed or version.partition("+")[0] == resolved:
            continue
        newer = excluded(version, f"<={resolved}")
        major, theirs = numbers(version)[:1], numbers(resolved)[:1]
        if (library.pins_torch and (major != theirs or (newer and _held_back(name, resolved, resolutions)))) or (
            not library.pins_torch and newer and major > theirs
        ):
            changes.append(Change(name, version, resolved))
    return changes


def _held_back(name: str, resolved: str, resolutions: Resolutions) -> bool:
    others = (closure.packages.get(name) for closure in resolutions.libraries.values())
    return any(other and numbers(other) > numbers(resolved) for other in others)


def _whole(series: str) -> str:
    return f"{series}.0" if series.count(".") == 1 else series


def _index_of(torch: Torch | None, machine: Machine, wheels: Sequence[TorchWheel]) -> str | None:
    """None where PyPI holds that build, or where it is not known which build it is."""
    build = (torch.build or (torch.version or "").partition("+")[2]) if torch is not None else ""
    if torch is None or not build:
        return None
    from llmcheck.install.torch import index_of

    system = machine.os.system if machine.os else "linux"
    series = numbers(torch.version or "")[:2]
    rows = [each for each in wheels if each.tag == build and system in each.systems]
    of_series = [each for each in rows if numbers(each.torch) == series] or rows
    known = of_series or _BUILD.fullmatch(build)
    on_pypi = build == "mps" or any(system in each.on_pypi for each in of_series)
    return index_of(build) if known and not on_pypi else None
