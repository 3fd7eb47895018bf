"""Packages that come in several builds: which of them a machine takes."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.install.incompatibility import driver_fault, numbers, tool
from llmcheck.schema.machine import Gpu, Machine, Tool, capability_of, counted_gpus

# The project's own index of wheels. What it holds was read from the README, pyproject.toml and the workflows that build
# it, all in the archive of llama-cpp-python 0.3.36 (PyPI, 2026-11-25); the index itself was not asked. The wheels are
# for any Python (wheel.py-api = "py3", since 0.3.20; the README still says 3.10 to 3.12), those for CUDA and Vulkan for
# x86-64 on Linux and Windows only (also issue 1446 of the project), those for the CPU for aarch64 too.
_LLAMA_CPP_INDEX = "https://abetlen.github.io/llama-cpp-python/whl/"
_ONLY_BINARY = ("--only-binary=llama-cpp-python",)
# CUDA's wheels are built on Ubuntu 22.04 and not in the old image of manylinux: its C library has 2.35, and its symbols
# for programs like this one end at 2.34.
_GLIBC_OF_CUDA_WHEELS = (2, 34)
_LEAST_OF_WHEELS = (6, 0)
_BLACKWELL = (10, 0)
# The first that compiles for it (NVIDIA's release notes of CUDA 12.8).
_NVCC_OF_BLACKWELL = (12, 8)
# Instinct cards have no graphics, and no Vulkan of theirs is known; by gfx where the driver says it, else by name.
_CDNA = ("gfx908", "gfx90a", "gfx942", "gfx950")


class Flavour(Struct, frozen=True):
    """How one package is asked for on this machine, and why so."""

    reason: str
    extra_index_url: str | None = None
    options: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    requires: tuple[str, ...] = ()


def llama_cpp_for(machine: Machine) -> Flavour:
    """The binding compiled here with the flag of what is there, or its published wheel; for the CPU with what the GPU
    lacks.
    """
    if machine.os is not None and machine.os.system == "darwin":
        return _compiled("for Metal", "-DGGML_METAL=on")
    gpus = counted_gpus(machine)
    nvidia, amd = ([gpu for gpu in gpus if gpu.vendor == vendor] for vendor in ("nvidia", "amd"))
    if nvidia:
        found = _for_nvidia(nvidia, machine)
    elif amd:
        found = _for_amd(amd, machine)
    elif any(gpu.vendor == "intel" for gpu in gpus):
        found = _vulkan(machine)
    else:
        found = ""
    return found if isinstance(found, Flavour) else _for_cpu(machine, found)


def _for_nvidia(gpus: list[Gpu], machine: Machine) -> Flavour | str:
    """A sentence where the GPU cannot be used: what would change that."""
    if driver_fault(machine):
        return "the NVIDIA driver does not answer: mend it, then ask again"
    nvcc = next((each for each in machine.software.tools or () if each.name == "nvcc" and each.path), None)
    blackwell = any((capability_of(gpu) or (0, 0)) >= _BLACKWELL for gpu in gpus)
    if nvcc is not None and not (blackwell and _is_old(nvcc)):
        return _compiled("for the NVIDIA GPU", "-DGGML_CUDA=on", _named_nvcc(nvcc), "nvcc")
    published = _has_wheels(machine, _GLIBC_OF_CUDA_WHEELS)
    tag = _cuda_wheel(gpus, machine, blackwell)
    if tag and published:
        cuda = f"CUDA {tag[2:4]}"
        reason = f"the project's own wheel for {cuda}, whose libcudart and libcublas the system has to have"
        return Flavour(reason, f"{_LLAMA_CPP_INDEX}{tag}", _ONLY_BINARY)
    toolkit = "the CUDA toolkit (nvcc), of 12.8 or newer," if blackwell else "the CUDA toolkit (nvcc)"
    wanted = 580 if blackwell else 550
    driver = published and _branch(machine) < wanted and _least(gpus) >= _LEAST_OF_WHEELS
    newer = f"; with driver {wanted} or newer there is a wheel" if driver else ""
    return f"the NVIDIA GPU stays idle: with {toolkit} it is compiled for it{newer}"


def _for_amd(gpus: list[Gpu], machine: Machine) -> Flavour | str:
    if tool(machine, "hipcc"):
        return _compiled("for the AMD GPU", "-DGGML_HIP=on", requires="hipcc")
    if any(gpu.gfx in _CDNA or "Instinct" in (gpu.name or "") for gpu in gpus):
        return (
            "the AMD GPU stays idle: with ROCm's compiler (hipcc) it is compiled for it, with CMAKE_ARGS=-DGGML_HIP=on"
        )
    return _vulkan(machine)


def _vulkan(machine: Machine) -> Flavour | str:
    """For what draws pictures. The packages of Debian and Ubuntu: llama.cpp, docs/build.md, as of 2026-11."""
    if _has_wheels(machine, (2, 17)):
        reason = "the project's own wheel for Vulkan, which needs the loader and the card's Vulkan driver"
        linux = machine.os is not None and machine.os.system == "linux"
        reason += " (Debian and Ubuntu: libvulkan1, mesa-vulkan-drivers)" if linux else ""
        return Flavour(reason, f"{_LLAMA_CPP_INDEX}vulkan", _ONLY_BINARY)
    return (
        "the GPU stays idle: with Vulkan's headers and shader compiler (Debian and Ubuntu: libvulkan-dev glslc "
        "spirv-headers) CMAKE_ARGS=-DGGML_VULKAN=on compiles it for it"
    )


def _for_cpu(machine: Machine, idle: str) -> Flavour:
    """``idle``: why a GPU that is there is not used; empty where none is."""
    why = f"; {idle}" if idle else ""
    processors = ("x86_64", "amd64", "aarch64")
    known = machine.os is not None and machine.os.architecture.lower() in processors
    if tool(machine, "cc") is False and known:
        reason = f"the project's own wheel for the CPU, since there is no compiler{why}"
        return Flavour(reason, f"{_LLAMA_CPP_INDEX}cpu", _ONLY_BINARY)
    made = _compiled("for the CPU", "")
    return replace(made, reason=f"{made.reason}{why}")


def mlx_for(requirement: str, machine: Machine) -> str:
    """On Linux the wheel holds no backend: without an extra the import fails for want of libmlx.so; seen 2026-11-23.

    What its backends for CUDA need: mlx docs, install, read 2026-11-25; that all of the extras resolve was measured.
    """
    if machine.os is None or machine.os.system != "linux":
        return requirement
    gpus = [gpu for gpu in counted_gpus(machine) if gpu.vendor == "nvidia"]
    branch, extra = _branch(machine), "cpu"
    if gpus and _least(gpus) >= (7, 5) and not driver_fault(machine):
        extra = "cuda13" if branch >= 580 else "cuda12" if branch >= 550 else extra
    return requirement.replace("mlx", f"mlx[{extra}]", 1)


def jax_for(requirement: str, machine: Machine) -> str:
    """With the extra for the NVIDIA driver and cards (jax docs, installation, 2026-08-08); plain where neither runs."""
    gpus = [gpu for gpu in counted_gpus(machine) if gpu.vendor == "nvidia"]
    if not gpus or machine.os is None or machine.os.system != "linux":
        return requirement
    branch, least = _branch(machine), _least(gpus)
    if branch >= 580 and least >= (7, 5):
        return requirement.replace("jax", "jax[cuda13]", 1)
    return requirement.replace("jax", "jax[cuda12]", 1) if branch >= 525 and least >= (5, 2) else requirement


def _compiled(where: str, flags: str, variables: dict[str, str] | None = None, requires: str | None = None) -> Flavour:
    reason = f"compiled here {where}, which takes minutes and a C++ compiler"
    named = {**({"CMAKE_ARGS": flags} if flags else {}), **(variables or {})}
    return Flavour(reason, variables=named, requires=("cc", requires) if requires else ("cc",))


def _named_nvcc(nvcc: Tool) -> dict[str, str]:
    """cmake looks for it on PATH only, where NVIDIA's own packages do not put it."""
    path = nvcc.path or ""
    return {"CUDACXX": path} if path.startswith("/usr/local/cuda") else {}


