"""NVIDIA GPUs through NVML, and from the PCI bus where NVML fails.

``nvidia-smi`` is never run: its text changes between drivers. pynvml is imported only where NVML's library loads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from llmcheck.probe import Reading, Request, _pci
from llmcheck.probe._pci import PciDevice
from llmcheck.probe.gpu import _card_problems, _cuda_start, _driver_problems, _visible_problems, _xid
from llmcheck.probe.gpu._cuda_start import PROBE
from llmcheck.probe.gpu._driver_problems import of_code, usable_after
from llmcheck.probe.gpu._nvml import CALLS, LIBRARY_NOT_FOUND, UNKNOWN, Caller, read_card, read_instances, text
from llmcheck.probe.gpu._visible import index_is_ambiguous, visible_devices
from llmcheck.schema.machine import BROKEN_FAULTS, Driver, Gpu, Problem
from llmcheck.system.host import Host

VENDOR_ID = 0x10DE
_LIBRARY = "libnvidia-ml.so.1"
# Places of the library outside the loader's path. On WSL a stub from a Linux package may hide the real library, and the
# first one that is loaded is used from then on, so WSL's own is tried first.
_WSL_LIBRARY = "/usr/lib/wsl/lib/libnvidia-ml.so.1"
_NIXOS_LIBRARY = "/run/opengl-driver/lib/libnvidia-ml.so.1"
"""The kernel driver of cards that are set aside for virtual machines."""

# Tegra chips by their name in the device tree: the GPU and its compute capability, from NVIDIA's CUDA GPUs page
# (developer.nvidia.com/cuda-gpus, read 2026-11-22).
_TEGRA = {
    "tegra194": ("NVIDIA Xavier (nvgpu)", "7.2"),
    "tegra234": ("NVIDIA Orin (nvgpu)", "8.7"),
    "tegra264": ("NVIDIA Thor", "11.0"),
}

_AMBIGUOUS = Problem(
    probe=PROBE,
    code="ambiguous-visible-devices",
    message="CUDA_VISIBLE_DEVICES selects by number among different cards, and CUDA numbers the fastest card first: it "
    "may select other cards than those shown here",
    remedy="list UUIDs in it ('nvidia-smi -L'), or set CUDA_DEVICE_ORDER=PCI_BUS_ID",
)


def probe(host: Host, request: Request) -> Iterator[Reading]:
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
    yield from _cards(host, seen, pynvml, library, kernel_log=request.kernel_log)


def _cards(
    host: Host, seen: tuple[PciDevice, ...] | None, nvml: Any, library: str, *, kernel_log: bool
) -> Iterator[Reading]:
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
        found, problem = _card(host, nvml, index, version)
        entries += found
        problems += problem
    own = [card for card in seen or () if card.driver != _pci.VFIO]
    if count == 0 and own:
        why = _driver_problems.no_devices(host, own)
        yield _from_bus(own, why, {"nvidia": replace(driver, fault=why.code)}, usable=False)
        return
    entries, driver, more = _judged(host, seen or (), entries, driver, library)
    problems += more
    if kernel_log:
        log, sources["gpus.xids"] = host.log()
        entries = [(_xid.with_errors(gpu, log), uuid) for gpu, uuid in entries]
        problems += _xid.problems([gpu for gpu, _ in entries])
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
    wrong = _visible_problems.of_cuda(
        host.environ,
        [entries[position][1] for position in cards],
        [(entries[position][1], place[entries[position][0].parent]) for position in parts],
    )
    if wrong is not None:
        problems = [*problems, wrong]
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


def _card(host: Host, nvml: Any, index: int, driver: str | None) -> tuple[list[tuple[Gpu, str]], list[Problem]]:
    """One card with its MIG instances, and its problems."""
    caller = Caller()
    handle = caller.call(nvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        code = next(iter(caller.errors.values()), UNKNOWN)
        problem = of_code(code, f"GPU {index}: ")
        return [(Gpu(vendor="nvidia", index=index, usable=usable_after(code), fault=problem.code), "")], [problem]
    gpu = read_card(nvml, caller, handle, index, driver)
    uuid = text(caller.call(nvml.nvmlDeviceGetUUID, handle)) or ""
    problems = []
    broken = caller.fatal_error()
    if broken is not None:
        problems.append(of_code(broken, f"GPU {index}: "))
        gpu = replace(gpu, usable=False, fault=problems[0].code, unified=False)
    elif "nvmlDeviceGetMemoryInfo" in caller.errors and not gpu.mig_mode:
        code = caller.errors["nvmlDeviceGetMemoryInfo"]
        problems.append(of_code(code, f"GPU {index}: its memory could not be read: "))
    instances = read_instances(nvml, handle, gpu) if gpu.mig_mode and not broken else []
    why = None if broken else _card_problems.not_starting(host, gpu, len(instances))
    if why is not None:
        problems.append(why)
        gpu = replace(gpu, usable=False if why.code in BROKEN_FAULTS else None, fault=why.code)
    return [(gpu, uuid), *instances], problems


def _judged(
    host: Host,
    seen: Sequence[PciDevice],
    entries: list[tuple[Gpu, str]],
    driver: Driver,
    library: str,
) -> tuple[list[tuple[Gpu, str]], Driver, list[Problem]]:
    """The cards, the driver and new problems, by what all cards together and the system's files tell."""
    entries = [(_with_slot(host, gpu), uuid) for gpu, uuid in entries]
    cards = [gpu for gpu, _ in entries if gpu.parent is None]
    driver, problems = _cuda_start.with_cuda(host, driver, cards, library)
    states = {gpu.fabric_state for gpu in cards}
    manager = None if states <= {"completed"} else _cuda_start.fabric_manager(host)
    driver = replace(driver, fabric_manager=manager)
    untrained = _card_problems.fabric(cards, manager)
    if untrained is not None:
        problems.append(untrained)
        driver = replace(driver, fault=driver.fault or untrained.code)
    if cards and not any(gpu.usable for gpu in cards):  # what is wrong with the first is wrong with the machine
        driver = replace(driver, fault=driver.fault or cards[0].fault)
    problems += _pci.not_listed(host, PROBE, "NVIDIA", "nvidia", seen, [gpu.pci_bus_id for gpu in cards])
    problems += [*_card_problems.slower(cards), *_card_problems.peers(host, cards)]
    return entries, driver, problems


