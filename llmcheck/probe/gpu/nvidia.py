"""NVIDIA GPUs through NVML, and from the PCI bus where NVML fails.

``nvidia-smi`` is never run: its text changes between drivers. pynvml is imported only where NVML's library loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from llmcheck.probe import Reading, Request, _pci
from llmcheck.probe._pci import PciDevice
from llmcheck.probe.gpu._nvml import (
    CALLS,
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_NOT_FOUND,
    NO_PERMISSION,
    RESET_REQUIRED,
    UNKNOWN,
    Caller,
    read_card,
    read_instances,
    text,
)
from llmcheck.probe.gpu._visible import index_is_ambiguous, visible_devices, withheld_by_container
from llmcheck.schema.gpu import NOT_LISTED
from llmcheck.schema.machine import BROKEN_FAULTS, Driver, Gpu, Problem
from llmcheck.system.host import Host

VENDOR_ID = 0x10DE
_PROBE = "gpu.nvidia"
_LIBRARY = "libnvidia-ml.so.1"
# Places of the library outside the loader's path. On WSL a stub from a Linux package may hide the real library, and the
# first one that is loaded is used from then on, so WSL's own is tried first.
_WSL_LIBRARY = "/usr/lib/wsl/lib/libnvidia-ml.so.1"
_NIXOS_LIBRARY = "/run/opengl-driver/lib/libnvidia-ml.so.1"

# Tegra chips by their name in the device tree: the GPU and its compute capability, from NVIDIA's CUDA GPUs page
# (developer.nvidia.com/cuda-gpus, read 2026-11-22).
_TEGRA = {
    "tegra194": ("NVIDIA Xavier (nvgpu)", "7.2"),
    "tegra234": ("NVIDIA Orin (nvgpu)", "8.7"),
    "tegra264": ("NVIDIA Thor", "11.0"),
}

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


_AMBIGUOUS = Problem(
    probe=_PROBE,
    code="ambiguous-visible-devices",
    message="CUDA_VISIBLE_DEVICES selects by number among different cards, and CUDA numbers the fastest card first: it "
    "may select other cards than those shown here",
    remedy="list UUIDs in it ('nvidia-smi -L'), or set CUDA_DEVICE_ORDER=PCI_BUS_ID",
)


def probe(host: Host, _request: Request) -> Iterator[Reading]:
    """Yields a reading after each card, so that a card that hangs the driver does not hide the earlier ones."""
    seen = _pci.devices(host, VENDOR_ID)
    library = _load_library(host) if host.live else None
    if library is None:
        yield _without_library(host, seen)
        return
    import pynvml  # 25 ms, and useful only with a driver

    try:
        pynvml.nvmlInit()
    except Exception as error:  # the binding also raises exceptions other than NVMLError
        yield _without_nvml(host, seen, getattr(error, "value", UNKNOWN))
        return
    yield from _cards(host, seen, pynvml, library)


def _cards(host: Host, seen: tuple[PciDevice, ...] | None, nvml: Any, library: str) -> Iterator[Reading]:
    caller = Caller()
    version = text(caller.call(nvml.nvmlSystemGetDriverVersion))
    cuda = caller.call(nvml.nvmlSystemGetCudaDriverVersion_v2)
    count = caller.call(nvml.nvmlDeviceGetCount)
    driver = Driver(version=version, cuda_version=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None)
    if count is None:
        yield _without_nvml(host, seen, caller.errors.get("nvmlDeviceGetCount", UNKNOWN))
        return
    waiting = [Gpu(vendor="nvidia", index=index, usable=None, fault="deadline") for index in range(count)]
    entries: list[tuple[Gpu, str]] = []
    problems: list[Problem] = []
    sources = {"gpus": f"NVML ({library})", "drivers.nvidia": f"NVML ({library})"}
    sources |= {f"gpus.{fact}": f"nvml{call}" for fact, call in CALLS.items()}
    sources["gpus.visible"] = (
        "CUDA_VISIBLE_DEVICES" if "CUDA_VISIBLE_DEVICES" in host.environ else "no variable hides any"
    )
    for index in range(count):
        yield _reading([*entries, *((gpu, "") for gpu in waiting[index:])], driver, problems, sources, host)
        found, problem = _card(nvml, index, version)
        entries += found
        problems += problem
    if count == 0 and seen:
        problems.append(_no_devices(host))
    elif seen:
        listed = [gpu.pci_bus_id for gpu, _ in entries if gpu.parent is None]
        problems += _pci.not_listed(host, _PROBE, "NVIDIA", "nvidia", seen, listed)
    yield _reading(entries, driver, problems, sources, host)


def _reading(
    entries: list[tuple[Gpu, str]],
    driver: Driver,
    problems: list[Problem],
    sources: dict[str, str],
    host: Host,
) -> Reading:
    cards = [position for position, (gpu, _) in enumerate(entries) if gpu.parent is None]
    parts = [position for position, (gpu, _) in enumerate(entries) if gpu.parent is not None]
    place = {entries[position][0].index: number for number, position in enumerate(cards)}
    visible = visible_devices(
        host.environ,
        [entries[position][1] for position in cards],
        instances=[(entries[position][1], place[entries[position][0].parent]) for position in parts],
    )
    shown = {position for number, position in enumerate([*cards, *parts]) if number in visible}
    gpus = [replace(gpu, visible=position in shown) for position, (gpu, _) in enumerate(entries)]
    if index_is_ambiguous(host.environ, [entries[position][0].name for position in cards]):
        problems = [*problems, _AMBIGUOUS]
    return Reading(
        gpus=tuple(gpus),
        gpu_uuids=tuple(uuid for _, uuid in entries),
        drivers={"nvidia": driver},
        problems=tuple(problems),
        sources=sources,
    )


def _card(nvml: Any, index: int, driver: str | None) -> tuple[list[tuple[Gpu, str]], list[Problem]]:
    """One card with its MIG instances, and its problems."""
    caller = Caller()
    handle = caller.call(nvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        code = next(iter(caller.errors.values()), UNKNOWN)
        problem = _problem(code, f"GPU {index}: ")
        return [(Gpu(vendor="nvidia", index=index, usable=_usable(code), fault=problem.code), "")], [problem]
    gpu = read_card(nvml, caller, handle, index, driver)
    uuid = text(caller.call(nvml.nvmlDeviceGetUUID, handle)) or ""
    problems = []
    broken = caller.fatal_error()
    if broken is not None:
        problems.append(_problem(broken, f"GPU {index}: "))
        gpu = replace(gpu, usable=False, fault=problems[0].code, unified=False)
    elif "nvmlDeviceGetMemoryInfo" in caller.errors and not gpu.mig_mode:
        code = caller.errors["nvmlDeviceGetMemoryInfo"]
        problems.append(_problem(code, f"GPU {index}: its memory could not be read: "))
    instances = read_instances(nvml, handle, gpu) if gpu.mig_mode and not broken else []
    if gpu.mig_mode and not instances and not broken:
        problems.append(
            Problem(
                probe=_PROBE,
                code="mig-without-instances",
                message=f"GPU {index} is in MIG mode without instances: no process can use it",
                remedy=f"create instances ('sudo nvidia-smi mig -i {index} -lgip' lists those that are possible), "
                f"or turn MIG off: sudo nvidia-smi -i {index} -mig 0",
            )
        )
    problems += _ecc_problems(gpu)
    return [(gpu, uuid), *instances], problems


def _ecc_problems(gpu: Gpu) -> list[Problem]:
    """Memory errors of a card that works."""
    ecc = gpu.ecc
    if ecc is None:
        return []
    found: list[tuple[str, str, str]] = []
    if ecc.remapping_failed:
        found.append(("ecc-exhausted", "has no spare memory rows left", "have the card replaced"))
    if ecc.remapping_pending:
        remedy = "run 'sudo nvidia-smi --gpu-reset' or reboot"
        found.append(("ecc-remap-pending", "needs a reset to remap bad memory", remedy))
    if ecc.uncorrected_errors:
        message = f"has had {ecc.uncorrected_errors} uncorrected memory errors since the driver was loaded"
        found.append(("ecc-errors", message, "look at 'dmesg' for Xid errors"))
    return [
        Problem(probe=_PROBE, code=code, message=f"GPU {gpu.index} {message}", remedy=remedy)
        for code, message, remedy in found
    ]


def _problem(code: int, before: str = "") -> Problem:
    fault, message, remedy = _FAULTS.get(code, _FAULTS[UNKNOWN])
    return Problem(probe=_PROBE, code=fault, message=f"{before}{message} (NVML error {code})", remedy=remedy)


def _usable(code: int) -> bool | None:
    """False for an NVML error of a broken card or driver; None for any other, which leaves it unknown."""
    fault, _, _ = _FAULTS.get(code, _FAULTS[UNKNOWN])
    return False if fault in BROKEN_FAULTS else None


def _load_library(host: Host) -> str | None:
    """The name or path by which NVML's library was loaded; None where it could not be loaded."""
    if host.platform == "windows":
        system = host.environ.get("WINDIR", "C:\\Windows")
        names = [f"{system}\\System32\\nvml.dll", "nvml.dll"]
    elif "microsoft" in (host.release() or "").lower():
        names = [_WSL_LIBRARY, _LIBRARY]
    else:
        names = [_LIBRARY, _NIXOS_LIBRARY]
    if not any(host.exists(name) if name.startswith("/") else host.has_library(name) for name in names):
        return None
    import ctypes

    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return None