def _is_old(nvcc: Tool) -> bool:
    return nvcc.version is not None and numbers(nvcc.version)[:2] < _NVCC_OF_BLACKWELL


def _has_wheels(machine: Machine, glibc: tuple[int, int]) -> bool:
    """Of CUDA and Vulkan. ``glibc``: the oldest that they load with."""
    system = machine.os
    if system is None or system.architecture.lower() not in ("x86_64", "amd64"):
        return False
    if system.system == "windows":
        return True
    libc = system.libc or ""
    return system.system == "linux" and not libc.startswith("musl") and (numbers(libc)[:2] or glibc) >= glibc


def _cuda_wheel(gpus: list[Gpu], machine: Machine, blackwell: bool) -> str | None:
    """Wheels of CUDA 13 are for compute capability 7.5 and newer, those of 12 for 6.0 and newer.

    Both hold code up to 9.0 and an intermediate form of it, which a driver compiles for Blackwell; the drivers of CUDA
    12 that know Blackwell at all are few (570 and 575), and nobody is known to have tried.
    """
    branch, least = _branch(machine), _least(gpus)
    if branch >= 580 and least >= (7, 5):
        return "cu130"
    return "cu124" if branch >= 550 and least >= _LEAST_OF_WHEELS and not blackwell else None


def _branch(machine: Machine) -> int:
    """What is unknown of the driver is taken to be current."""
    driver = machine.drivers.get("nvidia")
    return (numbers(driver.version) or (999,))[0] if driver and driver.version else 999


def _least(gpus: list[Gpu]) -> tuple[int, int]:
    return min((capability_of(gpu) or (99, 0) for gpu in gpus), default=(0, 0))
