"""Which build of PyTorch works on a machine.

Driver and compute capability are two independent tests, for the wheels hold no PTX: a card runs only kernels compiled
for its own major capability. Figures: PyPI wheels of torch 2.4 to 2.15 read with cuobjdump, and PyTorch's release
matrix (RFC #190385, PR 196249, PR 175253), 2026-11-22; driver floors from NVIDIA's minor-version compatibility table.
"""

from __future__ import annotations

from typing import NamedTuple

from llmcheck.advice import TorchBuild
from llmcheck.machine import Gpu, Machine, counted_gpus

_INDEX = "https://download.pytorch.org/whl/"
_CURRENT = "torch>=2.14"


class Build(NamedTuple):
    """One published CUDA build: compute capabilities times ten, and NVIDIA's least driver branch for it."""

    tag: str
    requirement: str
    least_capability: int
    most_capability: int
    least_driver: int


# Newest first; the first that holds every visible card and speaks to the driver is advised.
_BUILDS = (
    Build("cu132", _CURRENT, 75, 129, 580),
    Build("cu128", "torch==2.11.*", 75, 129, 570),
    Build("cu126", "torch>=2.6,<2.15", 50, 90, 525),
    Build("cu128", "torch==2.10.*", 70, 129, 570),
    Build("cu118", "torch==2.7.1", 50, 90, 450),
)


def torch_build(machine: Machine) -> TorchBuild:
    """The build to install; the CPU build where no card can be used, with the reason why none can."""
    gpus = counted_gpus(machine)
    system = machine.os.system if machine.os else "linux"
    if system == "darwin":
        return TorchBuild(
            tag="mps", index_url=None, requirement=_CURRENT, reason="macOS: the PyPI wheel drives the GPU"
        )
    nvidia = [gpu for gpu in gpus if gpu.vendor == "nvidia"]
    driver = machine.drivers.get("nvidia")
    if nvidia:
        return _nvidia(nvidia, driver.version if driver else None, system, _architecture(machine))
    if driver is not None and driver.fault:
        reason = f"the NVIDIA driver does not answer ({driver.fault}): mend it first; then driver 580 or newer fits"
        return _published("cu132", _CURRENT, reason, system)
    if any(gpu.vendor == "amd" for gpu in gpus) and system == "linux":
        reason = "AMD GPU: the ROCm 7.2 build, published for torch 2.13"
        return TorchBuild(tag="rocm7.2", index_url=f"{_INDEX}rocm7.2", requirement="torch==2.13.*", reason=reason)
    if any(gpu.vendor == "intel" for gpu in gpus):
        return TorchBuild(tag="xpu", index_url=f"{_INDEX}xpu", requirement=_CURRENT, reason="Intel GPU: the XPU build")
    return _cpu("no GPU that PyTorch could use: the CPU build saves about 3 GB of CUDA libraries", system)


def _nvidia(gpus: list[Gpu], driver: str | None, system: str, architecture: str) -> TorchBuild:
    capabilities = [_tenfold(gpu.compute_capability) for gpu in gpus if gpu.compute_capability]
    branch = int(driver.split(".")[0]) if driver and driver.split(".")[0].isdigit() else None
    if len(capabilities) < len(gpus) or branch is None:
        reason = "the driver's version or a card's compute capability is unknown: assumes driver 580 or newer"
        return _published("cu132", _CURRENT, reason, system)
    least, most = min(capabilities), max(capabilities)
    for build in _BUILDS:
        if architecture == "aarch64" and build.tag != "cu132":
            continue
        holds = build.least_capability <= least and most <= build.most_capability
        if holds and branch >= build.least_driver and (build.tag != "cu118" or branch < 525):
            reason = (
                f"driver {driver}, compute capability {_range(least, most)}: {build.tag} is the newest build for both"
            )
            return _published(build.tag, build.requirement, reason, system)
    if least < 50:
        return _cpu(f"compute capability {_range(least, most)} is older than any build that can still be had", system)
    return _cpu(
        f"driver {driver} is too old for compute capability {_range(least, most)}: update it to 580 or newer, "
        "then ask again; until then only the CPU build runs",
        system,
    )


def _published(tag: str, requirement: str, reason: str, system: str) -> TorchBuild:
    """PyPI's Linux wheel is the cu132 build; on Windows PyPI holds only the CPU build."""
    from_pypi = tag == "cu132" and system == "linux"
    index = None if from_pypi else f"{_INDEX}{tag}"
    return TorchBuild(tag=tag, index_url=index, requirement=requirement, reason=reason)


def _cpu(reason: str, system: str) -> TorchBuild:
    index = None if system == "windows" else f"{_INDEX}cpu"
    return TorchBuild(tag="cpu", index_url=index, requirement=_CURRENT, reason=reason)


def _architecture(machine: Machine) -> str:
    return machine.os.architecture if machine.os else "x86_64"


def _tenfold(capability: str) -> int:
    major, _, minor = capability.partition(".")
    return int(major) * 10 + int(minor or 0)


def _range(least: int, most: int) -> str:
    low, high = f"{least // 10}.{least % 10}", f"{most // 10}.{most % 10}"
    return low if least == most else f"{low} to {high}"
