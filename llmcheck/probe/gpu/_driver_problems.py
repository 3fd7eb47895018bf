"""Why NVIDIA's driver, or a card of it, does not answer: by NVML's error, and by files where NVML fails."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.probe import _pci
from llmcheck.probe._pci import PciDevice
from llmcheck.probe.gpu import _kernel_module
from llmcheck.probe.gpu._cuda_start import PROBE
from llmcheck.probe.gpu._nvml import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_NOT_FOUND,
    NO_PERMISSION,
    RESET_REQUIRED,
    UNKNOWN,
)
from llmcheck.probe.gpu._visible import withheld_by_container
from llmcheck.probe.system import container_of
from llmcheck.schema.gpu import NOT_LISTED
from llmcheck.schema.machine import BROKEN_FAULTS, Problem
from llmcheck.system.host import Host

_GIVE_ACCESS = "start the container with '--gpus all' (NVIDIA container toolkit) or '--device nvidia.com/gpu=all'"
_FAULTS: dict[int, tuple[str, str, str]] = {
    NO_PERMISSION: (
        "no-permission",
        "this user has no permission to use the NVIDIA driver",
        "give the user access to /dev/nvidia* (group 'video' or 'render'), or start the container with GPU access",
    ),
    DRIVER_NOT_LOADED: (
        "driver-not-loaded",
        "the NVIDIA driver is installed but its kernel module is not loaded",
        "run 'sudo modprobe nvidia'; in a container, start it with '--gpus all'",
    ),
    LIBRARY_NOT_FOUND: (
        "driver-missing",
        "an NVIDIA GPU is on the PCI bus, but the driver's library is not installed",
        "install the NVIDIA driver (Ubuntu: 'sudo ubuntu-drivers install'), then reboot",
    ),
    GPU_IS_LOST: (
        "gpu-lost",
        "the GPU has fallen off the bus",
        "power the machine off and on; if it happens again, check the card",
    ),
    RESET_REQUIRED: ("gpu-reset-required", "the GPU needs a reset", "run 'sudo nvidia-smi --gpu-reset' or reboot"),
    LIB_RM_VERSION_MISMATCH: (
        "driver-mismatch",
        "the NVIDIA kernel module and the driver's library have different versions (updated without a reboot)",
        "reboot, or unload and load the nvidia kernel modules",
    ),
    UNKNOWN: (
        "nvml-unknown-error",
        "the NVIDIA driver returned an unknown error",
        "restart the container, or look at 'dmesg' and reboot",
    ),
}


def of_code(code: int, before: str = "") -> Problem:
    """The problem behind an error of NVML; ``before``: whose it is, at the start of the message."""
    fault, message, remedy = _FAULTS.get(code, _FAULTS[UNKNOWN])
    return Problem(probe=PROBE, code=fault, message=f"{before}{message} (NVML error {code})", remedy=remedy)


def usable_after(code: int) -> bool | None:
    """False for an NVML error of a broken card or driver; None for any other, which leaves it unknown."""
    fault, _, _ = _FAULTS.get(code, _FAULTS[UNKNOWN])
    return False if fault in BROKEN_FAULTS else None


def without_nvml(host: Host, seen: Sequence[PciDevice] | None, code: int) -> Problem:
    """Why NVML does not answer. ``seen``: the cards on the PCI bus; None without a bus."""
    if code == LIBRARY_NOT_FOUND:
        return _no_library(host, seen)
    problem = of_code(code)
    if code == DRIVER_NOT_LOADED:
        if host.exists("/sys/module/nvidia"):
            problem = no_devices(host, seen or ())
        else:
            problem = _kernel_module.not_loaded(host, seen or ()) or problem
    if seen == ():
        problem = replace(problem, message=f"{problem.message}; the PCI bus has no NVIDIA device")
    version = module_version(host)
    if code == LIB_RM_VERSION_MISMATCH and version:
        problem = replace(problem, message=f"{problem.message}; the loaded module is {version}")
    return problem


def module_version(host: Host) -> str | None:
    """The version of the loaded kernel module; None where there is none."""
    return (host.read("/sys/module/nvidia/version") or "").strip() or None


def _no_library(host: Host, seen: Sequence[PciDevice] | None) -> Problem:
    """Why NVML's library is missing although the PCI bus has an NVIDIA card."""
    problem = of_code(LIBRARY_NOT_FOUND)
    if seen and all(card.driver == _pci.VFIO for card in seen):
        return Problem(
            probe=PROBE,
            code=NOT_LISTED,
            message=f"reserved for virtual machines (bound to {_pci.VFIO}): {_pci.in_words(seen)}",
            remedy=f"to use it on this machine, install the NVIDIA driver and unbind the card from {_pci.VFIO}",
        )
    if any(card.driver == "nouveau" for card in seen or ()):
        message = "the NVIDIA GPU uses the nouveau driver, which cannot compute; NVIDIA's own driver is not installed"
        return replace(problem, code="nouveau", message=message)
    if host.exists("/sys/module/nvidia"):
        return Problem(
            probe=PROBE,
            code="no-gpu-access",
            message="the host has a working NVIDIA driver, but this container was started without access to it"
            + _why(host),
            remedy=_GIVE_ACCESS,
        )
    return replace(problem, message="an NVIDIA GPU is on the PCI bus, but its driver is not installed")


def _why(host: Host) -> str:
    return " (NVIDIA_VISIBLE_DEVICES selects none)" if withheld_by_container(host.environ, container=True) else ""


def no_devices(host: Host, seen: Sequence[PciDevice]) -> Problem:
    """The problem of a machine whose kernel module is loaded but lists no card."""
    if not host.exists("/dev/nvidiactl"):
        return Problem(
            probe=PROBE,
            code="no-device-nodes",
            message="the NVIDIA kernel module is loaded, but there are no device nodes (/dev/nvidiactl)",
            remedy="run 'sudo nvidia-modprobe -c 0 -u'; start a container with '--gpus all'",
        )
    if container_of(host) is None:
        return _kernel_module.without_cards(host, seen)
    # The kernel's driver has the cards, and this container was not given any.
    if _why(host) or host.list("/proc/driver/nvidia/gpus"):
        return Problem(
            probe=PROBE,
            code="no-gpu-access",
            message=f"the host has a working NVIDIA driver, but this container was given none of its GPUs{_why(host)}",
            remedy=_GIVE_ACCESS,
        )
    problem = _kernel_module.without_cards(host, seen)
    return replace(problem, remedy=f"{_GIVE_ACCESS}; where the host lists none either: {problem.remedy}")
