"""Chooses the build of a package that is published in several builds."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.gpus import vendors
from llmcheck.gpus.unusable import driver_fault, unusable_card
from llmcheck.install import compiler
from llmcheck.install.commands import NO_CACHE
from llmcheck.install.compiler import BuildRules, Compiler
from llmcheck.install.incompatibility import tool
from llmcheck.install.wheels import architecture_of, system_of
from llmcheck.schema.machine import Gpu, Machine, capability_of, counted_gpus, version_numbers
from llmcheck.tables.torch_wheel import PackageBuild

# Older cards are served by any toolkit that is still in use.
_BLACKWELL = 10
# Instinct GPUs have no Vulkan driver. Recognised by gfx target, or by name if the driver does not report it.
_CDNA = ("gfx908", "gfx90a", "gfx942", "gfx950")
_BINDING = "llama-cpp-python"
# An unknown driver version is assumed to be current.
_CURRENT_DRIVER = (9999,)


class InstallVariant(Struct, frozen=True):
    """How one package is installed on this machine, and why."""

    reason: str
    extra_index_url: str | None = None
    options: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    requires: tuple[str, ...] = ()


def llama_cpp_for(machine: Machine, builds: Sequence[PackageBuild], rules: BuildRules) -> InstallVariant:
    """llama.cpp's Python binding, compiled here or as a wheel; for the CPU if no GPU can be used."""
    if system_of(machine) == "darwin":
        return _compiled("for Metal", "-DGGML_METAL=on")
    own = [each for each in builds if each.package == "llama-cpp"]
    by_backend: dict[str, list[Gpu]] = {}
    for gpu in vendors.for_models(machine):
        backend = "vulkan" if gpu.integrated else vendors.of(gpu).llama_cpp
        by_backend.setdefault(backend or "", []).append(gpu)
    broken = None if by_backend else unusable_card(machine)
    found: InstallVariant | str = f"an NVIDIA GPU is there and cannot be used: {broken}" if broken else ""
    if "cuda" in by_backend:
        found = _for_cuda(by_backend["cuda"], machine, own, rules)
    elif "hip" in by_backend:
        found = _for_hip(by_backend["hip"], machine, own)
    elif "vulkan" in by_backend:
        found = _for_vulkan(machine, own)
    if not by_backend and any(map(vendors.is_too_old, counted_gpus(machine))):
        found = "the GPU is not used: its compute capability is older than any that current builds have kernels for"
    variant = found if isinstance(found, InstallVariant) else _for_cpu(machine, own, found)
    if len(by_backend) < 2 or "" in by_backend or "vulkan" in variant.reason.lower():
        return variant
    names = " and ".join(dict.fromkeys(vendors.of(gpu).name for gpus in by_backend.values() for gpu in gpus))
    other = f"for the GPUs of {names} together, compile it with CMAKE_ARGS=-DGGML_VULKAN=on"
    return replace(variant, reason=f"{variant.reason}; {other}")


def with_extra(requirement: str, package: str, machine: Machine, builds: Sequence[PackageBuild]) -> str:
    """The requirement with the extra of the first usable build; unchanged if no build is usable."""
    gpus = vendors.on_platform(counted_gpus(machine), "cuda")
    usable = [
        each
        for each in builds
        if each.package == package
        and not each.index_url
        and _fits_platform(each, machine)
        and _is_usable(each, gpus, machine)
    ]
    return requirement.replace(package, f"{package}[{usable[0].build}]", 1) if usable else requirement


def _for_cuda(
    gpus: list[Gpu], machine: Machine, builds: Sequence[PackageBuild], rules: BuildRules
) -> InstallVariant | str:
    """A string if the GPU cannot be used: what would change that."""
    if driver_fault(machine):
        return "the NVIDIA driver does not work: repair it, then run llmcheck again"
    found = compiler.for_cmake(machine)
    chosen = compiler.best(found, machine, rules)
    unfit = None if not found or chosen is found[0] else compiler.problem(found[0], machine, rules)
    if chosen is not None:
        compiled = _compiled("for the NVIDIA GPU", "-DGGML_CUDA=on", _nvcc_variables(chosen), "nvcc")
        return _because(compiled, f"with CUDA {chosen.release}: {unfit}" if unfit else "")
    fitting = [
        each for each in builds if each.driver and _fits_platform(each, machine) and _has_kernels_for(each, gpus)
    ]
    usable = next((each for each in fitting if _driver_is_new_enough(machine, each)), None)
    if usable is not None:
        cuda = f"CUDA {usable.build[2:4]}"
        needs = "libcudart and libcublas have to be installed"
        return _because(_published(usable, f"the project's own wheel for {cuda}; {needs}"), unfit)
    if unfit:
        by_vulkan = _for_vulkan(machine, builds)
        if isinstance(by_vulkan, InstallVariant):
            return _because(by_vulkan, unfit)
    oldest = min((each.driver or "" for each in fitting), key=version_numbers, default=None)
    newer = f"; there is a wheel for driver {oldest} or newer" if oldest else ""
    return f"the NVIDIA GPU is not used: {unfit or _toolkit_to_install(gpus, rules)}{newer}"


