"""One card at a time through NVML. Each fact is asked for by itself: old drivers lack calls, a dying card answers some.

Codes: 3 not supported, 13 function not found (both: the fact is not to be had), 15 lost, 16 needs a reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmcheck.schema.machine import Ecc, Gpu, GpuProcess, NvLink, Pcie

LOST, RESET_REQUIRED, NOT_SUPPORTED, UNKNOWN_ERROR = 15, 16, 3, 999
_NOT_TO_BE_HAD = (NOT_SUPPORTED, 13)
_MAX_NVLINKS = 36
_SWITCH = 2
_COMPUTE_MODES = {0: "default", 2: "prohibited", 3: "exclusive-process"}
_VIRTUALIZATION = {1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"}
# NVML's nvmlClocksEventReasons bits; idling (1) and a chosen clock (2) are no throttling.
_THROTTLE = {
    0x04: "sw-power-cap",
    0x08: "hw-slowdown",
    0x10: "sync-boost",
    0x20: "sw-thermal-slowdown",
    0x40: "hw-thermal-slowdown",
    0x80: "hw-power-brake-slowdown",
}
# These drivers fill the process structures wrongly (535.43 to 535.86).
_BAD_PROCESS_LISTS = ((535, 43), (535, 86))


# Which of NVML's calls a fact comes from, without the prefix; memory is asked by the first call where v2 is missing.
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
    "mig_mode": "DeviceGetMigMode",
    "processes": "DeviceGetComputeRunningProcesses_v3",
    "ecc": "DeviceGetEccMode, DeviceGetTotalEccErrors, DeviceGetRemappedRows, DeviceGetRetiredPages",
    "power_limit_w": "DeviceGetEnforcedPowerLimit",
    "temperature_c": "DeviceGetTemperature",
    "throttle_reasons": "DeviceGetCurrentClocksEventReasons",
    "persistence_mode": "DeviceGetPersistenceMode",
    "compute_mode": "DeviceGetComputeMode",
    "virtualization": "DeviceGetVirtualizationMode",
    "numa_node": "DeviceGetNumaNodeId",
}


class Asker:
    """Asks a card and remembers why it did not answer."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        """NVML's error code by function, for the calls that failed for another reason than not being supported."""

    def ask(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The answer, or None."""
        try:
            return function(*arguments, **options)
        except Exception as error:  # the binding raises plain exceptions beside NVMLError
            code = getattr(error, "value", UNKNOWN_ERROR)
            if code not in _NOT_TO_BE_HAD and not type(error).__name__.endswith("LibraryMismatchError"):
                self.codes[getattr(function, "__name__", "?")] = code
            return None

    def broken(self) -> int | None:
        """15 or 16 if any call said so: the card is no longer one."""
        return next((code for code in self.codes.values() if code in (LOST, RESET_REQUIRED)), None)


def read_card(nvml: Any, asker: Asker, handle: Any, index: int, driver: str | None) -> Gpu:
    """All that NVML tells of one card; memory is NVML's v2 with the reserved part, or v1 on drivers before 510."""
    ask = asker.ask
    memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle, version=nvml.nvmlMemory_v2)
    if memory is None:
        asker.codes.pop("nvmlDeviceGetMemoryInfo", None)
        memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
    unified = not getattr(memory, "total", 0) and "nvmlDeviceGetMemoryInfo" not in asker.codes
    capability = ask(nvml.nvmlDeviceGetCudaComputeCapability, handle)
    pci = ask(nvml.nvmlDeviceGetPciInfo, handle)
    mig = ask(nvml.nvmlDeviceGetMigMode, handle)
    limit = ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    persistence = ask(nvml.nvmlDeviceGetPersistenceMode, handle)
    links = _links(nvml, asker, handle)
    return Gpu(
        vendor="nvidia",
        index=index,
        name=text(ask(nvml.nvmlDeviceGetName, handle)),
        memory_total=None if unified else _positive(memory, "total"),
        memory_used=None if unified else getattr(memory, "used", None),
        memory_free=None if unified else getattr(memory, "free", None),
        memory_reserved=getattr(memory, "reserved", None),
        unified=unified,
        compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
        pci_bus_id=text(getattr(pci, "busId", None)),
        pcie=Pcie(
            generation=ask(nvml.nvmlDeviceGetCurrPcieLinkGeneration, handle),
            width=ask(nvml.nvmlDeviceGetCurrPcieLinkWidth, handle),
            max_generation=ask(nvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
            max_width=ask(nvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
        ),
        links=links or (),
        nvlinks=None if links is None else sum(link.active for link in links),
        mig_mode=bool(mig[0]) if mig else None,
        processes=_processes(nvml, asker, handle, driver),
        ecc=_ecc(nvml, asker, handle),
        power_limit_w=limit / 1000 if limit else None,
        temperature_c=ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        throttle_reasons=_throttle(nvml, asker, handle),
        persistence_mode=None if persistence is None else bool(persistence),
        compute_mode=_COMPUTE_MODES.get(ask(nvml.nvmlDeviceGetComputeMode, handle)),
        virtualization=_VIRTUALIZATION.get(ask(nvml.nvmlDeviceGetVirtualizationMode, handle)),
        numa_node=_numa_node(nvml, asker, handle),
    )


def read_instances(nvml: Any, handle: Any, parent: Gpu) -> list[tuple[Gpu, str]]:
    """The MIG instances of a card with their UUIDs, each with its own memory; their numbers may have holes."""
    ask = Asker().ask
    found = []
    for number in range(ask(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        part = ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
        if part is None:
            continue
        memory = ask(nvml.nvmlDeviceGetMemoryInfo, part)
        gpu = Gpu(
            vendor="nvidia",
            index=number,
            name=text(ask(nvml.nvmlDeviceGetName, part)),
            memory_total=_positive(memory, "total"),
            memory_used=getattr(memory, "used", None),
            memory_free=getattr(memory, "free", None),
            compute_capability=parent.compute_capability,
            pci_bus_id=parent.pci_bus_id,
            parent=parent.index,
        )
        found.append((gpu, text(ask(nvml.nvmlDeviceGetUUID, part)) or ""))
    return found


def text(value: Any) -> str | None:
    """Older bindings answer bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _positive(memory: Any, field: str) -> int | None:
    return getattr(memory, field, None) or None


def _links(nvml: Any, asker: Asker, handle: Any) -> tuple[NvLink, ...] | None:
    """Every NVLink with its peer; () where the card has none, None where it could not be asked."""
    found: list[NvLink] = []
    for number in range(_MAX_NVLINKS):
        try:
            active = nvml.nvmlDeviceGetNvLinkState(handle, number) == 1
        except nvml.NVMLError as error:
            if error.value in (2, NOT_SUPPORTED, 13):  # past the last link, or a card or driver without NVLink
                break
            asker.codes["nvmlDeviceGetNvLinkState"] = error.value
            return tuple(found) or None
        found.append(NvLink(link=number, active=active, peer=_peer(nvml, handle, number) if active else None))
    return tuple(found)


def _peer(nvml: Any, handle: Any, number: int) -> str | None:
    ask = Asker().ask
    if ask(nvml.nvmlDeviceGetNvLinkRemoteDeviceType, handle, number) == _SWITCH:
        return "switch"
    return text(getattr(ask(nvml.nvmlDeviceGetNvLinkRemotePciInfo, handle, number), "busId", None))


def _processes(nvml: Any, asker: Asker, handle: Any, driver: str | None) -> tuple[GpuProcess, ...] | None:
    """Compute processes; a memory of None where the driver does not attribute it."""
    branch = tuple(int(part) for part in (driver or "").split(".")[:2] if part.isdigit())
    if _BAD_PROCESS_LISTS[0] <= branch <= _BAD_PROCESS_LISTS[1]:
        return None
    listed = asker.ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if listed is None:
        return None
    return tuple(GpuProcess(pid=each.pid, memory=each.usedGpuMemory) for each in listed)


def _ecc(nvml: Any, asker: Asker, handle: Any) -> Ecc | None:
    """None where the card has no error correction to speak of."""
    ask = asker.ask
    mode = ask(nvml.nvmlDeviceGetEccMode, handle)
    errors = None
    if mode and mode[0]:
        errors = ask(
            nvml.nvmlDeviceGetTotalEccErrors,
            handle,
            nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            nvml.NVML_VOLATILE_ECC,
        )
    rows = ask(nvml.nvmlDeviceGetRemappedRows, handle)
    pages = ask(nvml.nvmlDeviceGetRetiredPages, handle, nvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR)
    if mode is None and rows is None and pages is None:
        return None
    return Ecc(
        mode=bool(mode[0]) if mode else None,
        uncorrected_errors=errors,
        remapped_rows=rows[1] if rows else None,
        remapping_pending=bool(rows[2]) if rows else None,
        remapping_failed=bool(rows[3]) if rows else None,
        retired_pages=len(pages) if pages is not None else None,
    )


def _throttle(nvml: Any, asker: Asker, handle: Any) -> tuple[str, ...] | None:
    """The call was renamed with driver 535; both names give the same bits."""
    bits = asker.ask(nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
    if bits is None:
        bits = asker.ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
    return None if bits is None else tuple(name for bit, name in _THROTTLE.items() if bits & bit)


def _numa_node(nvml: Any, asker: Asker, handle: Any) -> int | None:
    node = asker.ask(nvml.nvmlDeviceGetNumaNodeId, handle)
    return node if isinstance(node, int) and node >= 0 else None