def _without_library(host: Host, seen: tuple[PciDevice, ...] | None) -> Reading:
    """Without NVML's library there is no NVIDIA GPU, unless the PCI bus lists one or the machine is a Jetson.

    Where the bus cannot be listed either, it is not known; the problem is told here for all vendors.
    """
    jetson = _jetson(host)
    if jetson is not None:
        return jetson
    if seen is None:
        return Reading(gpus=None, problems=(_pci.cannot_list(host),))
    if not seen:
        return Reading(gpus=(), sources={"gpus": "no NVML library and no NVIDIA device on the PCI bus"})
    return _without_nvml(host, seen, LIBRARY_NOT_FOUND)


def _jetson(host: Host) -> Reading | None:
    """The GPU of a Tegra chip, from the device tree; its memory is the machine's RAM. None on other machines."""
    compatible = (host.read("/proc/device-tree/compatible") or "").split("\0")
    chip = next((name.removeprefix("nvidia,") for name in compatible if name.startswith("nvidia,tegra")), None)
    if chip is None:
        return None
    name, capability = _TEGRA.get(chip, (f"NVIDIA {chip}", None))
    gpu = Gpu(vendor="nvidia", index=0, name=name, compute_capability=capability, unified=True)
    release = (host.read("/etc/nv_tegra_release") or "").strip().partition(",")[0].strip("# ") or None
    return Reading(
        gpus=(gpu,),
        drivers={"nvidia": Driver(version=None)},
        sources={"gpus": f"/proc/device-tree/compatible ({chip}{f', {release}' if release else ''})"},
    )