def _toolkit_to_install(gpus: Sequence[Gpu], rules: BuildRules) -> str:
    newest = max((capability[0] for gpu in gpus if (capability := capability_of(gpu))), default=0)
    release = compiler.first_release_for(newest, rules) if newest >= _BLACKWELL else None
    first = f" {release} or newer" if release else ""
    return f"install the CUDA toolkit (nvcc){first} to compile for it"


def _because(variant: InstallVariant, why: str | None) -> InstallVariant:
    return replace(variant, reason=f"{variant.reason}; {why}") if why else variant


def _for_hip(gpus: list[Gpu], machine: Machine, builds: Sequence[PackageBuild]) -> InstallVariant | str:
    if tool(machine, "hipcc"):
        return _compiled("for the AMD GPU", "-DGGML_HIP=on", requires="hipcc")
    if any(gpu.gfx in _CDNA or "Instinct" in (gpu.name or "") for gpu in gpus):
        return (
            "the AMD GPU is not used: install ROCm's compiler (hipcc) to compile for it with CMAKE_ARGS=-DGGML_HIP=on"
        )
    return _for_vulkan(machine, builds)


def _for_vulkan(machine: Machine, builds: Sequence[PackageBuild]) -> InstallVariant | str:
    """For GPUs with a Vulkan driver. Debian and Ubuntu packages: llama.cpp, docs/build.md, read 2026-11."""
    build = next((each for each in builds if each.build == "vulkan" and _fits_platform(each, machine)), None)
    if build is not None:
        reason = "the project's own wheel for Vulkan, which needs the Vulkan loader and the GPU's Vulkan driver"
        own = "" if vendors.on_platform(counted_gpus(machine), "cuda") else ", mesa-vulkan-drivers"
        reason += f" (Debian and Ubuntu: libvulkan1{own})" if system_of(machine) == "linux" else ""
        return _published(build, reason)
    return (
        "the GPU is not used: install Vulkan's headers and shader compiler (Debian and Ubuntu: libvulkan-dev glslc "
        "spirv-headers) to compile for it with CMAKE_ARGS=-DGGML_VULKAN=on"
    )


def _for_cpu(machine: Machine, builds: Sequence[PackageBuild], unused: str) -> InstallVariant:
    """``unused``: why a GPU of this machine is not used; empty if it has none."""
    why = f"; {unused}" if unused else ""
    build = next((each for each in builds if each.build == "cpu" and _fits_platform(each, machine)), None)
    if build is not None and tool(machine, "cc") is False:
        return _published(build, f"the project's own wheel for the CPU, because there is no compiler{why}")
    variant = _compiled("for the CPU", "")
    return replace(variant, reason=f"{variant.reason}{why}")


def _published(build: PackageBuild, reason: str) -> InstallVariant:
    return InstallVariant(reason, build.index_url, (f"--only-binary={_BINDING}",))


def _compiled(
    where: str, flags: str, variables: dict[str, str] | None = None, requires: str | None = None
) -> InstallVariant:
    reason = f"compiled here {where}, which takes minutes and a C++ compiler"
    named = {**({"CMAKE_ARGS": flags} if flags else {}), **(variables or {})}
    # pip's cache has a wheel by name and version, whatever it was compiled for.
    options = (NO_CACHE, f"--no-binary={_BINDING}")
    return InstallVariant(reason, options=options, variables=named, requires=("cc", requires) if requires else ("cc",))


def _nvcc_variables(chosen: Compiler) -> dict[str, str]:
    """cmake looks for nvcc only on PATH, and NVIDIA's packages do not add it to PATH."""
    by_itself = chosen.named_by == "PATH" and not chosen.program.startswith("/usr/local/cuda")
    return {} if by_itself else {"CUDACXX": chosen.program}


def _fits_platform(build: PackageBuild, machine: Machine) -> bool:
    """Whether a build is made for this operating system, processor and C library."""
    system = machine.os
    if system is None or (build.systems and system.system not in build.systems):
        return False
    if build.architectures and architecture_of(machine) not in build.architectures:
        return False
    if not build.glibc_min or system.system != "linux":
        return True
    libc, minimum = system.libc or "", version_numbers(build.glibc_min)
    return not libc.startswith("musl") and (version_numbers(libc)[:2] or minimum) >= minimum


def _is_usable(build: PackageBuild, gpus: Sequence[Gpu], machine: Machine) -> bool:
    """Whether the GPUs and driver can run a build; always for a build that needs no NVIDIA GPU."""
    if build.driver is None:
        return True
    return (
        bool(gpus)
        and not driver_fault(machine)
        and _has_kernels_for(build, gpus)
        and _driver_is_new_enough(machine, build)
    )


def _has_kernels_for(build: PackageBuild, gpus: Sequence[Gpu]) -> bool:
    """Whether a build has kernels for all these GPUs; an unknown compute capability counts as supported."""
    capabilities = [capability_of(gpu) for gpu in gpus]
    minimum, below = build.compute_capability, build.compute_capability_below
    return not any(
        each is not None
        and ((minimum and each < version_numbers(minimum)) or (below and each >= version_numbers(below)))
        for each in capabilities
    )


def _driver_is_new_enough(machine: Machine, build: PackageBuild) -> bool:
    driver = vendors.driver_of(machine, "cuda")
    version = version_numbers((driver.version if driver else None) or "") or _CURRENT_DRIVER
    return version >= version_numbers(build.driver or "")
