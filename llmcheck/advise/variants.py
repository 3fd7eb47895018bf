"""Packages that come in several builds: which of them a machine takes."""

from __future__ import annotations

from typing import NamedTuple

from llmcheck.advise.suitability import driver_fault, is_windows, numbers, tool
from llmcheck.machine import Gpu, Machine, capability_of, counted_gpus

# README of llama-cpp-python, 2026-08: its own index of wheels, for Python 3.10 to 3.12.
_LLAMA_CPP_INDEX = "https://abetlen.github.io/llama-cpp-python/whl/"
_LLAMA_CPP_PYTHONS = ((3, 10), (3, 12))
_ONLY_BINARY = ("--only-binary=llama-cpp-python",)


class Flavour(NamedTuple):
    """How one package is asked for on this machine, and why so."""

    reason: str
    extra_index_url: str | None = None
    options: tuple[str, ...] = ()
    variables: dict[str, str] = {}  # noqa: RUF012 - never changed
    requires: tuple[str, ...] = ()


def llama_cpp_for(machine: Machine, python: str | None) -> Flavour:
    """The binding's published wheel for the GPU, or compiled here with the flag of what is there.

    ``python``: the version of the interpreter that it is for; None where it is not known.
    """
    gpus = counted_gpus(machine)
    low, high = _LLAMA_CPP_PYTHONS
    published = low <= numbers(python or "")[:2] <= high and not is_windows(machine)
    nvidia = [gpu for gpu in gpus if gpu.vendor == "nvidia"]
    if nvidia and not driver_fault(machine):
        if tool(machine, "nvcc"):
            return _compiled("for the NVIDIA GPU", "-DGGML_CUDA=on")
        tag = _cuda_wheel(nvidia, machine)
        if tag and published:
            reason = "the project's own wheel for CUDA, since there is no nvcc to compile it"
            return Flavour(reason, f"{_LLAMA_CPP_INDEX}{tag}", _ONLY_BINARY)
    if any(gpu.vendor == "amd" for gpu in gpus) and tool(machine, "hipcc"):
        return _compiled("for the AMD GPU", "-DGGML_HIP=on")
    if machine.os is not None and machine.os.system == "darwin":
        return _compiled("for Metal", "-DGGML_METAL=on")
    if tool(machine, "cc") is False and published:
        reason = "the project's own wheel for the CPU, since there is no compiler"
        return Flavour(reason, f"{_LLAMA_CPP_INDEX}cpu", _ONLY_BINARY)
    return _compiled("for the CPU", "")


def mlx_for(requirement: str, machine: Machine) -> str:
    """On Linux the wheel holds no backend: without an extra the import fails for want of libmlx.so; seen 2026-11-23."""
    linux = machine.os is not None and machine.os.system == "linux"
    return requirement.replace("mlx", "mlx[cpu]", 1) if linux else requirement


def jax_for(requirement: str, machine: Machine) -> str:
    """With the extra for the NVIDIA driver and cards (jax docs, installation, 2026-08-08); plain where neither runs."""
    gpus = [gpu for gpu in counted_gpus(machine) if gpu.vendor == "nvidia"]
    if not gpus or machine.os is None or machine.os.system != "linux":
        return requirement
    branch, least = _branch(machine), _least(gpus)
    if branch >= 580 and least >= (7, 5):
        return requirement.replace("jax", "jax[cuda13]", 1)
    return requirement.replace("jax", "jax[cuda12]", 1) if branch >= 525 and least >= (5, 2) else requirement


def _compiled(where: str, flags: str) -> Flavour:
    variables = {"CMAKE_ARGS": flags} if flags else {}
    return Flavour(
        f"compiled here {where}, which takes minutes and a C++ compiler", variables=variables, requires=("cc",)
    )


def _cuda_wheel(gpus: list[Gpu], machine: Machine) -> str | None:
    """cu130 wheels hold compute capability 7.5 and newer, cu124 ones 6.0 and newer (README, 2026-08)."""
    branch, least = _branch(machine), _least(gpus)
    if branch >= 580 and least >= (7, 5):
        return "cu130"
    return "cu124" if branch >= 550 and least >= (6, 0) else None


def _branch(machine: Machine) -> int:
    """What is unknown of the driver is taken to be current."""
    driver = machine.drivers.get("nvidia")
    return (numbers(driver.version) or (999,))[0] if driver and driver.version else 999


def _least(gpus: list[Gpu]) -> tuple[int, int]:
    return min((capability_of(gpu) or (99, 0) for gpu in gpus), default=(0, 0))
