"""Machines of unusual hardware as small trees of /proc and /sys, written by hand with numbers of our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from llmcheck import catalog
from llmcheck.gpus.identify import identify
from llmcheck.probe import Reading, Request, assemble, devices, disk, memory, system
from llmcheck.probe.gpu import amd, apple, habana, intel, nvidia
from llmcheck.schema.machine import Machine
from llmcheck.system.host import Host
from tests.probe.host_trees import tree

BUS = "/sys/bus/pci/devices"
NODES = "/sys/class/kfd/kfd/topology/nodes"
PROBES: tuple[ModuleType, ...] = (nvidia, amd, intel, habana, apple, devices, memory, system, disk)
GB, GIB, MIB, KIB = 10**9, 2**30, 2**20, 2**10


def meminfo(total: int, available: int, **more: int) -> dict[str, str]:
    """/proc/meminfo; sizes in bytes."""
    sizes = {"MemTotal": total, "MemAvailable": available, **more}
    return {"/proc/meminfo": "".join(f"{name}: {size // KIB} kB\n" for name, size in sizes.items())}


def pci(
    bus_id: str, vendor: int, device: int, driver: str | None, kind: str = "0x030000", **facts: Any
) -> dict[str, str]:
    """A card on the bus; ``facts``: further files of its folder."""
    files = {"vendor": f"0x{vendor:04x}", "device": f"0x{device:04x}", "class": kind, **facts}
    if driver:
        files["uevent"] = f"DRIVER={driver}\nPCI_SLOT_NAME={bus_id}"
    return {f"{BUS}/{bus_id}/{name}": f"{text}\n" for name, text in files.items()}


def apu(device: int, target: int, vram: int, gtt: int, used: int = 0) -> dict[str, str]:
    """AMD graphics of a processor, with its node of the compute topology; sizes in bytes."""
    facts = {
        "mem_info_vram_total": vram, "mem_info_vram_used": used if vram > gtt else 0,
        "mem_info_gtt_total": gtt, "mem_info_gtt_used": used if gtt >= vram else 0,
    }  # fmt: skip
    node = {
        "simd_count": 32,
        "gfx_target_version": target,
        "vendor_id": 0x1002,
        "device_id": device,
        "location_id": 0xC600,
    }
    return {
        **pci("0000:c6:00.0", 0x1002, device, "amdgpu", "0x038000", **facts),
        f"{NODES}/0/properties": "cpu_cores_count 16\nsimd_count 0\n",
        f"{NODES}/1/properties": "".join(f"{name} {value}\n" for name, value in node.items()),
        "/dev/kfd": "",
    }


def machine(root: Path, *files: Mapping[str, str], environ: Mapping[str, str] | None = None, **links: Any) -> Machine:
    """What all probes of hardware find in a tree."""
    return machine_of(
        tree(root, {name: text for part in files for name, text in part.items()}, environ=environ, **links)
    )


def machine_of(host: Host) -> Machine:
    readings = []
    for probe in PROBES:
        said = probe.probe(host, Request())
        readings.append(said if isinstance(said, Reading) else list(said)[-1])
    return identify(assemble(readings), catalog.gpu_specs())
