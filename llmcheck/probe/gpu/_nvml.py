"""Reads one card through NVML. Each fact has its own call: old drivers lack some, and a broken card fails some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmcheck.gpus.unified_memory import NVIDIA_CHIPS
from llmcheck.schema.machine import Clocks, Ecc, Gpu, GpuProcess, NvLink, Pcie

# Error codes, named as in nvml.h without the prefix NVML_ERROR.
INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND = 2, 3, 4, 9, 12
FUNCTION_NOT_FOUND, GPU_IS_LOST, RESET_REQUIRED, LIB_RM_VERSION_MISMATCH, UNKNOWN = 13, 15, 16, 18, 999
_UNSUPPORTED = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)
_MAX_NVLINKS = 36
_SWITCH = 2
_COMPUTE_MODES = {0: "default", 2: "prohibited", 3: "exclusive-process"}
_VIRTUALIZATION = {1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"}
_WITH_FABRIC = 9
"""The major compute capability of Hopper, the first whose cards report the state of their fabric."""
_FABRIC = {1: "not-started", 2: "in-progress", 3: "completed"}
_IDLE = 0x01
# Numbers of nvml.h, which the oldest binding that llmcheck runs with does not have.
_RECOVERY_FIELD = 230
_RECOVERY = {
    0: "none",
    1: "reset",
    2: "reboot",
    3: "drain-p2p",
    4: "drain-and-reset",
    5: "recover-imex-domain",
    6: "bus-reset",
    7: "system-reboot",
}
_DRAM, _SRAM = 2, 7
# NVML's nvmlClocksEventReasons bits; idling (1) and clocks set by an application (2) are no throttling.
_THROTTLE = {
    0x04: "sw-power-cap",
    0x08: "hw-slowdown",
    0x10: "sync-boost",
    0x20: "sw-thermal-slowdown",
    0x40: "hw-thermal-slowdown",
    0x80: "hw-power-brake-slowdown",
}
# Drivers 535.43 to 535.86 fill the process structures wrongly.
_BAD_PROCESS_LISTS = ((535, 43), (535, 86))


# The NVML call that each fact comes from, without the prefix; without v2 of the memory call, v1 is used.
CALLS = {
    "name": "DeviceGetName",
    "memory_total": "DeviceGetMemoryInfo_v2",
    "memory_used": "DeviceGetMemoryInfo_v2",
    "memory_free": "DeviceGetMemoryInfo_v2",
    "memory_reserved": "DeviceGetMemoryInfo_v2",
    "compute_capability": "DeviceGetCudaComputeCapability",
    "pci_bus_id": "DeviceGetPciInfo_v3",
    "pcie": "DeviceGetCurrPcieLinkGeneration and its relatives",
    "links": "DeviceGetNvLinkState, DeviceGetNvLinkRemoteDeviceType",
    "nvlinks": "DeviceGetNvLinkState",
    "bar1_total": "DeviceGetBAR1MemoryInfo",
    "fabric_state": "DeviceGetGpuFabricInfoV",
    "licensed": "DeviceGetGridLicensableFeatures_v4",
    "idle": "DeviceGetCurrentClocksEventReasons",
    "clocks": "DeviceGetApplicationsClock, DeviceGetMaxClockInfo",
    "recovery_action": "DeviceGetFieldValues (GET_GPU_RECOVERY_ACTION)",
    "vbios": "DeviceGetVbiosVersion",
    "mig_mode": "DeviceGetMigMode",
    "processes": "DeviceGetComputeRunningProcesses_v3",
    "ecc": "DeviceGetEccMode, DeviceGetTotalEccErrors, DeviceGetMemoryErrorCounter, DeviceGetRemappedRows, "
    "DeviceGetRetiredPages",
    "power_limit_w": "DeviceGetEnforcedPowerLimit",
    "temperature_c": "DeviceGetTemperature",
    "throttle_reasons": "DeviceGetCurrentClocksEventReasons",
    "persistence_mode": "DeviceGetPersistenceMode",
    "compute_mode": "DeviceGetComputeMode",
    "virtualization": "DeviceGetVirtualizationMode",
    "numa_node": "DeviceGetNumaNodeId",
}


class Caller:
    """Calls NVML and records the errors."""

    def __init__(self) -> None:
        self.errors: dict[str, int] = {}
        """NVML's error code by function, without calls that driver or card do not support."""

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The result; None where the call fails."""
        try:
            return function(*arguments, **options)
        except Exception as error:  # the binding also raises exceptions other than NVMLError
            code = getattr(error, "value", UNKNOWN)
            if code not in _UNSUPPORTED and not type(error).__name__.endswith("LibraryMismatchError"):
                self.errors[getattr(function, "__name__", "?")] = code
            return None

    def fatal_error(self) -> int | None:
        """The error code of a card that is lost or needs a reset; None for any other card."""
        return next((code for code in self.errors.values() if code in (GPU_IS_LOST, RESET_REQUIRED)), None)


def read_card(nvml: Any, caller: Caller, handle: Any, index: int, driver: str | None) -> Gpu:
    """One card as NVML reports it; memory is v2 of the call, which has the reserved part, or v1 before driver 510."""
    call = caller.call
    memory = call(nvml.nvmlDeviceGetMemoryInfo, handle, version=nvml.nvmlMemory_v2)
    if memory is None:
        caller.errors.pop("nvmlDeviceGetMemoryInfo", None)
        memory = call(nvml.nvmlDeviceGetMemoryInfo, handle)
    capability = call(nvml.nvmlDeviceGetCudaComputeCapability, handle)
    version = f"{capability[0]}.{capability[1]}" if capability else None
    unified = not getattr(memory, "total", 0) and "nvmlDeviceGetMemoryInfo" not in caller.errors
    unified |= version in NVIDIA_CHIPS
    pci = call(nvml.nvmlDeviceGetPciInfo, handle)
    mig = call(nvml.nvmlDeviceGetMigMode, handle)
    limit = call(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    persistence = call(nvml.nvmlDeviceGetPersistenceMode, handle)
    links = _links(nvml, caller, handle)
    bits = _clock_bits(nvml, caller, handle)
    virtualization = _VIRTUALIZATION.get(call(nvml.nvmlDeviceGetVirtualizationMode, handle))
    return Gpu(
        vendor="nvidia",
        index=index,
        name=text(call(nvml.nvmlDeviceGetName, handle)),
        memory_total=None if unified else _positive(memory, "total"),
        memory_used=None if unified else getattr(memory, "used", None),
        memory_free=None if unified else getattr(memory, "free", None),
        memory_reserved=None if unified else getattr(memory, "reserved", None),
        unified=unified,
        compute_capability=version,
        pci_bus_id=text(getattr(pci, "busId", None)),
        pcie=Pcie(
            generation=call(nvml.nvmlDeviceGetCurrPcieLinkGeneration, handle),
            width=call(nvml.nvmlDeviceGetCurrPcieLinkWidth, handle),
            max_generation=call(nvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
            max_width=call(nvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
        ),
        links=links or (),
        nvlinks=None if links is None else sum(link.active for link in links),
        bar1_total=getattr(call(nvml.nvmlDeviceGetBAR1MemoryInfo, handle), "bar1Total", None) or None,
        fabric_state=_fabric_state(nvml, caller, handle) if capability and capability[0] >= _WITH_FABRIC else None,
        licensed=_licensed(nvml, caller, handle) if virtualization == "vgpu" else None,
        mig_mode=bool(mig[0]) if mig else None,
        processes=_processes(nvml, caller, handle, driver),
        ecc=_ecc(nvml, caller, handle),
        power_limit_w=limit / 1000 if limit else None,
        temperature_c=call(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        clocks=_clocks(nvml, caller, handle),
        recovery_action=_recovery_action(nvml, caller, handle),
        vbios=text(call(nvml.nvmlDeviceGetVbiosVersion, handle)),
        throttle_reasons=None if bits is None else tuple(name for bit, name in _THROTTLE.items() if bits & bit),
        idle=None if bits is None else bool(bits & _IDLE),
        persistence_mode=None if persistence is None else bool(persistence),
        compute_mode=_COMPUTE_MODES.get(call(nvml.nvmlDeviceGetComputeMode, handle)),
        virtualization=virtualization,
        numa_node=_numa_node(nvml, caller, handle),
    )


def read_instances(nvml: Any, handle: Any, parent: Gpu) -> list[tuple[Gpu, str]]:
    """The MIG instances of a card with their UUIDs; their numbers may have gaps."""
    call = Caller().call
    found = []
    for number in range(call(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        part = call(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
        if part is None:
            continue
        memory = call(nvml.nvmlDeviceGetMemoryInfo, part)
        gpu = Gpu(
            vendor="nvidia",
            index=number,
            name=text(call(nvml.nvmlDeviceGetName, part)),
            memory_total=_positive(memory, "total"),
            memory_used=getattr(memory, "used", None),
            memory_free=getattr(memory, "free", None),
            compute_capability=parent.compute_capability,
            pci_bus_id=parent.pci_bus_id,
            parent=parent.index,
        )
        found.append((gpu, text(call(nvml.nvmlDeviceGetUUID, part)) or ""))
    return found


def text(value: Any) -> str | None:
    """A string from NVML; older bindings return bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _positive(memory: Any, field: str) -> int | None:
    return getattr(memory, field, None) or None