def _without_nvml(host: Host, seen: tuple[PciDevice, ...] | None, code: int) -> Reading:
    """The cards on the PCI bus, without their facts, where NVML fails; None for the list where the bus has none."""
    problem = _no_library(host, seen) if code == LIBRARY_NOT_FOUND else _problem(code)
    if code == DRIVER_NOT_LOADED and host.exists("/sys/module/nvidia"):
        problem = _no_devices(host)
    if code != LIBRARY_NOT_FOUND and seen == ():
        problem = replace(problem, message=f"{problem.message}; the PCI bus has no NVIDIA device")
    version = (host.read("/sys/module/nvidia/version") or "").strip() or None
    if code == LIB_RM_VERSION_MISMATCH and version:
        problem = replace(problem, message=f"{problem.message}; the loaded module is {version}")
    gpus = tuple(
        Gpu(
            vendor="nvidia",
            name=f"NVIDIA GPU [10de:{card.device:04x}]",
            usable=_usable(code),
            fault=problem.code,
            pci_bus_id=card.bus_id,
        )
        for card in seen or ()
    )
    drivers = {} if code == LIBRARY_NOT_FOUND else {"nvidia": Driver(version=version, fault=problem.code)}
    return Reading(
        gpus=gpus or None,
        drivers=drivers,
        problems=(problem,),
        sources={"gpus": "PCI bus (/sys/bus/pci/devices)"} if seen else {},
    )


def _no_library(host: Host, seen: tuple[PciDevice, ...] | None) -> Problem:
    """Why NVML's library is missing although the PCI bus has an NVIDIA card."""
    problem = _problem(LIBRARY_NOT_FOUND)
    if seen and all(card.driver == _pci.VFIO for card in seen):
        return Problem(
            probe=_PROBE,
            code=NOT_LISTED,
            message=f"reserved for virtual machines (bound to {_pci.VFIO}): {_pci.in_words(seen)}",
            remedy=f"to use it on this machine, install the NVIDIA driver and unbind the card from {_pci.VFIO}",
        )
    if any(card.driver == "nouveau" for card in seen or ()):
        message = "the NVIDIA GPU uses the nouveau driver, which cannot compute; NVIDIA's own driver is not installed"
        return replace(problem, code="nouveau", message=message)
    if host.exists("/sys/module/nvidia"):
        why = " (NVIDIA_VISIBLE_DEVICES selects none)" if withheld_by_container(host.environ, container=True) else ""
        return Problem(
            probe=_PROBE,
            code="no-gpu-access",
            message=f"the host has a working NVIDIA driver, but this container was started without access to it{why}",
            remedy="start the container with '--gpus all' (NVIDIA container toolkit) or '--device nvidia.com/gpu=all'",
        )
    return replace(problem, message="an NVIDIA GPU is on the PCI bus, but its driver is not installed")


def _no_devices(host: Host) -> Problem:
    """The problem of a machine whose kernel module is loaded but lists no card."""
    if host.exists("/dev/nvidiactl"):
        return Problem(
            probe=_PROBE,
            code="no-devices",
            message="the NVIDIA driver is loaded but lists no GPU, although the PCI bus has one",
            remedy="look at 'dmesg' for NVRM messages; a GPU reserved for a virtual machine is bound to vfio-pci",
        )
    return Problem(
        probe=_PROBE,
        code="no-device-nodes",
        message="the NVIDIA kernel module is loaded, but there are no device nodes (/dev/nvidiactl)",
        remedy="run 'sudo nvidia-modprobe -c 0 -u'; start a container with '--gpus all'",
    )
