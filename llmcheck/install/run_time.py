"""What installed libraries lack to run here: compilers that they call, a card or a driver that they support."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from llmcheck.gpus.torch_support import RUN_TIME_CODES, may_not_run
from llmcheck.install.incompatibility import tool
from llmcheck.install.kept import unusable
from llmcheck.schema.machine import Machine, Problem, counted_gpus, normalized_name
from llmcheck.tables.library import Library
from llmcheck.tables.torch_wheel import CudaDriver

_COMPILER, _UNUSABLE = RUN_TIME_CODES
_HEADERS = "python-headers"
_WHAT = {"cc": "a C compiler (cc)", _HEADERS: "Python's headers (Python.h)", "nvcc": "nvcc", "ninja": "ninja"}


def with_problems(
    machine: Machine, libraries: Callable[[], Mapping[str, Library]], drivers: Callable[[], Sequence[CudaDriver]]
) -> Machine:
    """The machine with these problems added to its own; those of an earlier call are replaced.

    ``libraries`` and ``drivers`` are called only where one of them may be found.
    """
    others = tuple(each for each in machine.problems if each.code not in RUN_TIME_CODES)
    found: tuple[Problem, ...] = ()
    if may_not_run(machine) and counted_gpus(machine):
        found = tuple(_problems(machine, libraries().values(), drivers()))
    return (
        machine if not found and len(others) == len(machine.problems) else replace(machine, problems=(*others, *found))
    )


def lacking(library: Library, machine: Machine) -> tuple[str, ...]:
    """In words, what a library compiles with when it runs and this machine is known to lack."""
    on_linux = machine.os is None or machine.os.system == "linux"
    if not on_linux or not counted_gpus(machine):
        return ()
    return tuple(_WHAT.get(each, each) for each in library.compiles_at_run if _lacks(machine, each))


def how_to_get(machine: Machine) -> str:
    """Where a C compiler and Python's headers come from."""
    python = machine.software.python
    version = ".".join(((python.version if python is not None else None) or "3").split(".")[:2])
    return (
        f"Debian and Ubuntu: sudo apt install build-essential python{version}-dev; Fedora: sudo dnf install gcc "
        "python3-devel; a Python that uv installs has its headers"
    )


def _lacks(machine: Machine, what: str) -> bool:
    python = machine.software.python
    if what == _HEADERS:
        return python is not None and python.headers is False
    return tool(machine, what) is False


def _problems(machine: Machine, libraries: Iterable[Library], drivers: Sequence[CudaDriver]) -> Iterator[Problem]:
    versions = machine.software.versions
    for library in libraries:
        name = next((each for each in map(normalized_name, library.distributions) if each in versions), None)
        if name is None:
            continue
        missing = lacking(library, machine) if library.compiles_always else ()
        if missing:
            message = f"{library.name} compiles kernels when it starts, and {' and '.join(missing)} is not here"
            yield _problem(_COMPILER, message, how_to_get(machine), name)
        why = unusable(name, versions[name], library, machine, drivers) if library.needs_nvidia else None
        if why is not None:
            yield _problem(
                _UNUSABLE, why, "another engine: 'llmcheck install llama-cpp' names the build that fits", name
            )


def _problem(code: str, message: str, remedy: str, package: str) -> Problem:
    return Problem(probe="software", code=code, message=message, remedy=remedy, package=package, breaks_package=True)
