"""What of the programs that run a model a machine has already: the one place that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from llmcheck import runtimes
from llmcheck.packages import problems
from llmcheck.runtimes import Runtime
from llmcheck.schema.machine import Machine
from llmcheck.schema.workload import Workload


class Installed(NamedTuple):
    """The judged environment and the programs on PATH."""

    runtimes: Mapping[str, bool] = {}
    """By id of the runtime whether it is there; one that is not named here is not known."""
    packages: frozenset[str] | None = None
    """Distributions of the judged environment, without those that do not work; None where they are not known."""

    def has(self, runtime: Runtime) -> bool | None:
        """Whether a runtime is there; None where that is not known."""
        return self.runtimes.get(runtime.id)

    def lacks(self, runtime: Runtime, workload: Workload) -> tuple[str, ...]:
        """Ids of the libraries that have to be installed for a use, the runtime's own first; () where nothing is
        missing, or it is not known what is there.
        """
        found = [runtime.library] if runtime.library is not None and self.has(runtime) is False else []
        if self.packages is not None and runtime.libraries_beside is not None:
            found += [each for each in runtime.libraries_beside(workload) if each not in self.packages]
        return tuple(found)


NOTHING_KNOWN = Installed()


def installed(machine: Machine) -> Installed:
    """Of the judged environment. Nothing is known of a hypothetical machine."""
    software = machine.software
    if machine.hypothetical or (software.packages is None and software.tools is None):
        return NOTHING_KNOWN
    packages = None if software.packages is None else frozenset(each.name for each in software.packages)
    if packages is not None and any(each.breaks_package for each in machine.problems):
        packages = frozenset(each for each in packages if problems.broken(machine, each) is None)
    programs = {each.name: each.path is not None for each in software.tools or ()}
    found = {each.id: _has(each, packages, programs) for each in runtimes.every()}
    return Installed({name: here for name, here in found.items() if here is not None}, packages)


def _has(runtime: Runtime, packages: frozenset[str] | None, programs: Mapping[str, bool]) -> bool | None:
    """An older llmcheck did not look for every program; then the environment alone decides."""
    if (packages or frozenset()) & set(runtime.distributions) or any(map(programs.get, runtime.programs)):
        return True
    if runtime.distributions:
        return None if packages is None else False
    return False if any(name in programs for name in runtime.programs) else None
