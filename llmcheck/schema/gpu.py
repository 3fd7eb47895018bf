"""GPUs and their drivers in the inventory of a machine. Sizes are in bytes; None is a fact that could not be read."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import re
from collections.abc import Sequence

from msgspec import Struct

# Faults that say that the machine is broken; any other leaves open whether it is.
BROKEN_FAULTS = frozenset(
    {
        "driver-not-loaded",
        "driver-missing",
        "driver-mismatch",
        "gpu-lost",
        "gpu-reset-required",
        "no-device-nodes",
        "no-gpu-access",
        "nouveau",
    }
)


class Pcie(Struct, frozen=True, kw_only=True):
    generation: int | None = None
    """Of the link now; cards lower it when idle."""
    width: int | None = None
    max_generation: int | None = None
    max_width: int | None = None


class Ecc(Struct, frozen=True, kw_only=True):
    """A card's error correction and the memory it retired; each None where the card does not report it."""

    mode: bool | None = None
    uncorrected_errors: int | None = None
    """Since the last driver load (volatile)."""
    remapped_rows: int | None = None
    """For uncorrectable errors."""
    remapping_pending: bool | None = None
    """Takes effect at the next reset."""
    remapping_failed: bool | None = None
    """No spare rows are left: the card has to be replaced."""
    retired_pages: int | None = None
    """Cards before Ampere: pages retired for double-bit errors."""


class GpuProcess(Struct, frozen=True, kw_only=True):
    pid: int
    memory: int | None = None
    """None where the driver does not attribute it (WDDM, other containers)."""


class NvLink(Struct, frozen=True, kw_only=True):
    link: int
    active: bool
    peer: str | None = None
    """``switch``, or the PCI bus id of the GPU at the other end; None if unknown."""


class GpuSpec(Struct, frozen=True, kw_only=True):
    """What is published of a card; decimal units as vendors use them, dense rates, each None where unpublished."""

    name: str
    memory_gb: float | None = None
    """Advertised."""
    bandwidth_gb_s: float | None = None
    bf16_tflops: float | None = None
    fp16_tflops: float | None = None
    fp8_tflops: float | None = None
    nvlink_gb_s: float | None = None
    """Both directions together."""
    tdp_w: float | None = None
    mig_profiles: tuple[str, ...] = ()
    release_year: int | None = None
    source: str


class Gpu(Struct, frozen=True, kw_only=True):
    vendor: str
    index: int | None = None
    """The driver's own index, which need not be CUDA's; None for a card that only PCI knows of."""
    name: str | None = None
    memory_total: int | None = None
    memory_used: int | None = None
    memory_free: int | None = None
    memory_reserved: int | None = None
    """Reserved by the driver and firmware, not allocatable."""
    compute_capability: str | None = None
    """NVIDIA's major.minor; None for other vendors."""
    visible: bool = True
    """Whether a process started now would see it."""
    usable: bool | None = True
    """False: present but broken (see ``fault``). None: could not be read."""
    fault: str | None = None
    """The code of the Problem that makes it unusable or unknown."""
    integrated: bool = False
    """A display adapter or the graphics part of a CPU: listed, never counted as an accelerator."""
    unified: bool = False
    """Its memory is part of the machine's RAM and is never added to it; see ``gpus.unified_memory``."""
    pci_bus_id: str | None = None
    pcie: Pcie | None = None
    nvlinks: int | None = None
    """NVLink connections that are up; 0 where the card has none."""
    mig_mode: bool | None = None
    """Cut into MIG instances: the whole card is then not one device."""
    parent: int | None = None
    """For a MIG instance, the index of the card it is cut from; for an AMD partition, of the card's first partition.
    Such parts never add up, and a whole card that is cut into MIG instances is not counted."""
    gfx: str | None = None
    """AMD's target, such as gfx942."""
    partition: str | None = None
    """AMD's compute and memory partition mode: ``CPX/NPS4``."""
    processes: tuple[GpuProcess, ...] | None = None
    """Those that use its memory; None where the driver does not list them."""
    links: tuple[NvLink, ...] = ()
    ecc: Ecc | None = None
    power_limit_w: float | None = None
    temperature_c: int | None = None
    throttle_reasons: tuple[str, ...] | None = None
    """Why it runs below its clocks, as NVML names it; idling is not among them."""
    persistence_mode: bool | None = None
    compute_mode: str | None = None
    """``default``, ``exclusive-process`` or ``prohibited``."""
    virtualization: str | None = None
    """``passthrough``, ``vgpu`` (a part of a card), ``host-vgpu``, ``host-vsga``; None on bare metal or unknown."""
    numa_node: int | None = None
    spec: GpuSpec | None = None
    """What is published of this card; None for one that the table does not know."""


class Driver(Struct, frozen=True, kw_only=True):
    version: str | None = None
    cuda_version: str | None = None
    """The newest CUDA that this driver supports, major.minor; NVIDIA only."""
    fault: str | None = None
    """The code of the Problem that keeps the driver from answering."""


def capability_of(gpu: Gpu) -> tuple[int, int] | None:
    """The compute capability as numbers; None where it is unknown, or not two numbers in a file."""
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", gpu.compute_capability or "")
    return (int(match[1]), int(match[2])) if match else None


def joint_gpus(gpus: Sequence[Gpu]) -> list[list[Gpu]]:
    """The GPUs in groups that one job can use together: those of one vendor; a MIG instance only by itself."""
    groups: dict[object, list[Gpu]] = {}
    for position, gpu in enumerate(gpus):
        groups.setdefault(position if gpu.parent is not None else gpu.vendor, []).append(gpu)
    return list(groups.values())
