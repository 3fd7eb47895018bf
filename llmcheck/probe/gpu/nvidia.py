"""NVIDIA GPUs through NVML, and PCI's word where NVML cannot speak.

Never by ``nvidia-smi``: its text changes between drivers. The binding is imported only where the library loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from llmcheck.probe import Reading, Request
from llmcheck.probe._pci import Display, displays
from llmcheck.probe.gpu._nvml import CALLS, UNKNOWN_ERROR, Asker, read_card, read_instances, text
from llmcheck.probe.gpu._visible import index_is_ambiguous, visible_devices, withheld_by_container
from llmcheck.schema.machine import Driver, Gpu, Problem
from llmcheck.system.host import Host

VENDOR_ID = 0x10DE
_PROBE = "gpu.nvidia"
_LIBRARY = "libnvidia-ml.so.1"
# Where the library lies when the loader does not know it. On WSL a Linux package's stub may shadow the real one, and
# what is loaded first answers for the name afterwards, so WSL's own comes first there.
_WSL_LIBRARY = "/usr/lib/wsl/lib/libnvidia-ml.so.1"
_NIXOS_LIBRARY = "/run/opengl-driver/lib/libnvidia-ml.so.1"

_LIBRARY_MISSING = 12
_UNUSABLE = (9, 12, 15, 16, 18)
"""Codes that say the device is there but cannot work; every other failure leaves it unknown."""

# Tegra chips by the device tree's name: the GPU, and its compute capability as NVIDIA's CUDA GPUs page lists it
# (developer.nvidia.com/cuda-gpus, read 2026-11-22).
_TEGRA = {
    "tegra194": ("NVIDIA Xavier (nvgpu)", "7.2"),
    "tegra234": ("NVIDIA Orin (nvgpu)", "8.7"),
    "tegra264": ("NVIDIA Thor", "11.0"),
}

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
        "install the NVIDIA driver (Ubuntu: 'sudo ubuntu-drivers install'), then reboot",
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


_AMBIGUOUS = Problem(
    probe=_PROBE,
    code="ambiguous-visible-devices",
    message="CUDA_VISIBLE_DEVICES picks by number among different cards, and CUDA numbers the fastest first: which "
    "ones it means may differ from what is shown here",
    remedy="name UUIDs in it ('nvidia-smi -L'), or set CUDA_DEVICE_ORDER=PCI_BUS_ID",
)


def probe(host: Host, _request: Request) -> Iterator[Reading]:
    """Yields what is known so far after each card: a later one that hangs the driver does not hide the earlier."""
    seen = displays(host, VENDOR_ID)
    library = _load_library(host) if host.live else None
    if library is None:
        yield _without_library(host, seen)
        return
    import pynvml  # 25 ms, and only here is there a driver to talk to

    try:
        pynvml.nvmlInit()
    except Exception as error:  # also the binding's own errors, which are not NVMLError
        yield _broken(host, seen, getattr(error, "value", UNKNOWN_ERROR))
        return
    yield from _cards(host, seen, pynvml, library)


def _cards(host: Host, seen: tuple[Display, ...] | None, nvml: Any, library: str) -> Iterator[Reading]:
    asker = Asker()
    version = text(asker.ask(nvml.nvmlSystemGetDriverVersion))
    cuda = asker.ask(nvml.nvmlSystemGetCudaDriverVersion_v2)
    count = asker.ask(nvml.nvmlDeviceGetCount)
    driver = Driver(version=version, cuda_version=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None)
    if count is None:
        yield _broken(host, seen, asker.codes.get("nvmlDeviceGetCount", UNKNOWN_ERROR))
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
    """One card with its MIG instances, and what is wrong with it."""
    asker = Asker()
    handle = asker.ask(nvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        code = next(iter(asker.codes.values()), UNKNOWN_ERROR)
        problem = _problem(code, f"GPU {index}: ")
        usable = False if code in _UNUSABLE else None
        return [(Gpu(vendor="nvidia", index=index, usable=usable, fault=problem.code), "")], [problem]
    gpu = read_card(nvml, asker, handle, index, driver)
    uuid = text(asker.ask(nvml.nvmlDeviceGetUUID, handle)) or ""
    problems = []
    broken = asker.broken()
    if broken is not None:
        problems.append(_problem(broken, f"GPU {index}: "))
        gpu = replace(gpu, usable=False, fault=problems[0].code, unified=False)
    elif "nvmlDeviceGetMemoryInfo" in asker.codes and not gpu.mig_mode:
        code = asker.codes["nvmlDeviceGetMemoryInfo"]
        problems.append(_problem(code, f"GPU {index}: its memory could not be read: "))
    instances = read_instances(nvml, handle, gpu) if gpu.mig_mode and not broken else []
    if gpu.mig_mode and not instances and not broken:
        problems.append(
            Problem(
                probe=_PROBE,
                code="mig-without-instances",
                message=f"GPU {index} is in MIG mode without instances: no process can use it",
                remedy=f"make instances ('sudo nvidia-smi mig -cgi ... -C') or 'sudo nvidia-smi -i {index} -mig 0'",
            )
        )
    problems += _worn(gpu)
    return [(gpu, uuid), *instances], problems


def _worn(gpu: Gpu) -> list[Problem]:
    """A card that works but has given up memory, or waits for a reset to do so."""
    ecc = gpu.ecc
    if ecc is None:
        return []
    problems = []
    if ecc.remapping_failed:
        message, remedy = "has no spare memory rows left", "have the card replaced"
        problems.append(
            Problem(probe=_PROBE, code="ecc-exhausted", message=f"GPU {gpu.index} {message}", remedy=remedy)
        )
    if ecc.remapping_pending:
        message, remedy = "waits for a reset to remap bad memory", "run 'sudo nvidia-smi --gpu-reset' or reboot"
        problems.append(
            Problem(probe=_PROBE, code="ecc-remap-pending", message=f"GPU {gpu.index} {message}", remedy=remedy)
        )
    if ecc.uncorrected_errors:
        message = f"GPU {gpu.index} has had {ecc.uncorrected_errors} uncorrected memory errors since the driver loaded"
        problems.append(
            Problem(probe=_PROBE, code="ecc-errors", message=message, remedy="look at 'dmesg' for Xid errors")
        )
    return problems


def _problem(code: int, before: str = "") -> Problem:
    fault, message, remedy = _FAULTS.get(code, _FAULTS[UNKNOWN_ERROR])
    return Problem(probe=_PROBE, code=fault, message=f"{before}{message} (NVML error {code})", remedy=remedy)


def _load_library(host: Host) -> str | None:
    """The name under which NVML loads; None if nowhere."""
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


def _without_library(host: Host, seen: tuple[Display, ...] | None) -> Reading:
    """No driver library: no NVIDIA GPU, unless PCI shows one, or the machine is a Jetson, whose GPU is in the chip."""
    jetson = _jetson(host)
    if jetson is not None:
        return jetson
    if not seen:
        return Reading(gpus=(), sources={"gpus": "no NVML library and no NVIDIA device on the PCI bus"})
    return _broken(host, seen, _LIBRARY_MISSING)


def _jetson(host: Host) -> Reading | None:
    """The GPU of a Tegra chip, named by the device tree; its memory is the machine's RAM. None on other machines."""
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