def _with_slot(host: Host, gpu: Gpu) -> Gpu:
    """The card with its NUMA node, and the width that it supports by itself: NVML's maximum is of card and slot."""
    if gpu.parent is not None or gpu.pci_bus_id is None:
        return gpu
    folder = _card_problems.folder_of(gpu)
    node = _pci.numa_node(host, folder)
    if node is not None:
        gpu = replace(gpu, numa_node=node)
    if gpu.pcie is None or gpu.pcie.width is None:
        return gpu
    most = host.read_int(f"{folder}/max_link_width")
    return replace(gpu, pcie=replace(gpu.pcie, card_width=most)) if most else gpu


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
    problem = _driver_problems.without_nvml(host, seen, code)
    version = _driver_problems.module_version(host)
    drivers = {} if code == LIBRARY_NOT_FOUND else {"nvidia": Driver(version=version, fault=problem.code)}
    return _from_bus(
        seen or (), problem, drivers, usable=usable_after(code) if problem.code not in BROKEN_FAULTS else False
    )


def _from_bus(
    seen: Sequence[PciDevice], problem: Problem, drivers: dict[str, Driver], *, usable: bool | None
) -> Reading:
    gpus = tuple(
        Gpu(
            vendor="nvidia",
            name=f"NVIDIA GPU [10de:{card.device:04x}]",
            usable=usable,
            fault=problem.code,
            pci_bus_id=card.bus_id,
        )
        for card in seen
    )
    return Reading(
        gpus=gpus or None,
        drivers=drivers,
        problems=(problem,),
        sources={"gpus": "PCI bus (/sys/bus/pci/devices)"} if seen else {},
    )
