"""What keeps a build of PyTorch, or all of them, from being installed: system, Python, JetPack, a broken GPU."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmcheck.gpus import c_library
from llmcheck.schema.machine import Machine, version_numbers
from llmcheck.tables.torch_wheel import TorchWheel

# Jetson Linux 36 is JetPack 6, for which the index has its wheels (pypi.jetson-ai-lab.io: jp6).
_JETPACKS = {32: "JetPack 4", 34: "JetPack 5", 35: "JetPack 5", 36: "JetPack 6"}
_WITH_WHEELS = 36


def system_problem(wheel: TorchWheel, machine: Machine, python: str | None) -> str | None:
    """Why a build cannot be installed under this Python, C library or macOS; None if no reason is known.

    ``python``: as ``incompatibility.python_of`` writes it; None where it is not known.
    """
    minor = version_numbers(python or "")[:2]
    if is_not_cpython(python):
        return f"torch {wheel.torch} has wheels for CPython only, this is {python}"
    if minor and minor < version_numbers(wheel.python_min):
        return f"torch {wheel.torch} needs Python {wheel.python_min} or newer, this is {python}"
    if minor and wheel.python_below and minor >= version_numbers(wheel.python_below):
        return f"torch {wheel.torch} needs Python below {wheel.python_below}, this is {python}"
    libc = machine.os.libc if machine.os else None
    if c_library.is_musl(libc):
        return f"PyTorch's wheels are built for glibc, and this system has musl: {c_library.INSTEAD}"
    if c_library.is_too_old(libc, wheel.glibc_min):
        return f"torch {wheel.torch} needs glibc {wheel.glibc_min}, this is {libc}"
    version = version_numbers((machine.os.version if machine.os else None) or "")
    if wheel.macos_min and version and version[0] < wheel.macos_min:
        return f"torch {wheel.torch} needs macOS {wheel.macos_min}"
    return None


def is_not_cpython(version: str | None) -> bool:
    """Whether a version names another implementation: ``pypy 3.11.11``."""
    return bool(version) and not (version or "")[0].isdigit()


def older_jetpack(machine: Machine) -> str | None:
    """``JetPack 5`` where it is older than the one that the index has wheels for; None where that is not known."""
    found = re.search(r"Jetson Linux (\d+)", (machine.os.distribution if machine.os else None) or "")
    release = int(found[1][:4]) if found else _WITH_WHEELS
    return None if release >= _WITH_WHEELS else _JETPACKS.get(release, f"Jetson Linux {release}")


def range_of(capabilities: Sequence[tuple[int, ...]]) -> str:
    """``7.0 to 9.0`` of sorted compute capabilities."""
    if not capabilities:
        return "unknown"
    low, high = (".".join(map(str, each)) for each in (capabilities[0], capabilities[-1]))
    return low if low == high else f"{low} to {high}"


def arch_range(archs: Sequence[str]) -> str:
    """The same of the architectures that a build has kernels for."""
    if len(archs) > 1 and "." in archs[0]:
        return f"{archs[0]} to {archs[-1]}"
    return ", ".join(archs) or "no GPU"
