"""Packages that come in several builds: which of them a machine gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmcheck.gpus import vendors
from llmcheck.install.incompatibility import driver_fault, tool
from llmcheck.install.wheels import architecture_of, system_of
from llmcheck.schema.machine import Gpu, Machine, Tool, capability_of, counted_gpus, version_numbers
from llmcheck.tables.torch_wheel import PackageBuild

# The first toolkit that compiles for Blackwell (NVIDIA's release notes of CUDA 12.8).
_BLACKWELL, _NVCC_OF_BLACKWELL = (10, 0), (12, 8)
# Instinct cards have no graphics and no Vulkan driver; by gfx where the driver reports it, else by name.
_CDNA = ("gfx908", "gfx90a", "gfx942", "gfx950")
# What is unknown of the driver is assumed to be current.
_CURRENT_DRIVER = (9999,)


class InstallVariant(NamedTuple):
    """How one package is installed on this machine, and why so."""

    reason: str
    extra_index_url: str | None = None
    options: tuple[str, ...] = ()
    variables: dict[str, str] = {}  # noqa: RUF012 - never changed
    requires: tuple[str, ...] = ()


def llama_cpp_for(machine: Machine, builds: Sequence[PackageBuild]) -> InstallVariant:
    """llama.cpp's Python binding, compiled here or as its published wheel; for the CPU where no GPU can be used."""
    if system_of(machine) == "darwin":
        return _compiled("for Metal", "-DGGML_METAL=on")
    own = [each for each in builds if each.package == "llama-cpp"]
    by_backend: dict[str, list[Gpu]] = {}
    for gpu in counted_gpus(machine):
        by_backend.setdefault(vendors.of(gpu).llama_cpp or "", []).append(gpu)
    found: InstallVariant | str = ""
    if "cuda" in by_backend:
        found = _for_cuda(by_backend["cuda"], machine, own)
    elif "hip" in by_backend:
        found = _for_hip(by_backend["hip"], machine, own)
    elif "vulkan" in by_backend:
        found = _for_vulkan(machine, own)
    return found if isinstance(found, InstallVariant) else _for_cpu(machine, own, found)


def with_extra(requirement: str, package: str, machine: Machine, builds: Sequence[PackageBuild]) -> str:
    """With the extra of the first build that this machine can use; unchanged where none is for it."""
    gpus = vendors.on_platform(counted_gpus(machine), "cuda")
    usable = [
        each
        for each in builds
        if each.package == package and not each.index_url and _fits(each, machine) and _is_usable(each, gpus, machine)
    ]
    return requirement.replace(package, f"{package}[{usable[0].build}]", 1) if usable else requirement


def _for_cuda(gpus: list[Gpu], machine: Machine, builds: Sequence[PackageBuild]) -> InstallVariant | str:
    """A sentence where the GPU cannot be used: what would change that."""
    if driver_fault(machine):
        return "the NVIDIA driver does not answer: repair it, then ask again"
    nvcc = next((each for each in machine.software.tools or () if each.name == "nvcc" and each.path), None)
    blackwell = any((capability_of(gpu) or (0, 0)) >= _BLACKWELL for gpu in gpus)
    if nvcc is not None and not (blackwell and _is_before_blackwell(nvcc)):
        return _compiled("for the NVIDIA GPU", "-DGGML_CUDA=on", _variables_of(nvcc), "nvcc")
    fitting = [each for each in builds if each.driver and _fits(each, machine) and _holds(each, gpus)]
    usable = next((each for each in fitting if _is_new_enough(machine, each)), None)
    if usable is not None:
        cuda = f"CUDA {usable.build[2:4]}"
        return _published(usable, f"the project's own wheel for {cuda}; libcudart and libcublas have to be installed")
    toolkit = "the CUDA toolkit (nvcc), of 12.8 or newer," if blackwell else "the CUDA toolkit (nvcc)"
    oldest = min((each.driver or "" for each in fitting), key=version_numbers, default=None)
    newer = f"; with driver {oldest} or newer there is a wheel" if oldest else ""
    return f"the NVIDIA GPU stays idle: with {toolkit} it is compiled for it{newer}"


