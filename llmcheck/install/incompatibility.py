"""Whether a library can work on a machine at all, before anything is said of how it is installed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmcheck.gpus import vendors
from llmcheck.schema.machine import Gpu, Machine, capability_of, counted_gpus
from llmcheck.tables.library import Library

_SYSTEMS = {"darwin": "macos"}


def incompatibility(library: Library, machine: Machine) -> str | None:
    """Why a library cannot work on this machine; None if nothing speaks against it. Python is not looked at."""
    return _system(library, machine) or _nvidia(library, machine)


def python_mismatch(library: Library, version: str | None) -> str | None:
    """Which Python a library needs, where ``version`` is another; None where it fits or is not known."""
    if version is None:
        return None
    if library.python_min and numbers(version) < numbers(library.python_min):
        return f"{library.name} needs Python {library.python_min} or newer"
    if library.python_below and numbers(version) >= numbers(library.python_below):
        return f"{library.name} needs Python below {library.python_below}"
    return None


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare two of one scheme."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def tool(machine: Machine, name: str) -> bool | None:
    """Whether a tool is on PATH; None if that is not known."""
    found = next((tool for tool in machine.software.tools or () if tool.name == name), None)
    return None if found is None else found.path is not None


def driver_fault(machine: Machine) -> str | None:
    """Why the NVIDIA driver cannot be asked what it can run; None where it answers or there is none."""
    driver = machine.drivers.get("nvidia")
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
    if library.glibc_min and libc and libc[1] == "glibc" and numbers(libc[2]) < numbers(library.glibc_min):
        return f"{library.name} needs glibc {library.glibc_min}, this system has {libc[2]}"
    if library.glibc_min and libc and libc[1] == "musl":
        return f"{library.name} is built for glibc, and this system has musl"
    version = numbers(machine.os.version or "")
    if library.macos_min and system == "macos" and version and version[0] < library.macos_min:
        return f"{library.name} needs macOS {library.macos_min}, this is {machine.os.version}"
    return None


def _nvidia(library: Library, machine: Machine) -> str | None:
    gpus = [gpu for gpu in counted_gpus(machine) if gpu.vendor == "nvidia"]
    if not gpus:
        if library.needs_nvidia and not driver_fault(machine):
            return f"{library.name} needs an NVIDIA GPU, and this machine has none that can be used"
        return None
    if not cards_for(library, gpus):
        return f"{library.name} needs compute capability {library.compute_capability}, these cards are older"
    # Wheels with kernels hold none for these chips, but those that are made for them alone.
    if library.compute_capability and not library.build and all(vendors.of(gpu).is_embedded(gpu) for gpu in gpus):
        return f"the wheels of {library.name} hold no code for this Jetson: it has to be built from its source"
    return old_driver(library, machine)


def cards_for(library: Library, gpus: Iterable[Gpu]) -> list[Gpu]:
    """Those of the NVIDIA cards that are new enough for a library; one that is not known counts as new enough."""
    least = numbers(library.compute_capability or "0")
    return [gpu for gpu in gpus if (capability_of(gpu) or (999, 0)) >= least]


def old_driver(library: Library, machine: Machine) -> str | None:
    """That the NVIDIA driver is too old for a library; None where it does, or is not known."""
    driver = machine.drivers.get("nvidia")
    if library.driver and driver and driver.version and numbers(driver.version) < numbers(library.driver):
        return f"{library.name} needs NVIDIA driver {library.driver}, this machine has {driver.version}"
    return None
