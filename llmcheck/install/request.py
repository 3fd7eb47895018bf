"""The input of one plan."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from msgspec import Struct

from llmcheck.install.choose import TierRequest
from llmcheck.install.compiler import BuildRules
from llmcheck.install.specifiers import bounded, has_lower_bound, name_of
from llmcheck.install.target import PlanOptions, TargetContext, TorchFor
from llmcheck.install.torch import torch_build
from llmcheck.install.wheels import TORCH_FAMILY, preferred_pythons
from llmcheck.schema.advice import TorchBuild
from llmcheck.schema.machine import Machine, normalized_name, version_numbers
from llmcheck.tables.library import Library
from llmcheck.tables.tables import Tables


class PlanRequest(Struct, frozen=True):
    """The input that all parts of one plan share; it does not change."""

    target: str
    """The profiles and libraries as the user named them."""
    libraries: tuple[str, ...]
    """Catalogue ids, each once."""
    machine: Machine
    tables: Tables
    options: PlanOptions
    tier: TierRequest
    uncatalogued: tuple[str, ...]
    """Required packages that are not in the catalogue (PEP 508), with a lower bound if one is known."""
    torch_for: TorchFor

    @property
    def specifiers(self) -> Mapping[str, str]:
        """The versions that the tier requires (PEP 440), by library id."""
        return self.tier.specifiers

    @property
    def context(self) -> TargetContext:
        return TargetContext(self.machine, self.options, preferred_pythons(self.tables.wheels))

    @property
    def rules(self) -> BuildRules:
        return BuildRules(self.tables.drivers, self.tables.nvcc_releases)

    def library(self, name: str) -> Library:
        return self.tables.libraries[name]

    def with_dependencies(self, names: Sequence[str], *, pins_torch: bool = False) -> list[Library]:
        """The libraries with their dependencies first. ``pins_torch``: one of them installs torch itself."""
        ordered: list[str] = []

        def add(name: str) -> None:
            for needed in self.tables.libraries[name].needs:
                if not (pins_torch and needed in TORCH_FAMILY):
                    add(needed)
            if name not in ordered:
                ordered.append(name)

        for name in names:
            add(name)
        return [self.tables.libraries[name] for name in ordered]


def plan_request(
    target: str, libraries: Sequence[str], machine: Machine, tables: Tables, options: PlanOptions, tier: TierRequest
) -> PlanRequest:
    return PlanRequest(
        target=target,
        libraries=tuple(dict.fromkeys(libraries)),
        machine=machine,
        tables=tables,
        options=options,
        tier=tier,
        uncatalogued=tuple(_with_lower_bound(each, tables) for each in tier.uncatalogued),
        torch_for=_torch_for(machine, tables, tier.specifiers.get("torch", "")),
    )


def _torch_for(machine: Machine, tables: Tables, tier_specifier: str) -> TorchFor:
    @functools.cache  # one plan needs the build for the same few Pythons many times
    def build(python: str | None, specifier: str | None = None) -> TorchBuild:
        versions = tier_specifier if specifier is None else specifier
        return torch_build(machine, tables.wheels, tables.drivers, python, versions)

    return build


def _with_lower_bound(requirement: str, tables: Tables) -> str:
    """Adds as lower bound the oldest release that any library of the catalogue resolved to, if there is one."""
    plain = name_of(requirement)
    closures = tables.resolutions.libraries.values() if tables.resolutions else ()
    name = normalized_name(plain)
    seen = [closure.packages[name] for closure in closures if name in closure.packages]
    if not seen or has_lower_bound(requirement):
        return requirement
    return bounded(f"{plain}>={min(seen, key=version_numbers)}", requirement[len(plain) :])
