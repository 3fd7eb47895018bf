"""NVIDIA GPUs through NVML, and PCI's word where NVML cannot speak.

Never by ``nvidia-smi``: its text changes between drivers. The binding is imported only where the library loads.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from llmcheck.host import Host
from llmcheck.machine import Driver, Gpu, Pcie, Problem
from llmcheck.probe import Reading, Request
from llmcheck.probe._pci import Display, displays
from llmcheck.probe.gpu._visible import visible_devices

VENDOR_ID = 0x10DE
_LIBRARIES = ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1")
_MAX_NVLINKS = 36

_PROBE = "gpu.nvidia"
_FAULTS: dict[int, tuple[str, str, str]] = {
    4: (
        "no-permission",
        "this user may not talk to the NVIDIA driver",
        "give the user access to /dev/nvidia* (group 'video' or 'render'), or start the container with GPU access",
    ),
    9: (
        "driver-not-loaded",
        "the NVIDIA driver is installed but its kernel module is not loaded",
        "run 'sudo modprobe nvidia'; in a container, start it with '--gpus all'",
    ),
    12: (
        "driver-missing",
        "an NVIDIA GPU is on the PCI bus, but the driver's library is not installed",
        "install the NVIDIA driver (Ubuntu: 'sudo ubuntu-drivers install'); start a container with '--gpus all'",
    ),
    15: (
        "gpu-lost",
        "the GPU has fallen off the bus",
        "power the machine off and on; if it comes back, check the card",
    ),
    16: ("gpu-reset-required", "the GPU needs a reset", "run 'sudo nvidia-smi --gpu-reset' or reboot"),
    18: (
        "driver-mismatch",
        "the NVIDIA kernel module and library are of different versions (updated without a reboot)",
        "reboot, or unload and load the nvidia kernel modules",
    ),
    999: (
        "nvml-unknown-error",
        "the NVIDIA driver answered with an unknown error",
        "restart the container, or look at 'dmesg' and reboot",
    ),
}


def probe(host: Host, _request: Request) -> Reading:
    seen = displays(host, VENDOR_ID)
    if not host.live or not _library_loads(host):
        return _without_library(host, seen)
    import pynvml  # 25 ms, and only here is there a driver to talk to

    try:
        pynvml.nvmlInit()
    except Exception as error:  # also the binding's own errors, which are not NVMLError
        return _broken(host, seen, getattr(error, "value", 999))
    driver = Driver(version=_text(_ask(pynvml.nvmlSystemGetDriverVersion)), cuda_version=_cuda_version(pynvml))
    count = _ask(pynvml.nvmlDeviceGetCount)
    if count is None:
        return _broken(host, seen, 999)
    cards = [_gpu(pynvml, index) for index in range(count)]
    visible = visible_devices(host.environ, [uuid for _, uuid, _ in cards])
    entries: list[tuple[Gpu, str]] = []
    for index, (gpu, uuid, _) in enumerate(cards):
        shown = index in visible
        entries.append((replace(gpu, visible=shown), uuid))
        if gpu.mig_mode:
            entries += [(replace(part, visible=shown), name) for part, name in _instances(pynvml, index)]
    return Reading(
        gpus=tuple(gpu for gpu, _ in entries),
        gpu_uuids=tuple(uuid for _, uuid in entries),
        drivers={"nvidia": driver},
        problems=tuple(problem for _, _, problem in cards if problem),
    )


def _library_loads(host: Host) -> bool:
    names = ("nvml.dll",) if host.platform == "windows" else _LIBRARIES
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def _without_library(host: Host, seen: tuple[Display, ...] | None) -> Reading:
    """No driver library: no NVIDIA GPU, unless PCI shows one."""
    if not seen:
        return Reading(gpus=())
    return _broken(host, seen, 12)


def _broken(host: Host, seen: tuple[Display, ...] | None, code: int) -> Reading:
    """The driver does not answer: each card on PCI is an entry without facts; without any, the list is unknown."""
    fault, message, remedy = _FAULTS.get(code, _FAULTS[999])
    if code == 12 and seen and any(card.driver == "nouveau" for card in seen):
        message = "the NVIDIA GPU is driven by nouveau, which cannot compute; NVIDIA's own driver is not installed"
    message += f" (NVML error {code})" if code != 12 else ""
    if not seen and code != 12:
        message += "; no NVIDIA device is seen on the PCI bus" if seen is not None else ""
    version = (host.read("/sys/module/nvidia/version") or "").strip() or None
    usable = False if code in (9, 12, 15, 16, 18) else None
    gpus = tuple(
        Gpu(
            vendor="nvidia",
            name=f"NVIDIA GPU [10de:{card.device:04x}]",
            usable=usable,
            fault=fault,
            pci_bus_id=card.bus_id,
        )
        for card in seen or ()
    )
    problem = Problem(probe=_PROBE, code=fault, message=message, remedy=remedy)
    drivers = {} if code == 12 else {"nvidia": Driver(version=version, fault=fault)}
    return Reading(gpus=gpus or None, drivers=drivers, problems=(problem,))


def _gpu(pynvml: Any, index: int) -> tuple[Gpu, str, Problem | None]:
    """One card; a lost one still answers a few questions, so each fact is asked for by itself."""
    codes: list[int] = []

    def ask(function: Callable[..., Any], *arguments: Any) -> Any:
        return _ask(function, *arguments, codes=codes)

    handle = ask(pynvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        fault, message, remedy = _FAULTS.get(codes[0], _FAULTS[999])
        return (
            Gpu(vendor="nvidia", index=index, usable=False if codes[0] in (15, 16) else None, fault=fault),
            "",
            Problem(probe=_PROBE, code=fault, message=f"GPU {index}: {message}", remedy=remedy),
        )
    memory = ask(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2))
    memory = memory or ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
    capability = ask(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    pci = ask(pynvml.nvmlDeviceGetPciInfo, handle)
    mig = ask(pynvml.nvmlDeviceGetMigMode, handle)
    lost = next((code for code in codes if code in (15, 16)), None)
    gpu = Gpu(
        vendor="nvidia",
        index=index,
        name=_text(ask(pynvml.nvmlDeviceGetName, handle)),
        memory_total=_positive(memory, "total"),
        memory_used=getattr(memory, "used", None),
        memory_free=getattr(memory, "free", None),
        memory_reserved=getattr(memory, "reserved", None),
        compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
        usable=not lost,
        fault=_FAULTS[lost][0] if lost else None,
        pci_bus_id=_text(getattr(pci, "busId", None)),
        pcie=Pcie(
            generation=ask(pynvml.nvmlDeviceGetCurrPcieLinkGeneration, handle),
            width=ask(pynvml.nvmlDeviceGetCurrPcieLinkWidth, handle),
            max_generation=ask(pynvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
            max_width=ask(pynvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
        ),
        nvlinks=None if lost else _nvlinks(pynvml, handle),
        mig_mode=bool(mig[0]) if mig else None,
    )
    problem = None
    if lost:
        fault, message, remedy = _FAULTS[lost]
        problem = Problem(probe=_PROBE, code=fault, message=f"GPU {index}: {message}", remedy=remedy)
    return gpu, _text(ask(pynvml.nvmlDeviceGetUUID, handle)) or "", problem


def _instances(pynvml: Any, index: int) -> list[tuple[Gpu, str]]:
    """The MIG instances of a card, each with its own memory; their numbers may have holes."""
    parent = _ask(pynvml.nvmlDeviceGetHandleByIndex, index)
    capability = _ask(pynvml.nvmlDeviceGetCudaComputeCapability, parent)
    found = []
    for number in range(_ask(pynvml.nvmlDeviceGetMaxMigDeviceCount, parent) or 0):
        handle = _ask(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, parent, number)
        if handle is None:
            continue
        memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
        part = Gpu(
            vendor="nvidia",
            index=number,
            name=_text(_ask(pynvml.nvmlDeviceGetName, handle)),
            memory_total=_positive(memory, "total"),
            memory_used=getattr(memory, "used", None),
            memory_free=getattr(memory, "free", None),
            compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
            parent=index,
        )
        found.append((part, _text(_ask(pynvml.nvmlDeviceGetUUID, handle)) or ""))
    return found


def _nvlinks(pynvml: Any, handle: Any) -> int | None:
    """Links that are up; 0 where the card has none (NOT_SUPPORTED), None where it could not be asked."""
    up = 0
    for link in range(_MAX_NVLINKS):
        try:
            up += pynvml.nvmlDeviceGetNvLinkState(handle, link) == 1
        except pynvml.NVMLError as error:
            if error.value in (2, 3):  # past the last link, or a card without NVLink
                return up
            return up or None
    return up


def _ask(function: Callable[..., Any], *arguments: Any, codes: list[int] | None = None) -> Any:
    """The answer, or None: an old driver lacks calls and a dying card answers only some."""
    try:
        return function(*arguments)
    except Exception as error:  # the binding raises plain exceptions beside NVMLError
        if codes is not None:
            codes.append(getattr(error, "value", 999))
        return None


def _cuda_version(pynvml: Any) -> str | None:
    number = _ask(pynvml.nvmlSystemGetCudaDriverVersion_v2)
    return f"{number // 1000}.{number % 1000 // 10}" if number else None


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _positive(memory: Any, field: str) -> int | None:
    return getattr(memory, field, None) or None
