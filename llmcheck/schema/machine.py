"""The inventory of one machine: what was found, and why what was not found is missing.

Every size is in bytes. ``None`` means that a fact could not be found out (``Machine.problems`` says why, where there is
a reason to tell); an empty tuple means that it was looked for and there is none. A live machine, a saved file and a
cloud offer are all this same value.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import re
from collections.abc import Sequence

from msgspec import Struct, field

SCHEMA = "llmcheck.machine/1"

# What a driver's fault means for judging: broken is a fact about the machine, unasked is a gap in our knowledge.
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


class Problem(Struct, frozen=True, kw_only=True):
    """Something that kept a fact from being found out, or that is wrong with the machine itself."""

    probe: str
    """Which probe met it: ``gpu.nvidia``, ``disk``, ``software``, ..."""
    code: str
    """Stable, kebab-case; scripts may match on it."""
    message: str
    remedy: str | None = None
    """What mends it, as a sentence or a command; None where nothing is known to."""


class Identity(Struct, frozen=True, kw_only=True):
    """All that names this very machine or its user, in one place so that it can be emptied."""

    hostname: str | None = None
    gpu_uuids: tuple[str, ...] = ()
    """NVML's UUIDs, in the order of ``Machine.gpus``; empty strings stand for GPUs that did not tell."""


class Os(Struct, frozen=True, kw_only=True):
    system: str
    """``linux``, ``darwin`` or ``windows``."""
    architecture: str
    """As the kernel names it: ``x86_64``, ``aarch64``, ``arm64``, ``AMD64``."""
    distribution: str | None = None
    version: str | None = None
    """The kernel's release on Linux, the system's version elsewhere."""
    libc: str | None = None
    """``glibc 2.36`` or ``musl``; decides which wheels install."""
    container: str | None = None
    """``docker``, ``podman``, ``lxc``, ``kubernetes``, ... where signs of one were seen."""
    wsl: int | None = None
    """1 or 2 inside the Windows Subsystem for Linux."""
    notebook: str | None = None
    """``colab`` or ``kaggle``: the disk is lost at the end and torch is preinstalled."""


class NumaNode(Struct, frozen=True, kw_only=True):
    node: int
    memory_total: int | None = None
    cpus: str | None = None
    """The kernel's list form: ``0-31,64-95``."""
    gpus: tuple[str, ...] = ()
    """PCI bus ids of the GPUs that hang on it."""
    accelerator_memory: bool = False
    """A node without processors: the memory of a GPU (Grace, POWER9), which is not counted as RAM."""


class Rlimit(Struct, frozen=True, kw_only=True):
    """A resource limit of this process (``ulimit``)."""

    soft: int | None = None
    """Bytes or files; None is unlimited."""
    hard: int | None = None


class Limits(Struct, frozen=True, kw_only=True):
    """What else may stop a training run; each None where it could not be asked."""

    memlock: Rlimit | None = None
    """Bytes that may be locked; RDMA and pinned memory need much or unlimited."""
    nofile: Rlimit | None = None
    """Open files."""
    shm_size: int | None = None
    """Of /dev/shm; 64 MiB in a default container breaks data loaders and NCCL."""
    shm_free: int | None = None


class Cpu(Struct, frozen=True, kw_only=True):
    model: str | None = None
    cores: int | None = None
    """Physical cores of the whole machine."""
    threads: int | None = None
    """Logical processors of the whole machine."""
    threads_affinity: int | None = None
    """Logical processors that the scheduler lets this process run on (cpuset, taskset)."""
    quota: float | None = None
    """Processors' worth of time that the control group grants; None where it sets no limit."""
    quota_source: str | None = None
    flags: tuple[str, ...] | None = None
    """Of the instruction sets that matter here (AVX2, AVX-512, VNNI, AMX, BF16, NEON, SVE), those it has, in the
    kernel's words; None where they could not be read."""
    threads_usable: int | None = None
    """max(1, floor(min(affinity, quota))): how many threads are worth starting."""


class Ram(Struct, frozen=True, kw_only=True):
    total: int | None = None
    available: int | None = None
    """What can be had now without swapping, within the limit that applies."""
    limit: int | None = None
    """The lowest limit that applies to this process; None where there is none."""
    limit_source: str | None = None
    """Where the limit was read."""
    usable: int | None = None
    """min(total, limit), whatever is free just now."""
    swap_total: int | None = None
    swap_free: int | None = None
    huge_pages: int | None = None
    """Set aside for huge pages, which ordinary allocations cannot use."""
    numa: tuple[NumaNode, ...] = ()