def _links(nvml: Any, caller: Caller, handle: Any) -> tuple[NvLink, ...] | None:
    """Every NVLink with its peer; () where the card has none, None where the first could not be read."""
    found: list[NvLink] = []
    for number in range(_MAX_NVLINKS):
        try:
            active = nvml.nvmlDeviceGetNvLinkState(handle, number) == 1
        except nvml.NVMLError as error:
            if error.value in (INVALID_ARGUMENT, *_UNSUPPORTED):  # after the last link, or no NVLink
                break
            caller.errors["nvmlDeviceGetNvLinkState"] = error.value
            return tuple(found) or None
        found.append(NvLink(link=number, active=active, peer=_peer(nvml, handle, number) if active else None))
    return tuple(found)


def _peer(nvml: Any, handle: Any, number: int) -> str | None:
    call = Caller().call
    if call(nvml.nvmlDeviceGetNvLinkRemoteDeviceType, handle, number) == _SWITCH:
        return "switch"
    return text(getattr(call(nvml.nvmlDeviceGetNvLinkRemotePciInfo, handle, number), "busId", None))


def _processes(nvml: Any, caller: Caller, handle: Any, driver: str | None) -> tuple[GpuProcess, ...] | None:
    """The compute processes; their memory is None where the driver does not report it."""
    branch = tuple(int(part) for part in (driver or "").split(".")[:2] if part.isdigit())
    if _BAD_PROCESS_LISTS[0] <= branch <= _BAD_PROCESS_LISTS[1]:
        return None
    listed = caller.call(nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if listed is None:
        return None
    return tuple(GpuProcess(pid=each.pid, memory=each.usedGpuMemory) for each in listed)


def _ecc(nvml: Any, caller: Caller, handle: Any) -> Ecc | None:
    """The state of error correction; None where the card reports nothing about it."""
    call = caller.call
    mode = call(nvml.nvmlDeviceGetEccMode, handle)
    errors, counters = None, {}
    if mode and mode[0]:
        counters = _ecc_counters(nvml, caller, handle)
        errors = call(
            nvml.nvmlDeviceGetTotalEccErrors,
            handle,
            nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            nvml.NVML_VOLATILE_ECC,
        )
    rows = call(nvml.nvmlDeviceGetRemappedRows, handle)
    pages = call(nvml.nvmlDeviceGetRetiredPages, handle, nvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR)
    if mode is None and rows is None and pages is None:
        return None
    return Ecc(
        mode=bool(mode[0]) if mode else None,
        uncorrected_errors=errors,
        **counters,
        remapped_rows=rows[1] if rows else None,
        remapped_rows_corrected=rows[0] if rows else None,
        remapping_pending=bool(rows[2]) if rows else None,
        remapping_failed=bool(rows[3]) if rows else None,
        retired_pages=len(pages) if pages is not None else None,
    )


def _ecc_counters(nvml: Any, caller: Caller, handle: Any) -> dict[str, int | None]:
    """The errors of each memory, by the fact's name in ``Ecc``."""
    corrected, uncorrected = nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
    return {
        f"{memory}_{kind}_{since}": caller.call(nvml.nvmlDeviceGetMemoryErrorCounter, handle, error, counter, place)
        for memory, place in (("sram", _SRAM), ("dram", _DRAM))
        for kind, error in (("corrected", corrected), ("uncorrected", uncorrected))
        for since, counter in (("volatile", nvml.NVML_VOLATILE_ECC), ("aggregate", nvml.NVML_AGGREGATE_ECC))
    }


def _clocks(nvml: Any, caller: Caller, handle: Any) -> Clocks | None:
    call = caller.call
    clocks = Clocks(
        graphics_application_mhz=call(nvml.nvmlDeviceGetApplicationsClock, handle, nvml.NVML_CLOCK_GRAPHICS),
        graphics_max_mhz=call(nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_GRAPHICS),
        memory_application_mhz=call(nvml.nvmlDeviceGetApplicationsClock, handle, nvml.NVML_CLOCK_MEM),
        memory_max_mhz=call(nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_MEM),
    )
    return None if clocks == Clocks() else clocks


def _recovery_action(nvml: Any, caller: Caller, handle: Any) -> str | None:
    values = caller.call(nvml.nvmlDeviceGetFieldValues, handle, [_RECOVERY_FIELD])
    if not values or values[0].nvmlReturn:
        return None
    number = values[0].value.uiVal
    return _RECOVERY.get(number, f"code-{number}")


def _clock_bits(nvml: Any, caller: Caller, handle: Any) -> int | None:
    """Reasons for the clocks; driver 535 renamed the call, both names return the same bits."""
    bits: int | None = caller.call(nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
    return caller.call(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) if bits is None else bits


def _fabric_state(nvml: Any, caller: Caller, handle: Any) -> str | None:
    """Registration of a card with the switches that connect it; None for a card without any."""
    from ctypes import byref  # the binding has imported it

    info = nvml.c_nvmlGpuFabricInfoV_t()
    if caller.call(nvml.nvmlDeviceGetGpuFabricInfoV, handle, byref(info)) is None:
        return None
    # The binding reads four bytes; the library writes one of them.
    state = _FABRIC.get(info.state & 0xFF)
    return "failed" if state == "completed" and info.status else state


def _licensed(nvml: Any, caller: Caller, handle: Any) -> bool | None:
    """Whether any feature of a vGPU is licensed; None where it reports none that could be."""
    found = caller.call(nvml.nvmlDeviceGetGridLicensableFeatures_v4, handle)
    if not found or not found.isGridLicenseSupported or not found.licensableFeaturesCount:
        return None
    features = found.gridLicensableFeatures[: found.licensableFeaturesCount]
    return any(feature.featureState for feature in features)


def _numa_node(nvml: Any, caller: Caller, handle: Any) -> int | None:
    node = caller.call(nvml.nvmlDeviceGetNumaNodeId, handle)
    return node if isinstance(node, int) and node >= 0 else None