def _for_hip(gpus: list[Gpu], machine: Machine, builds: Sequence[PackageBuild]) -> InstallVariant | str:
    if tool(machine, "hipcc"):
        return _compiled("for the AMD GPU", "-DGGML_HIP=on", requires="hipcc")
    if any(gpu.gfx in _CDNA or "Instinct" in (gpu.name or "") for gpu in gpus):
        return (
            "the AMD GPU stays idle: with ROCm's compiler (hipcc) it is compiled for it, with CMAKE_ARGS=-DGGML_HIP=on"
        )
    return _for_vulkan(machine, builds)


def _for_vulkan(machine: Machine, builds: Sequence[PackageBuild]) -> InstallVariant | str:
    """For GPUs with graphics. The packages of Debian and Ubuntu: llama.cpp, docs/build.md, as of 2026-11."""
    build = next((each for each in builds if each.build == "vulkan" and _fits(each, machine)), None)
    if build is not None:
        reason = "the project's own wheel for Vulkan, which needs the loader and the card's Vulkan driver"
        reason += " (Debian and Ubuntu: libvulkan1, mesa-vulkan-drivers)" if system_of(machine) == "linux" else ""
        return _published(build, reason)
    return (
        "the GPU stays idle: with Vulkan's headers and shader compiler (Debian and Ubuntu: libvulkan-dev glslc "
        "spirv-headers) CMAKE_ARGS=-DGGML_VULKAN=on compiles it for it"
    )


def _for_cpu(machine: Machine, builds: Sequence[PackageBuild], idle: str) -> InstallVariant:
    """``idle``: why a GPU of this machine is not used; empty where there is none."""
    why = f"; {idle}" if idle else ""
    build = next((each for each in builds if each.build == "cpu" and _fits(each, machine)), None)
    if build is not None and tool(machine, "cc") is False:
        return _published(build, f"the project's own wheel for the CPU, since there is no compiler{why}")
    made = _compiled("for the CPU", "")
    return made._replace(reason=f"{made.reason}{why}")


def _published(build: PackageBuild, reason: str) -> InstallVariant:
    return InstallVariant(reason, build.index_url, ("--only-binary=llama-cpp-python",))


def _compiled(
    where: str, flags: str, variables: dict[str, str] | None = None, requires: str | None = None
) -> InstallVariant:
    reason = f"compiled here {where}, which takes minutes and a C++ compiler"
    named = {**({"CMAKE_ARGS": flags} if flags else {}), **(variables or {})}
    return InstallVariant(reason, variables=named, requires=("cc", requires) if requires else ("cc",))


def _variables_of(nvcc: Tool) -> dict[str, str]:
    """cmake looks for nvcc on PATH only, where NVIDIA's own packages do not put it."""
    path = nvcc.path or ""
    return {"CUDACXX": path} if path.startswith("/usr/local/cuda") else {}


def _is_before_blackwell(nvcc: Tool) -> bool:
    return nvcc.version is not None and version_numbers(nvcc.version)[:2] < _NVCC_OF_BLACKWELL


def _fits(build: PackageBuild, machine: Machine) -> bool:
    """Whether a build is made for a system, its processor and its C library."""
    system = machine.os
    if system is None or (build.systems and system.system not in build.systems):
        return False
    if build.architectures and architecture_of(machine) not in build.architectures:
        return False
    if not build.glibc_min or system.system != "linux":
        return True
    libc, least = system.libc or "", version_numbers(build.glibc_min)
    return not libc.startswith("musl") and (version_numbers(libc)[:2] or least) >= least


def _is_usable(build: PackageBuild, gpus: Sequence[Gpu], machine: Machine) -> bool:
    """Whether a build that needs an NVIDIA GPU finds one that it runs on; any other build does."""
    if build.driver is None:
        return True
    return bool(gpus) and not driver_fault(machine) and _holds(build, gpus) and _is_new_enough(machine, build)


def _holds(build: PackageBuild, gpus: Sequence[Gpu]) -> bool:
    """Whether a build runs on all these cards; one of unknown compute capability counts as current."""
    capabilities = [capability_of(gpu) for gpu in gpus]
    least, below = build.compute_capability, build.compute_capability_below
    return not any(
        each is not None and ((least and each < version_numbers(least)) or (below and each >= version_numbers(below)))
        for each in capabilities
    )


def _is_new_enough(machine: Machine, build: PackageBuild) -> bool:
    driver = vendors.driver_of(machine, "cuda")
    version = version_numbers((driver.version if driver else None) or "") or _CURRENT_DRIVER
    return version >= version_numbers(build.driver or "")
