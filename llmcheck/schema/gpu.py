"""GPUs and their drivers in the inventory of a machine. Sizes are in bytes; None is a fact that could not be read."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import re
from collections.abc import Sequence

from msgspec import Struct

# Faults that say that the machine is broken; any other leaves open whether it is.
BROKEN_FAULTS = frozenset(
    {
        "compute-prohibited",
        "container-without-compute",
        "cuda-library-mismatch",
        "cuda-library-missing",
        "cuda-library-stub",
        "driver-not-loaded",
        "driver-missing",
        "driver-mismatch",
        "fabric-not-ready",
        "gpu-lost",
        "gpu-reset-required",
        "kernel-module-missing",
        "kernel-module-unsigned",
        "mig-without-instances",
        "no-device-nodes",
        "no-devices",
        "no-gpu-access",
        "nouveau",
        "uvm-missing",
        "vgpu-unlicensed",
    }
)

NOT_LISTABLE = "gpus-not-listable"
"""The code of the Problem of a machine whose GPUs cannot be listed; left out where a driver listed one."""

NOT_LISTED = "not-listed-by-driver"
"""The code of the Problem of cards that are on the PCI bus and that their driver does not list."""

IMPLAUSIBLE, CONTRADICTORY, DUPLICATE = "implausible", "contradictory", "duplicate"
"""Codes of the Problems of facts that cannot be true (``schema.plausible``). The first two are also the fault of a GPU
whose memory is unknown for that reason, even where it shares RAM of a known size."""
DOUBTFUL = (IMPLAUSIBLE, CONTRADICTORY, DUPLICATE)
"""All of them."""


HIDDEN, HIDDEN_BY_MISTAKE, PARTLY_HIDDEN = "visible-devices-none", "visible-devices-wrong", "visible-devices-cut"
"""Codes of the Problems of a variable that selects GPUs: it hides all, as it says; all, as an entry of it is wrong; or
some, as an entry of it is wrong."""
CARVE_OUT = "carve-out"
"""``Gpu.memory_pool`` of memory that is no part of the RAM."""

NVLINK_VENDOR = "nvidia"
"""The one maker of cards with NVLink, whose cards ``Fabric.nvlink_matrix`` has."""


class Pcie(Struct, frozen=True, kw_only=True):
    """The PCIe link of a GPU; each None where it could not be read."""

    generation: int | None = None
    """Of the link now; cards lower it when idle."""
    width: int | None = None
    """Lanes of the link now."""
    max_generation: int | None = None
    """The highest generation that GPU and slot support."""
    max_width: int | None = None
    """The most lanes that GPU and slot support."""
    card_width: int | None = None
    """The most lanes that the card supports, in whatever slot."""


class Ecc(Struct, frozen=True, kw_only=True):
    """A card's error correction and the memory it retired; each None where the card does not report it."""

    mode: bool | None = None
    """ECC is switched on."""
    uncorrected_errors: int | None = None
    """Since the last driver load (volatile)."""
    sram_corrected_volatile: int | None = None
    """Corrected errors of the caches and registers since the last driver load."""
    sram_uncorrected_volatile: int | None = None
    """Errors of the same that could not be corrected."""
    dram_corrected_volatile: int | None = None
    """Corrected errors of the device memory since the last driver load."""
    dram_uncorrected_volatile: int | None = None
    """Errors of the same that could not be corrected."""
    sram_corrected_aggregate: int | None = None
    """Corrected errors of the caches and registers since the card was made."""
    sram_uncorrected_aggregate: int | None = None
    """Errors of the same that could not be corrected."""
    dram_corrected_aggregate: int | None = None
    """Corrected errors of the device memory since the card was made."""
    dram_uncorrected_aggregate: int | None = None
    """Errors of the same that could not be corrected."""
    remapped_rows: int | None = None
    """For uncorrectable errors."""
    remapped_rows_corrected: int | None = None
    """For errors that could be corrected."""
    remapping_pending: bool | None = None
    """Takes effect at the next reset."""
    remapping_failed: bool | None = None
    """No spare rows are left: the card has to be replaced."""
    retired_pages: int | None = None
    """Cards before Ampere: pages retired for double-bit errors."""


class Clocks(Struct, frozen=True, kw_only=True):
    """Clocks of a GPU in MHz; each None where the card does not report it."""

    graphics_application_mhz: int | None = None
    """What programs are given where neither power nor heat is short (application clock)."""
    graphics_max_mhz: int | None = None
    """The highest that the card supports."""
    memory_application_mhz: int | None = None
    """The same of its memory."""
    memory_max_mhz: int | None = None
    """The highest of its memory."""


class GpuProcess(Struct, frozen=True, kw_only=True):
    """A process that uses the memory of a GPU."""

    pid: int
    """Process id on the host or in the container."""
    memory: int | None = None
    """None where the driver does not attribute it (WDDM, other containers)."""


class NvLink(Struct, frozen=True, kw_only=True):
    """One NVLink of a GPU."""

    link: int
    """Number of the link on this GPU."""
    active: bool
    """The link is up."""
    peer: str | None = None
    """``switch``, or the PCI bus id of the GPU at the other end; None if unknown."""


class GpuSpec(Struct, frozen=True, kw_only=True):
    """What is published of a card; decimal units as vendors use them, dense rates, each None where unpublished."""

    name: str
    """Name of the GPU in the table."""
    memory_gb: float | None = None
    """Advertised."""
    bandwidth_gb_s: float | None = None
    """Memory bandwidth in GB/s."""
    bf16_tflops: float | None = None
    """Dense rate in bf16, in 10^12 FLOP/s."""
    fp16_tflops: float | None = None
    """Dense rate in fp16, in 10^12 FLOP/s."""
    fp8_tflops: float | None = None
    """Dense rate in fp8, in 10^12 FLOP/s."""
    nvlink_gb_s: float | None = None
    """Both directions together."""
    tdp_w: float | None = None
    """Power limit by default, in watts."""
    mig_profiles: tuple[str, ...] = ()
    """Names of its MIG profiles; () where it has none."""
    release_year: int | None = None
    """Year of release."""
    source: str
    """Where the figures were published."""


