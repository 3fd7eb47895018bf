"""Which build of PyTorch works on a machine.

Driver and compute capability are two independent tests, for the wheels hold no PTX: a card runs only kernels compiled
for its own major capability. Figures: PyPI wheels of torch 2.4 to 2.15 read with cuobjdump, and PyTorch's release
matrix (RFC #190385, PR 196249, PR 175253), 2026-11-22; driver floors from NVIDIA's minor-version compatibility table.
"""

from __future__ import annotations

from typing import NamedTuple

from llmcheck.advice import TorchBuild
from llmcheck.machine import Gpu, Machine, capability_of, counted_gpus

_INDEX = "https://download.pytorch.org/whl/"
_CURRENT = "torch>=2.14"


class Build(NamedTuple):
    """One published CUDA build: compute capabilities times ten, and NVIDIA's least driver branch for it."""

    tag: str
    requirement: str
    least_capability: int
    most_capability: int
    least_driver: int


# Newest torch first; the first that holds every visible card and speaks to the driver is advised.
_BUILDS = (
    Build("cu132", _CURRENT, 75, 129, 580),
    Build("cu126", "torch>=2.6,<2.15", 50, 90, 525),
    Build("cu128", "torch==2.11.*", 75, 129, 570),
    Build("cu128", "torch==2.10.*", 70, 129, 570),
    Build("cu118", "torch==2.7.1", 50, 90, 450),
)
_OLDEST_CAPABILITY = 50
# torch 2.12 and newer wheels are macosx_14_0; no wheel for Intel Macs after 2.2.2.
_MACOS_OF_CURRENT, _TORCH_OF_OLDER_MACOS, _TORCH_OF_INTEL_MACS = 14, "torch==2.11.0", "torch==2.2.2"


def torch_build(machine: Machine) -> TorchBuild:
    """The build to install; the CPU build where no card can be used, with the reason why none can."""
    gpus = counted_gpus(machine)
    system = machine.os.system if machine.os else "linux"
    if system == "darwin":
        return _mac(machine)
    nvidia = [gpu for gpu in gpus if gpu.vendor == "nvidia"]
    driver = machine.drivers.get("nvidia")
    if nvidia:
        return _nvidia(nvidia, driver.version if driver else None, system, _architecture(machine))
    if driver is not None and driver.fault:
        reason = f"the NVIDIA driver does not answer ({driver.fault}): mend it first; then driver 580 or newer fits"
        return _published("cu132", _CURRENT, reason, system)
    if any(gpu.vendor == "amd" for gpu in gpus) and system == "linux":
        reason = "AMD GPU: the ROCm 7.2 build, published for torch 2.13"
        return TorchBuild(tag="rocm7.2", index_url=index_of("rocm7.2"), requirement="torch==2.13.*", reason=reason)
    if any(gpu.vendor == "intel" for gpu in gpus):
        return TorchBuild(tag="xpu", index_url=index_of("xpu"), requirement=_CURRENT, reason="Intel GPU: the XPU build")
    return _cpu("no GPU that PyTorch could use: the CPU build saves about 3 GB of CUDA libraries", system)


def index_of(tag: str) -> str:
    """The package index of one build."""
    return f"{_INDEX}{tag}"


def _mac(machine: Machine) -> TorchBuild:
    """PyPI's wheel drives the GPU of Apple silicon; older systems stop at older releases."""
    version = (machine.os.version if machine.os else None) or ""
    major = int(version.split(".")[0]) if version.split(".")[0].isdigit() else _MACOS_OF_CURRENT
    if _architecture(machine) == "x86_64":
        requirement, reason = _TORCH_OF_INTEL_MACS, "the last release for Intel Macs, for Python up to 3.12"
    elif major < _MACOS_OF_CURRENT:
        requirement, reason = _TORCH_OF_OLDER_MACOS, f"the last release for macOS {major}: newer ones need macOS 14"
    else:
        requirement, reason = _CURRENT, "macOS: the PyPI wheel drives the GPU"
    return TorchBuild(tag="mps", index_url=None, requirement=requirement, reason=reason)


def _nvidia(gpus: list[Gpu], driver: str | None, system: str, architecture: str) -> TorchBuild:
    """What is unknown of a card or the driver limits nothing, and the reason says so."""
    capabilities = [major * 10 + minor for major, minor in filter(None, map(capability_of, gpus))]
    known = f"compute capability {_range(capabilities)}" if capabilities else "compute capability unknown"
    branch = int(driver.split(".")[0]) if driver and driver.split(".")[0].isdigit() else None
    facts = f"driver {driver or 'unknown'}, {known}"
    if branch is None or len(capabilities) < len(gpus):
        facts += (
            ", the rest unknown and assumed to be current" if capabilities or branch else " (assumed to be current)"
        )
    holding = [
        build
        for build in _BUILDS
        if all(build.least_capability <= each <= build.most_capability for each in capabilities)
        and (architecture != "aarch64" or build.tag == "cu132")
    ]
    for build in holding:
        if branch is None or branch >= build.least_driver:
            return _published(
                build.tag, build.requirement, f"{facts}: {build.tag} is the newest build for both", system
            )
    if holding:
        return _cpu(
            f"driver {driver} is too old for {known}: update it to 580 or newer, then ask again; "
            "until then only the CPU build runs",
            system,
        )
    if min(capabilities) < _OLDEST_CAPABILITY:
        return _cpu(f"{known} is older than any build that can still be had", system)
    return _cpu(
        f"no build holds {known} together: hide the cards of one kind with CUDA_VISIBLE_DEVICES and ask again", system
    )


def _published(tag: str, requirement: str, reason: str, system: str) -> TorchBuild:
    """PyPI's Linux wheel is the cu132 build; on Windows PyPI holds only the CPU build."""
    from_pypi = tag == "cu132" and system == "linux"
    index = None if from_pypi else index_of(tag)
    return TorchBuild(tag=tag, index_url=index, requirement=requirement, reason=reason)


def _cpu(reason: str, system: str) -> TorchBuild:
    index = None if system == "windows" else index_of("cpu")
    return TorchBuild(tag="cpu", index_url=index, requirement=_CURRENT, reason=reason)


def _architecture(machine: Machine) -> str:
    return machine.os.architecture if machine.os else "x86_64"


def _range(capabilities: list[int]) -> str:
    low, high = (f"{each // 10}.{each % 10}" for each in (min(capabilities), max(capabilities)))
    return low if low == high else f"{low} to {high}"