class Disk(Struct, frozen=True, kw_only=True):
    role: str
    """``models`` (the Hugging Face cache), ``work`` (the working directory) or ``path`` (``--path``)."""
    path: str
    mount_point: str | None = None
    filesystem: str | None = None
    device: str | None = None
    kind: str = "unknown"
    """nvme | ssd | hdd | network | memory | unknown."""
    kind_source: str | None = None
    """What the kind was read from, or why it is unknown."""
    size: int | None = None
    free: int | None = None
    """What this user may still write (reserved blocks are not counted)."""
    read_only: bool | None = None
    read_bytes_per_second: float | None = None
    """Measured with the page cache bypassed, only on request (``--measure disk``)."""


class Pcie(Struct, frozen=True, kw_only=True):
    generation: int | None = None
    """Of the link now; cards lower it when idle."""
    width: int | None = None
    max_generation: int | None = None
    max_width: int | None = None


class Ecc(Struct, frozen=True, kw_only=True):
    """A card's error correction and what it has had to give up; each None where the card does not say."""

    mode: bool | None = None
    uncorrected_errors: int | None = None
    """Since the last driver load (volatile)."""
    remapped_rows: int | None = None
    """For uncorrectable errors."""
    remapping_pending: bool | None = None
    """Takes effect at the next reset."""
    remapping_failed: bool | None = None
    """No spare rows are left: the card is to be replaced."""
    retired_pages: int | None = None
    """Cards before Ampere: pages given up for double-bit errors."""


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
    """Kept by the driver and firmware, not allocatable."""
    compute_capability: str | None = None
    """NVIDIA's major.minor; None for other vendors."""
    visible: bool = True
    """Whether a process started now would see it."""
    usable: bool | None = True
    """False: present but broken (see ``fault``). None: could not be asked."""
    fault: str | None = None
    """The code of the Problem that makes it unusable or unknown."""
    integrated: bool = False
    """A display adapter or the graphics part of a CPU: listed, never counted as an accelerator."""
    unified: bool = False
    """Its memory is part of the machine's RAM and is never added to it."""
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
    """Those that hold its memory; None where it does not tell."""
    links: tuple[NvLink, ...] = ()
    ecc: Ecc | None = None
    power_limit_w: float | None = None
    temperature_c: int | None = None
    throttle_reasons: tuple[str, ...] | None = None
    """Why it runs below its clocks, in NVML's words; idling is none."""
    persistence_mode: bool | None = None
    compute_mode: str | None = None
    """``default``, ``exclusive-process`` or ``prohibited``."""
    virtualization: str | None = None
    """``passthrough``, ``vgpu`` (a share of a card), ``host-vgpu``, ``host-vsga``; None on bare metal or unknown."""
    numa_node: int | None = None
    spec: GpuSpec | None = None
    """What is published of this card; None for one that the table does not know."""


class Driver(Struct, frozen=True, kw_only=True):
    version: str | None = None
    cuda_version: str | None = None
    """The newest CUDA that this driver speaks, major.minor; NVIDIA only."""
    fault: str | None = None
    """The code of the Problem that keeps the driver from answering."""


class Accelerator(Struct, frozen=True, kw_only=True):
    """Hardware that runs models but is not a GPU: listed and named, never counted as one."""

    kind: str
    """``tpu``, ``neuron``."""
    name: str
    count: int


class FabricPort(Struct, frozen=True, kw_only=True):
    device: str
    port: int
    link_layer: str | None = None
    """``InfiniBand`` or ``Ethernet`` (RoCE)."""
    active: bool | None = None
    state: str | None = None
    """The kernel's words: ``ACTIVE``, ``INIT``, ``DOWN``, ..."""
    physical_state: str | None = None
    """``LinkUp``, ``Polling``, ``Disabled``, ..."""
    rate_gbps: float | None = None
    """Gigabits a second, as the kernel states it."""


class Nic(Struct, frozen=True, kw_only=True):
    name: str
    speed_mbps: int | None = None
    """Of the link now; None where it is down or virtual."""
    up: bool | None = None
    driver: str | None = None


class Fabric(Struct, frozen=True, kw_only=True):
    ports: tuple[FabricPort, ...] | None = None
    nics: tuple[Nic, ...] | None = None
    """Physical network interfaces."""
    efa: int | None = None
    """Elastic Fabric Adapters (AWS)."""
    gpudirect: bool | None = None
    """The kernel module that lets network cards reach GPU memory (nvidia_peermem, or dma-buf since CUDA 12) is loaded;
    None where that could not be told."""
    nvlink_matrix: tuple[tuple[int | None, ...], ...] | None = None
    """NVLinks between each pair of NVIDIA cards, in their order; through a switch, the fewer of the two cards' links.
    A pair is None where a card could not be asked; the whole is None without NVLink."""


class Python(Struct, frozen=True, kw_only=True):
    executable: str
    version: str | None = None
    implementation: str | None = None
    prefix: str | None = None
    environment: str | None = None
    """``venv``, ``conda`` or ``system``."""
    externally_managed: bool | None = None
    """The distribution forbids pip here (PEP 668)."""
    reason: str = ""
    """Why this interpreter is taken for the project's."""


