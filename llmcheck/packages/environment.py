"""The installed distributions as the judgements of this folder read them."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from msgspec import Struct

from llmcheck.packages.known import matters, name_in
from llmcheck.schema.machine import Machine, version_numbers
from llmcheck.schema.software import CompiledFor, DistributionIssue

_MOST_LINES = 64
"""Of one distribution, as many as are read; a saved machine may have more."""


class Environment(Struct, frozen=True, dict=True):
    """One Python environment."""

    machine: Machine

    @functools.cached_property
    def versions(self) -> Mapping[str, str]:
        """By normalised name; of torch the version that its own file says."""
        software = self.machine.software
        found = dict(software.versions)
        if "torch" in found and software.torch is not None and software.torch.version:
            found["torch"] = software.torch.version
        return found

    @functools.cached_property
    def requires(self) -> Mapping[str, tuple[str, ...]]:
        """The lines of each installed distribution that matters and whose metadata was read."""
        return {
            each.name: each.requires[:_MOST_LINES]
            for each in self.machine.software.requires or ()
            if each.name in self.versions and matters(each.name)
        }

    @functools.cached_property
    def needed_by(self) -> Mapping[str, list[tuple[str, str]]]:
        """By the name of what is needed: who needs it, and the line that says so."""
        found: dict[str, list[tuple[str, str]]] = {}
        for owner, lines in self.requires.items():
            for line in lines:
                found.setdefault(name_in(line), []).append((owner, line))
        return found

    @functools.cached_property
    def compiled(self) -> Mapping[str, CompiledFor]:
        """By normalised name."""
        return {each.name: each for each in self.machine.software.compiled or ()}

    @property
    def torch_build(self) -> str | None:
        """``cu132``, ``cpu``; None where torch is missing or does not say."""
        torch = self.machine.software.torch
        return None if torch is None else torch.build

    def issues(self, *kinds: str) -> list[DistributionIssue]:
        """Those of these kinds, in their order."""
        return [each for each in self.machine.software.issues if each.kind in kinds]


def series(version: str) -> tuple[int, ...]:
    """Major and minor number."""
    return version_numbers(version.partition("+")[0])[:2]


def is_release(version: str) -> bool:
    """Whether a version is a published release, and not a build of the sources in between (``0.33.1.dev4+g1a2b3c``)."""
    public, _, local = version.partition("+")
    return all(part.isdigit() or part.startswith("post") for part in public.split(".")) and not local.startswith(
        ("g", "nv")
    )
