"""Programs that run or train a model: one file for each runtime, found by its name.

A runtime declares where it runs, which formats it reads, the memory it needs in addition to weights and cache, how fast
it is relative to the roofline, and how it is started. No module outside this package compares a runtime's name.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from llmcheck import registry
from llmcheck.errors import UsageError
from llmcheck.runtimes.behaviour.interface import Eager as Eager
from llmcheck.runtimes.behaviour.interface import Example as Example
from llmcheck.runtimes.behaviour.interface import GpuMemory as GpuMemory
from llmcheck.runtimes.behaviour.interface import Pace as Pace
from llmcheck.runtimes.behaviour.interface import Platform as Platform
from llmcheck.runtimes.behaviour.interface import Reservation as Reservation
from llmcheck.runtimes.behaviour.interface import Runtime as Runtime
from llmcheck.runtimes.behaviour.interface import Training as Training
from llmcheck.runtimes.behaviour.interface import version_of as version_of
from llmcheck.runtimes.behaviour.launch import Launch as Launch
from llmcheck.runtimes.behaviour.launch import LaunchLine as LaunchLine
from llmcheck.schema.machine import Gpu

DEFAULT = "transformers"
"""Id of the runtime for a workload that names none."""
LEAST_MEMORY = "llama.cpp"
"""Id of the runtime to propose where another needs too much memory: it has formats down to 2 bits and computes layers
in RAM."""


@functools.cache
def named(name: str | None) -> Runtime:
    """The runtime with this id; ``DEFAULT`` for None. Raises UsageError for an id that no runtime has."""
    wanted = name or DEFAULT
    module = wanted.replace("-", "_").replace(".", "_")
    if module in registry.names(__name__):
        found: Runtime = registry.load(__name__, module).RUNTIME
        if found.id == wanted:
            return found
    raise UsageError(f"there is no runtime '{wanted[:40]}'; runtimes: {', '.join(ids())}")


@functools.cache
def every() -> tuple[Runtime, ...]:
    """All runtimes, sorted by file name."""
    return tuple(registry.load(__name__, name).RUNTIME for name in registry.names(__name__))


def ids() -> tuple[str, ...]:
    """The ids of all runtimes, sorted by file name."""
    return tuple(each.id for each in every())


def brought_by(library: str) -> Runtime | None:
    """The runtime that a library of the catalogue installs; None for one that installs none."""
    return next((each for each in every() if each.library == library), None)


def default_for(family: str, gpus: Sequence[Gpu] = ()) -> str:
    """Id of the runtime for weights of this family on these GPUs where the user names none."""
    vendors = {gpu.vendor for gpu in gpus}
    for each in every():
        if each.native_family == family or (vendors & set(each.default_on) and family in each.families):
            return each.id
    return DEFAULT


def native_to(family: str) -> Runtime | None:
    """The runtime that this family of weight formats was made for; None for a family that is general."""
    return next((each for each in every() if each.native_family == family), None)