class Package(Struct, frozen=True, kw_only=True):
    name: str
    """Normalised as PyPI does (lower case, hyphens)."""
    version: str


class Torch(Struct, frozen=True, kw_only=True):
    version: str | None = None
    build: str | None = None
    """``cpu``, ``cu132``, ``rocm7.2``, ...; None if its version file does not say."""


class Tool(Struct, frozen=True, kw_only=True):
    name: str
    path: str | None = None
    """None: looked for on PATH and not there."""
    version: str | None = None


class CudaToolkit(Struct, frozen=True, kw_only=True):
    path: str
    version: str | None = None


class DistributionIssue(Struct, frozen=True, kw_only=True):
    """Something odd about an installed distribution."""

    name: str
    kind: str
    """``no-metadata``, ``no-record``, ``half-removed``, ``duplicate``, ``editable``."""
    where: str


class Software(Struct, frozen=True, kw_only=True):
    python: Python | None = None
    packages: tuple[Package, ...] | None = None
    torch: Torch | None = None
    """The torch of that Python; None where none is installed (or packages is None)."""
    tools: tuple[Tool, ...] | None = None
    cuda_toolkits: tuple[CudaToolkit, ...] = ()
    """CUDA toolkits on disk."""
    cuda_home: str | None = None
    """What CUDA_HOME or CUDA_PATH names."""
    cudnn: str | None = None
    nccl: str | None = None
    issues: tuple[DistributionIssue, ...] = ()
    importable: tuple[str, ...] | None = None
    """Of the modules that were asked about, those that an import would find as files; None: none was asked about."""
    conda_and_pip: bool | None = None
    """Distributions of both installers lie in one conda environment."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """One address that was tried, because it was asked for."""

    name: str
    """``hub``, ``package-index``."""
    url: str
    """Without user name and password."""
    reachable: bool | None = None
    status: int | None = None
    """The HTTP status."""
    seconds: float | None = None
    """Until the first byte."""
    bytes_per_second: float | None = None
    """Measured over a short download; None where too little came to tell."""
    proxy: str | None = None
    """Through which it went, without credentials; None for none."""
    error: str | None = None


class Access(Struct, frozen=True, kw_only=True):
    endpoints: tuple[Endpoint, ...] | None = None
    """None: not asked for (``--probe-net``)."""
    offline: tuple[str, ...] = ()
    """Variables that put libraries into offline mode: ``HF_HUB_OFFLINE``, ..."""
    token: bool | None = None
    """Whether a token for gated models is there; its value is never read into this."""


class Source(Struct, frozen=True, kw_only=True):
    """Where a fact was read."""

    probe: str
    fact: str
    """Its path in this document: ``ram.limit``."""
    source: str
    seconds: float | None = None
    """How long its probe took in all."""


class Machine(Struct, frozen=True, kw_only=True):
    schema: str = SCHEMA
    llmcheck: str | None = None
    """The version of llmcheck that looked."""
    collected_at: str | None = None
    hypothetical: bool = field(default=False, name="stated")
    """Put in words, or offered for rent: its hardware alone is told, and its driver is whichever will be installed."""
    """UTC, ISO 8601."""
    identity: Identity = Identity()
    os: Os | None = None
    cpu: Cpu = Cpu()
    ram: Ram = Ram()
    disks: tuple[Disk, ...] | None = None
    gpus: tuple[Gpu, ...] | None = None
    drivers: dict[str, Driver] = {}
    """By vendor; a vendor without a driver is not in it."""
    accelerators: tuple[Accelerator, ...] = ()
    fabric: Fabric = Fabric()
    limits: Limits = Limits()
    software: Software = Software()
    access: Access = Access()
    sources: tuple[Source, ...] = ()
    """Where each fact was read; empty unless it was asked for (``--explain``)."""
    problems: tuple[Problem, ...] = ()


def counted_gpus(machine: Machine) -> tuple[Gpu, ...]:
    """The GPUs that a process could compute on: visible, not integrated, not broken, and no MIG parent.

    A GPU that could not be asked is among them, with its facts None. An inventory without any list gives ().
    """
    return tuple(
        gpu
        for gpu in machine.gpus or ()
        if gpu.visible and not gpu.integrated and gpu.usable is not False and not (gpu.mig_mode and gpu.parent is None)
    )


def capability_of(gpu: Gpu) -> tuple[int, int] | None:
    """The compute capability as numbers; None where the card did not tell, or a file says something else."""
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", gpu.compute_capability or "")
    return (int(match[1]), int(match[2])) if match else None


def joint_gpus(gpus: Sequence[Gpu]) -> list[list[Gpu]]:
    """The GPUs in groups that one job can use together: those of one vendor; a MIG instance only by itself."""
    groups: dict[object, list[Gpu]] = {}
    for position, gpu in enumerate(gpus):
        groups.setdefault(position if gpu.parent is not None else gpu.vendor, []).append(gpu)
    return list(groups.values())


def normalized_name(distribution: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
