"""Memory sizes from AMD SMI's library: in some virtual machines the driver's files with them are missing.

Only calls with plain integer arguments are used, because the structures change between ROCm releases.
Source: AMD SMI's C header (ROCm/amdsmi, include/amd_smi/amdsmi.h), read 2026-11-23.
"""

from __future__ import annotations

from typing import Any

from llmcheck.system.host import Host

_NAMES = ("libamd_smi.so", "/opt/rocm/lib/libamd_smi.so")
_INIT_GPUS = 2
_VRAM = 0


def memory_by_bus(host: Host) -> dict[str, tuple[int, int | None]]:
    """Bytes of VRAM, total and used, by PCI bus id (``0000:c1:00.0``); empty where the library is missing or fails."""
    library = _load(host)
    if library is None:
        return {}
    import ctypes

    if library.amdsmi_init(ctypes.c_uint64(_INIT_GPUS)):
        return {}
    found = {}
    for device in _devices(library):
        bus, total = _number(library.amdsmi_get_gpu_bdf_id, device), _memory(library, "total", device)
        if bus is not None and total:
            found[_bus_id(bus)] = (total, _memory(library, "usage", device))
    return found


def _load(host: Host) -> Any:
    if not host.live or not (host.has_library(_NAMES[0]) or host.exists(_NAMES[1])):
        return None
    import ctypes

    for name in _NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _devices(library: Any) -> list[Any]:
    """The handles of all GPUs, socket by socket."""
    devices: list[Any] = []
    for socket in _handles(library.amdsmi_get_socket_handles):
        devices += _handles(library.amdsmi_get_processor_handles, socket)
    return devices


def _handles(function: Any, *arguments: Any) -> list[Any]:
    """The handles that a function returns. It is called twice, first for their number."""
    import ctypes

    count = ctypes.c_uint32(0)
    if function(*arguments, ctypes.byref(count), None) or not count.value:
        return []
    handles = (ctypes.c_void_p * count.value)()
    if function(*arguments, ctypes.byref(count), handles):
        return []
    return [ctypes.c_void_p(handle) for handle in handles[: count.value]]


def _memory(library: Any, what: str, device: Any) -> int | None:
    import ctypes

    return _number(getattr(library, f"amdsmi_get_gpu_memory_{what}"), device, ctypes.c_int(_VRAM))


def _number(function: Any, *arguments: Any) -> int | None:
    """The 64-bit result of a function; None where the call fails."""
    import ctypes

    value = ctypes.c_uint64(0)
    return None if function(*arguments, ctypes.byref(value)) else value.value


def _bus_id(number: int) -> str:
    """The bus id of a number with the domain in the upper half, and bus, device and function in the low 16 bits."""
    return f"{number >> 32:04x}:{number >> 8 & 0xFF:02x}:{number >> 3 & 0x1F:02x}.{number & 7}"