class Gpu(Struct, frozen=True, kw_only=True):
    """A GPU, or a part of one that is a device by itself."""

    vendor: str
    """Id of the vendor: ``nvidia``, ``amd``, ``intel``, ..."""
    index: int | None = None
    """The driver's own index, which need not be CUDA's; None for a card that only PCI knows of."""
    name: str | None = None
    """The driver's name for it; None where it could not be read."""
    memory_total: int | None = None
    """Bytes; None where it could not be read, or is shared with the machine."""
    memory_used: int | None = None
    """Bytes in use by all processes; None where it could not be read."""
    memory_free: int | None = None
    """Bytes that can be allocated now; None where it could not be read."""
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
    """It is part of the processor and shares memory with it; see ``gpus.unified_memory``."""
    memory_pool: str | None = None
    """Where the memory of a unified GPU comes from: ``carve-out`` (set aside by the firmware and not part of the RAM),
    ``gtt`` (RAM that AMD's driver may map), ``wired-limit`` (RAM that macOS lets the GPU keep), ``driver-limit`` (RAM,
    by an estimate of what its driver offers). None: any of the RAM, or not known."""
    pci_bus_id: str | None = None
    """``0000:01:00.0``; None where it is not on PCI or could not be read."""
    pcie: Pcie | None = None
    """None where it is not on PCI."""
    nvlinks: int | None = None
    """NVLink connections that are up, of those in ``links``; 0 where the card has none."""
    bar1_total: int | None = None
    """Bytes of the window through which processor and other cards reach its memory (BAR1); with Resizable BAR as large
    as the memory, without it often 256 MiB. None where it could not be read."""
    fabric_state: str | None = None
    """Of a card on an NVSwitch fabric: ``not-started``, ``in-progress``, ``completed``, or ``failed`` (registered with
    an error). CUDA starts only when it is completed. None for a card without such a fabric, or where it could not be
    read (before Hopper)."""
    licensed: bool | None = None
    """For a vGPU, whether it has its licence; None for others, or where it could not be read."""
    mig_mode: bool | None = None
    """It is divided into MIG instances and is no device itself; None where it could not be read."""
    parent: int | None = None
    """For a MIG instance, the index of its GPU; for an AMD partition, of the card's first partition.
    Parts are never added up, and a GPU that is divided into MIG instances is not counted. None for an undivided GPU."""
    gfx: str | None = None
    """AMD's target: ``gfx942``; None for other vendors, or where it could not be read."""
    partition: str | None = None
    """AMD's compute and memory partition mode: ``CPX/NPS4``."""
    processes: tuple[GpuProcess, ...] | None = None
    """Those that use its memory; None where the driver does not list them."""
    links: tuple[NvLink, ...] = ()
    """Its NVLinks; () where it has none or they could not be read."""
    ecc: Ecc | None = None
    """None where the card has no ECC or it could not be read."""
    power_limit_w: float | None = None
    """Watts; None where it could not be read."""
    temperature_c: int | None = None
    """Degrees Celsius; None where it could not be read."""
    throttle_reasons: tuple[str, ...] | None = None
    """Why it runs below its clocks, as NVML names it; idling is not among them."""
    clocks: Clocks | None = None
    """None where it could not be read."""
    recovery_action: str | None = None
    """What its driver wants done for it to work again: ``none``, ``reset``, ``reboot``, ``drain-p2p`` (let no job with
    copies between GPUs start) or ``drain-and-reset``. None where the driver does not say (before 570), or for a vendor
    other than NVIDIA."""
    vbios: str | None = None
    """The version of its firmware; None where it could not be read."""
    idle: bool | None = None
    """It had nothing to do when it was read; None where it could not be read."""
    persistence_mode: bool | None = None
    """The driver stays loaded without a client; None where it could not be read."""
    compute_mode: str | None = None
    """``default``, ``exclusive-process`` or ``prohibited``."""
    virtualization: str | None = None
    """``passthrough``, ``vgpu`` (a part of a card), ``host-vgpu``, ``host-vsga``; None on bare metal or unknown."""
    xids: tuple[int, ...] | None = None
    """NVIDIA's error numbers (Xid) for this card in the kernel's log, each once, since the kernel started; None where
    the log may not be read, or was not asked for."""
    numa_node: int | None = None
    """The NUMA node that it is attached to; None where it could not be read, or there is one node."""
    spec: GpuSpec | None = None
    """What is published of this card; None for one that the table does not know."""


class Driver(Struct, frozen=True, kw_only=True):
    """One vendor's driver."""

    version: str | None = None
    """As the driver reports it; None where it could not be read."""
    cuda_version: str | None = None
    """The newest CUDA that this driver supports, major.minor; NVIDIA only."""
    fault: str | None = None
    """The code of the Problem that keeps the driver from answering, or programs from starting on its cards."""
    library: str | None = None
    """The driver's library that programs load (NVIDIA: libcuda.so.1), as the loader finds it; None where it was not
    found or not looked for."""
    library_version: str | None = None
    """The version in that library's file name; None where it has none."""
    kernel_module: str | None = None
    """NVIDIA: ``open`` or ``proprietary``; None where it could not be read."""
    fabric_manager: bool | None = None
    """NVIDIA: the fabric manager runs; None without NVSwitch, and where the processes of the host cannot be seen."""


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
