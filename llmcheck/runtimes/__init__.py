"""What runs or trains a model: one file for each runtime, found by its name.

A runtime says where it runs, which formats it reads, what it adds to the memory that the model's shapes explain, how
fast it is beside the roofline, and how it is started. Nothing outside this package compares a runtime's name.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from llmcheck import registry
from llmcheck.errors import UsageError
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
"""Of a workload that names none."""
FRUGAL = "llama.cpp"
"""The one that is advised where another lacks memory: its formats go down to 2 bits, and it computes in RAM too."""


@functools.cache
def named(name: str | None) -> Runtime:
    """The runtime with this id; the default one for None. Raises UsageError for a name that no runtime has."""
    wanted = name or DEFAULT
    module = wanted.replace("-", "_").replace(".", "_")
    if module in registry.names(__name__):
        found: Runtime = registry.load(__name__, module).RUNTIME
        if found.id == wanted:
            return found
    raise UsageError(f"there is no runtime '{wanted[:40]}'; runtimes: {', '.join(ids())}")


@functools.cache
def every() -> tuple[Runtime, ...]:
    """All runtimes, in the order of their files' names."""
    return tuple(registry.load(__name__, name).RUNTIME for name in registry.names(__name__))


def ids() -> tuple[str, ...]:
    return tuple(each.id for each in every())


def usual(family: str, gpus: Sequence[Gpu] = ()) -> str:
    """Id of the runtime that people use for weights of this family on these GPUs, where they name none."""
    vendors = {gpu.vendor for gpu in gpus}
    for each in every():
        if each.own_family == family or (vendors & set(each.usual_on) and family in each.families):
            return each.id
    return DEFAULT


def reader(family: str) -> Runtime | None:
    """The runtime whose own format this family is; None where it belongs to none."""
    return next((each for each in every() if each.own_family == family), None)
