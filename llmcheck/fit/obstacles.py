"""Whether a runtime has a build for a machine's GPUs, operating system and driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.fit.capacity import Capacity
from llmcheck.gpus import c_library, vendors
from llmcheck.gpus.c_library import WheelSite
from llmcheck.runtimes import Platform, Runtime
from llmcheck.schema.machine import Gpu, capability_of, version_numbers

JETSON_PYTHON = "3.10"
"""The one Python for which PyTorch has wheels with kernels for the embedded chips (``data/torch_wheels.csv``)."""


class Obstacle(Struct, frozen=True, kw_only=True):
    """Why a runtime does not run on a machine: the first reason that applies."""

    code: Literal[
        "no-gpu", "vendor", "system", "vendor-on-system", "compute-capability", "embedded", "gfx", "libc", "python"
    ]
    needed: tuple[str, ...]
    """What the runtime needs: vendor ids, systems, a minimum compute capability (``8.0``), AMD targets (``gfx942``), a
    C library (``glibc`` or ``glibc 2.31``), a Python."""
    found: tuple[str, ...]
    """What the machine has of that; () without a GPU. ``vendor-on-system``: the system, then the vendor."""


def obstacle(
    runtime: Runtime, gpus: Sequence[Gpu] | None, system: str | None, site: WheelSite | None = None
) -> Obstacle | None:
    """None where it runs, or where too little is known of the machine to say that it does not.

    ``gpus``: None where they could not be listed. ``system``: None where it is not known. ``site``: where its wheels
    would be installed; None for a runtime that is there already, or where nothing is known of that.
    """
    if system is not None and runtime.systems and system not in runtime.systems:
        return Obstacle(code="system", needed=runtime.systems, found=(system,))
    without = _without_wheels(runtime, gpus or (), site) if site is not None and not runtime.in_container else None
    if without is not None:
        return without
    if gpus is None:
        return None
    gpus = [gpu for gpu in gpus if _may_use(runtime, gpu)]
    supported = tuple(each.vendor for each in runtime.platforms)
    if not gpus:
        return Obstacle(code="no-gpu", needed=supported, found=()) if runtime.needs_gpu else None
    supported_gpus = [gpu for gpu in gpus if gpu.vendor in supported] if supported else list(gpus)
    if not supported_gpus:
        return Obstacle(code="vendor", needed=supported, found=tuple(sorted({gpu.vendor for gpu in gpus})))
    platforms = {each.vendor: each for each in runtime.platforms}
    missing: list[Obstacle] = []
    for gpu in supported_gpus:
        missing_here = _of_gpu(platforms.get(gpu.vendor), gpu, system)
        if missing_here is None:
            return None
        missing.append(missing_here)
    return missing[0]


def excluded(
    runtime: Runtime, gpus: Sequence[Gpu] | None, system: str | None, site: WheelSite | None = None
) -> Obstacle | None:
    """The obstacle, unless the runtime computes on the CPUs where it has no build for the GPUs."""
    found = obstacle(runtime, gpus, system, site)
    on_cpus = found is not None and found.code not in ("system", "libc", "python") and runtime.computes_in_ram
    return None if on_cpus else found


def _without_wheels(runtime: Runtime, gpus: Sequence[Gpu], site: WheelSite) -> Obstacle | None:
    """No wheels for the C library, or for the one Python that these GPUs have a PyTorch for. Another Python is no
    obstacle elsewhere: a plan makes an environment with it.
    """
    musl = c_library.is_musl(site.libc) and (runtime.torch or runtime.glibc_min is not None)
    if musl or c_library.is_too_old(site.libc, runtime.glibc_min):
        needed = f"glibc {runtime.glibc_min}" if runtime.glibc_min else "glibc"
        return Obstacle(code="libc", needed=(needed,), found=(site.libc or "",))
    embedded = bool(gpus) and all(vendors.of(gpu).is_embedded(gpu) for gpu in gpus)
    least = runtime.python_min
    if embedded and runtime.torch and least and version_numbers(JETSON_PYTHON) < version_numbers(least):
        return Obstacle(code="python", needed=(least,), found=(JETSON_PYTHON,))
    return None


def has_build(runtime: Runtime, gpu: Gpu, system: str | None) -> bool:
    """Whether a runtime computes on this GPU; True where too little is known to say that it does not."""
    platform = next((each for each in runtime.platforms if each.vendor == gpu.vendor), None)
    if not _may_use(runtime, gpu) or vendors.is_too_old(gpu):
        return False
    if not runtime.platforms or not gpu.vendor:
        return True
    return platform is not None and _of_gpu(platform, gpu, system) is None


def _may_use(runtime: Runtime, gpu: Gpu) -> bool:
    """Integrated GPUs run models through Vulkan; PyTorch's builds are for cards."""
    return not (gpu.integrated and runtime.torch)


def older_driver(runtime: Runtime, gpu: Gpu, version: str | None) -> bool:
    """Whether a driver is older than the runtime's usual build for this GPU needs; False where it is not known."""
    platform = next((each for each in runtime.platforms if each.vendor == gpu.vendor), None)
    if platform is None or platform.min_driver is None or version is None:
        return False
    numbers = version_numbers(version)
    return bool(numbers) and numbers < version_numbers(platform.min_driver)


def usable_by(runtime: Runtime, capacity: Capacity) -> Capacity:
    """Without the GPUs that the runtime has no build for; with those of all vendors together, where it can use them."""
    system = capacity.system
    kept = tuple(tuple(each for each in group if has_build(runtime, each.gpu, system)) for group in capacity.groups)
    whole = [each for group in kept for each in group if each.gpu.parent is None]
    if runtime.across_vendors is not None and are_of_several_vendors([each.gpu for each in whole]):
        kept = (*kept, tuple(sorted(whole, key=lambda each: -(each.free or 0))))
    return capacity if kept == capacity.groups else replace(capacity, groups=tuple(filter(None, kept)))


def are_of_several_vendors(gpus: Sequence[Gpu]) -> bool:
    return len({gpu.vendor for gpu in gpus}) > 1


def build_of(runtime: Runtime, gpus: Sequence[Gpu]) -> str | None:
    """Where the build for these GPUs comes from, in words; None where it is the usual one."""
    if runtime.across_vendors is not None and are_of_several_vendors(gpus):
        makers = " and ".join(sorted({vendors.of(gpu).name for gpu in gpus}))
        return f"its build for {runtime.across_vendors}, which uses the GPUs of {makers} together"
    vendors_here = {gpu.vendor for gpu in gpus}
    return next((each.build for each in runtime.platforms if each.vendor in vendors_here), None)


def _of_gpu(platform: Platform | None, gpu: Gpu, system: str | None) -> Obstacle | None:
    """For one GPU of a supported vendor; None where it runs, or the GPU's architecture is not known."""
    if platform is None:
        return None
    if system is not None and platform.systems and system not in platform.systems:
        return Obstacle(code="vendor-on-system", needed=platform.systems, found=(system, gpu.vendor))
    vendor = vendors.of(gpu)
    found, least = (vendor.architecture(gpu) or "",), platform.min_compute_capability or vendor.least_capability
    if least is not None and vendors.of(gpu).is_at_least(gpu, least) is False:
        return Obstacle(code="compute-capability", needed=(f"{least[0]}.{least[1]}",), found=found)
    if vendors.of(gpu).is_embedded(gpu) and capability_of(gpu) not in platform.embedded:
        return Obstacle(code="embedded", needed=(), found=found)
    if platform.gfx and gpu.gfx is not None and gpu.gfx not in platform.gfx:
        return Obstacle(code="gfx", needed=platform.gfx, found=found)
    return None
