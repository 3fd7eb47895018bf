"""Whether a library can work on a machine, in any Python environment."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmcheck.gpus import vendors
from llmcheck.schema.machine import Gpu, Machine, counted_gpus, version_numbers
from llmcheck.tables.library import Library

_SYSTEMS = {"darwin": "macos"}


def incompatibility(library: Library, machine: Machine) -> str | None:
    """Why a library cannot work on this machine; None if no reason is known. Does not check Python."""
    return _system(library, machine) or _nvidia(library, machine)


def python_mismatch(library: Library, version: str | None) -> str | None:
    """Why a library does not support a Python version; None if it does, or if the version is unknown."""
    if version is None:
        return None
    if library.python_min and is_older(version, library.python_min):
        return f"{library.name} needs Python {library.python_min} or newer"
    if library.python_below and not is_older(version, library.python_below):
        return f"{library.name} needs Python below {library.python_below}"
    return None


def is_older(version: str, minimum: str) -> bool:
    """Compares the numbers of two versions."""
    return version_numbers(version) < version_numbers(minimum)


def tool(machine: Machine, name: str) -> bool | None:
    """Whether a program is on PATH; None if unknown."""
    found = next((tool for tool in machine.software.tools or () if tool.name == name), None)
    return None if found is None else found.path is not None


def has_program(library: Library, machine: Machine) -> bool:
    """Whether a program of a library is on PATH."""
    return any(each.path and each.name in library.binaries for each in machine.software.tools or ())


def driver_fault(machine: Machine) -> str | None:
    """Why CUDA does not work; None if it does or there is none."""
    driver = vendors.driver_of(machine, "cuda")
    return driver.fault if driver else None


def is_windows(machine: Machine) -> bool:
    return machine.os is not None and machine.os.system == "windows"


def _system(library: Library, machine: Machine) -> str | None:
    if machine.os is None:
        return None
    system = _SYSTEMS.get(machine.os.system, machine.os.system)
    platform = f"{system}-{machine.os.architecture.lower()}"
    if library.platforms and platform not in library.platforms:
        return f"{library.name} has no release for {platform}"
    libc = re.fullmatch(r"(\w+) ([\d.]+)", machine.os.libc or "")
    if library.glibc_min and libc and libc[1] == "glibc" and is_older(libc[2], library.glibc_min):
        return f"{library.name} needs glibc {library.glibc_min}, this system has {libc[2]}"
    if library.glibc_min and libc and libc[1] == "musl":
        return f"{library.name} is built for glibc, and this system has musl"
    version = version_numbers(machine.os.version or "")
    if library.macos_min and system == "macos" and version and version[0] < library.macos_min:
        return f"{library.name} needs macOS {library.macos_min}, this is {machine.os.version}"
    return None


def _nvidia(library: Library, machine: Machine) -> str | None:
    gpus = vendors.on_platform(counted_gpus(machine), "cuda")
    if not gpus:
        if library.needs_nvidia and not driver_fault(machine):
            return _other_build(library, machine) or (
                f"{library.name} needs an NVIDIA GPU, and this machine has no usable one"
            )
        return None
    if not cards_for(library, gpus):
        return f"{library.name} needs compute capability {library.compute_capability}, these cards are older"
    # Wheels contain no kernels for these chips, except wheels that are made for them.
    if library.compute_capability and not library.build and all(vendors.of(gpu).is_embedded(gpu) for gpu in gpus):
        return f"the wheels of {library.name} have no kernels for this Jetson: build it from source"
    return old_driver(library, machine)


def _other_build(library: Library, machine: Machine) -> str | None:
    """Where the library's build for GPUs of other vendors comes from; None where it runs on none of those here."""
    gpus = counted_gpus(machine)
    if not gpus:
        return None
    from llmcheck import runtimes  # only these machines need all of them
    from llmcheck.fit.obstacles import build_of, has_build

    runtime = next((each for each in runtimes.every() if each.library == library.id), None)
    system = machine.os.system if machine.os is not None else None
    running = [] if runtime is None else [gpu for gpu in gpus if has_build(runtime, gpu, system)]
    where = None if runtime is None else build_of(runtime, running)
    if where is None:
        return None
    names = " and ".join(sorted({vendors.of(gpu).name for gpu in running}))
    return f"what is installed here of {library.name} is for NVIDIA GPUs; for {names} GPUs: {where}"


def cards_for(library: Library, gpus: Iterable[Gpu]) -> list[Gpu]:
    """The GPUs that are new enough for a library; an unknown compute capability counts as new enough."""
    minimum = version_numbers(library.compute_capability or "0")
    return [gpu for gpu in gpus if vendors.of(gpu).is_at_least(gpu, minimum) is not False]


def old_driver(library: Library, machine: Machine) -> str | None:
    """Why the NVIDIA driver is too old for a library; None if it is new enough or unknown."""
    driver = vendors.driver_of(machine, "cuda")
    if library.driver and driver and driver.version and is_older(driver.version, library.driver):
        return f"{library.name} needs NVIDIA driver {library.driver}, this machine has {driver.version}"
    return None