def _broken(host: Host, seen: tuple[Display, ...] | None, code: int) -> Reading:
    """The driver does not answer: each card on PCI is an entry without facts; without any, the list is unknown."""
    problem = _no_library(host, seen) if code == _LIBRARY_MISSING else _problem(code)
    if code == 9 and host.exists("/sys/module/nvidia"):
        problem = _no_devices(host)
    if code != _LIBRARY_MISSING and seen == ():
        problem = replace(problem, message=f"{problem.message}; no NVIDIA device is seen on the PCI bus")
    version = (host.read("/sys/module/nvidia/version") or "").strip() or None
    if code == 18 and version:
        problem = replace(problem, message=f"{problem.message}; the loaded module is {version}")
    gpus = tuple(
        Gpu(
            vendor="nvidia",
            name=f"NVIDIA GPU [10de:{card.device:04x}]",
            usable=False if code in _UNUSABLE else None,
            fault=problem.code,
            pci_bus_id=card.bus_id,
        )
        for card in seen or ()
    )
    drivers = {} if code == _LIBRARY_MISSING else {"nvidia": Driver(version=version, fault=problem.code)}
    return Reading(
        gpus=gpus or None,
        drivers=drivers,
        problems=(problem,),
        sources={"gpus": "PCI bus (/sys/bus/pci/devices)"} if seen else {},
    )


def _no_library(host: Host, seen: tuple[Display, ...] | None) -> Problem:
    """PCI shows a card and NVML's library is nowhere: why, as far as the kernel tells."""
    problem = _problem(_LIBRARY_MISSING)
    if any(card.driver == "nouveau" for card in seen or ()):
        message = "the NVIDIA GPU is driven by nouveau, which cannot compute; NVIDIA's own driver is not installed"
        return replace(problem, code="nouveau", message=message)
    if host.exists("/sys/module/nvidia"):
        asked = " (NVIDIA_VISIBLE_DEVICES asks for none)" if withheld_by_container(host.environ, container=True) else ""
        return Problem(
            probe=_PROBE,
            code="no-gpu-access",
            message=f"the host has a working NVIDIA driver, but this container was started without access to it{asked}",
            remedy="start the container with '--gpus all' (NVIDIA container toolkit) or '--device nvidia.com/gpu=all'",
        )
    return replace(problem, message="an NVIDIA GPU is on the PCI bus, but its driver is not installed")


def _no_devices(host: Host) -> Problem:
    """The kernel module is there, and still no card can be reached."""
    if host.exists("/dev/nvidiactl"):
        return Problem(
            probe=_PROBE,
            code="no-devices",
            message="the NVIDIA driver is loaded but lists no GPU, while the PCI bus shows one",
            remedy="look at 'dmesg' for NVRM messages; a GPU reserved for a virtual machine is bound to vfio-pci",
        )
    return Problem(
        probe=_PROBE,
        code="no-device-nodes",
        message="the NVIDIA kernel module is loaded, but there are no device nodes (/dev/nvidiactl)",
        remedy="run 'sudo nvidia-modprobe -c 0 -u'; start a container with '--gpus all'",
    )
