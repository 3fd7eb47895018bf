"""The inventory of one machine: what was found, and why what was not found is missing.

Every size is in bytes. ``None`` means that a fact could not be read (``Machine.problems`` says why, where the reason is
known); an empty tuple means that it was looked for and there is none. A live machine, a saved file and a cloud offer
are all this same value. GPUs, networks and software have modules of their own, and can be imported from here too.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from msgspec import Struct, field

from llmcheck.schema.access import Access, Endpoint
from llmcheck.schema.fabric import Fabric, FabricPort, Nic
from llmcheck.schema.gpu import (
    BROKEN_FAULTS,
    Clocks,
    Driver,
    Ecc,
    Gpu,
    GpuProcess,
    GpuSpec,
    NvLink,
    Pcie,
    capability_of,
    joint_gpus,
)
from llmcheck.schema.model_cache import CachedModel, ModelCache
from llmcheck.schema.software import (
    CudaToolkit,
    DistributionIssue,
    Package,
    Python,
    Software,
    Tool,
    Torch,
    normalized_name,
    version_numbers,
)

__all__ = [
    "BROKEN_FAULTS",
    "SCHEMA",
    "Accelerator",
    "Access",
    "CachedModel",
    "Clocks",
    "Cpu",
    "CudaToolkit",
    "Disk",
    "DistributionIssue",
    "Driver",
    "Ecc",
    "Endpoint",
    "Fabric",
    "FabricPort",
    "Gpu",
    "GpuProcess",
    "GpuSpec",
    "Identity",
    "Limits",
    "Machine",
    "ModelCache",
    "Nic",
    "NumaNode",
    "NvLink",
    "NvmeDrive",
    "Os",
    "Package",
    "Pcie",
    "Problem",
    "Python",
    "Ram",
    "Rlimit",
    "Software",
    "Source",
    "Tool",
    "Torch",
    "capability_of",
    "counted_gpus",
    "joint_gpus",
    "normalized_name",
    "version_numbers",
]

SCHEMA = "llmcheck.machine/1"


class Problem(Struct, frozen=True, kw_only=True):
    """Why a fact could not be read, or what is wrong with the machine itself."""

    probe: str
    """Which probe found it: ``gpu.nvidia``, ``disk``, ``software``, ..."""
    code: str
    """Stable, kebab-case; scripts may match on it."""
    message: str
    """What is wrong, in one sentence."""
    remedy: str | None = None
    """What repairs it, as a sentence or a command; None if unknown."""
    package: str | None = None
    """Normalised name of the installed package that it is about; None where it is about none."""
    breaks_package: bool = False
    """That package does not work because of it."""
    also_breaks: tuple[str, ...] = ()
    """Installed packages that import that package, and so do not work either."""


class Identity(Struct, frozen=True, kw_only=True):
    """What identifies this machine or its user, in one place so that it can be emptied."""

    hostname: str | None = None
    """None where it could not be read or was redacted."""
    gpu_uuids: tuple[str, ...] = ()
    """NVML's UUIDs, in the order of ``Machine.gpus``; an empty string where a GPU reports none."""


class Os(Struct, frozen=True, kw_only=True):
    """The operating system and what it runs in."""

    system: str
    """``linux``, ``darwin`` or ``windows``."""
    architecture: str
    """As the kernel names it: ``x86_64``, ``aarch64``, ``arm64``, ``AMD64``."""
    distribution: str | None = None
    """Name and release, such as ``Ubuntu 24.04``; None where it could not be read."""
    version: str | None = None
    """The kernel's release on Linux, the system's version elsewhere."""
    libc: str | None = None
    """``glibc 2.36`` or ``musl``; decides which wheels install."""
    container: str | None = None
    """``docker``, ``podman``, ``lxc``, ``kubernetes``, ... where its traces were found."""
    wsl: int | None = None
    """1 or 2 inside the Windows Subsystem for Linux."""
    notebook: str | None = None
    """``colab`` or ``kaggle``: the disk is lost at the end and torch is preinstalled."""


class NumaNode(Struct, frozen=True, kw_only=True):
    """One NUMA node; sizes in bytes."""

    node: int
    """Its number in the kernel."""
    memory_total: int | None = None
    """None where it could not be read."""
    cpus: str | None = None
    """The kernel's list form: ``0-31,64-95``."""
    gpus: tuple[str, ...] = ()
    """PCI bus ids of the GPUs that are attached to it."""
    accelerator_memory: bool = False
    """A node without processors: the memory of a GPU (Grace, POWER9), which is not counted as RAM."""


class Rlimit(Struct, frozen=True, kw_only=True):
    """A resource limit of this process (``ulimit``)."""

    soft: int | None = None
    """Bytes or files; None is unlimited."""
    hard: int | None = None
    """The highest value of ``soft`` without privileges; None is unlimited."""


class Limits(Struct, frozen=True, kw_only=True):
    """Further limits that may stop a training run; each None where it could not be read."""

    memlock: Rlimit | None = None
    """Bytes that may be locked; RDMA and pinned memory need a large or no limit."""
    nofile: Rlimit | None = None
    """Open files."""
    shm_size: int | None = None
    """Of /dev/shm; 64 MiB in a default container breaks data loaders and NCCL."""
    shm_free: int | None = None
    """Free bytes of /dev/shm."""


class Cpu(Struct, frozen=True, kw_only=True):
    """The processors, and how many of them this process may use."""

    model: str | None = None
    """Name of the processor; None where it could not be read."""
    sockets: int | None = None
    """Processor packages of the machine; None where it could not be read."""
    cores: int | None = None
    """Physical cores of the machine; None where it could not be read."""
    threads: int | None = None
    """Logical processors of the machine; None where it could not be read."""
    threads_affinity: int | None = None
    """Logical processors that the scheduler lets this process run on (cpuset, taskset)."""
    quota: float | None = None
    """Processors' worth of time that the control group grants; None where it sets no limit."""
    quota_source: str | None = None
    """Where the quota was read; None without one."""
    flags: tuple[str, ...] | None = None
    """Those of AVX2, AVX-512, VNNI, AMX, BF16, NEON and SVE that it has, as the kernel spells them; None where they
    could not be read."""
    threads_usable: int | None = None
    """max(1, floor(min(affinity, quota))): how many threads can run at once."""


class Ram(Struct, frozen=True, kw_only=True):
    """Memory of the machine in bytes, and how much of it this process may use."""

    total: int | None = None
    """None where it could not be read."""
    available: int | None = None
    """What can be allocated now without swapping, within the limit that applies."""
    limit: int | None = None
    """The lowest limit that applies to this process; None where there is none."""
    limit_source: str | None = None
    """Where the limit was read."""
    limit_by: str | None = None
    """``cgroup`` or ``slurm``; None where there is no limit."""
    limit_file: str | None = None
    """The control group's file with the limit; None for a limit of Slurm."""
    limit_soft: bool | None = None
    """Beyond this limit (memory.high, systemd's MemoryHigh) a process is slowed down, not ended. None without one."""
    usable: int | None = None
    """min(total - huge_pages, limit), however much of it is free now."""
    swap_total: int | None = None
    """None where it could not be read."""
    swap_free: int | None = None
    """None where it could not be read."""
    huge_pages: int | None = None
    """Reserved for huge pages, which ordinary allocations cannot use."""
    zfs_cache: int | None = None
    """Of ZFS's cache (ARC), the bytes that give way to processes; part of ``available``. None without ZFS."""
    numa: tuple[NumaNode, ...] = ()
    """Its NUMA nodes; () where there is one, or they could not be read."""


class Disk(Struct, frozen=True, kw_only=True):
    """The file system of one folder; sizes in bytes."""

    role: str
    """``models`` (the Hugging Face cache), ``work`` (the working directory), ``path`` (``--path``), ``temporary``
    (where pip unpacks and builds; on a file system of its own, or named) or ``xet`` (HF_XET_CACHE, where it is set)."""
    path: str
    """The folder."""
    chosen_by: str | None = None
    """The variable that names the folder, before all others that could; None where none does."""
    mount_point: str | None = None
    """Where its file system is mounted; None where it could not be read."""
    filesystem: str | None = None
    """Type of the file system, such as ``ext4``; None where it could not be read."""
    device: str | None = None
    """Device or server of the file system; None where it could not be read."""
    kind: str = "unknown"
    """nvme | ssd | hdd | network | memory | unknown."""
    kind_source: str | None = None
    """What the kind was read from, or why it is unknown."""
    size: int | None = None
    """None where it could not be read."""
    free: int | None = None
    """What this user may still write (reserved blocks are not counted)."""
    read_only: bool | None = None
    """None where it could not be read."""
    writable: bool | None = None
    """This user may make files in the folder; where it does not exist yet, in the nearest one that does."""
    inodes_free: int | None = None
    """Files that may still be made; None where the file system does not count them, or it could not be read."""
    read_bytes_per_second: float | None = None
    """Measured with the page cache bypassed, only on request (``--measure disk``)."""


class NvmeDrive(Struct, frozen=True, kw_only=True):
    """One NVMe namespace that the kernel has as a disk, in use or not."""

    name: str
    """Name of the device, such as ``nvme0n1``."""
    kind: str = "unknown"
    """``nvme``; ``network`` for a cloud's network disk and for NVMe over a network; ``unknown`` where a hypervisor
    hides what it is."""
    model: str | None = None
    """None where it could not be read."""
    size: int | None = None
    """Bytes; None where it could not be read."""


class Accelerator(Struct, frozen=True, kw_only=True):
    """Hardware that runs models but is not a GPU; never counted as one."""

    kind: str
    """``tpu``, ``neuron``."""
    name: str
    """Name of the device."""
    count: int
    """Number of devices."""


class Source(Struct, frozen=True, kw_only=True):
    """Where a fact was read."""

    probe: str
    """Which probe read it."""
    fact: str
    """Its path in this document: ``ram.limit``."""
    source: str
    """A file, a program or a library call."""
    seconds: float | None = None
    """How long its probe took in total."""


class Machine(Struct, frozen=True, kw_only=True):
    """The inventory of one machine: real, saved, described in words, or offered for rent."""

    schema: str = SCHEMA
    """Format of this document and its version."""
    llmcheck: str | None = None
    """The version of llmcheck that collected it."""
    collected_at: str | None = None
    """UTC, ISO 8601."""
    hypothetical: bool = field(default=False, name="stated")
    """Described in words (``--machine``) or offered for rent: only its hardware is known, and the driver that it needs
    is assumed to be installed. ``stated`` in JSON."""
    identity: Identity = Identity()
    """What ``--redact`` empties."""
    os: Os | None = None
    """None where it is not known."""
    cpu: Cpu = Cpu()
    """The processors."""
    ram: Ram = Ram()
    """The memory."""
    disks: tuple[Disk, ...] | None = None
    """None where they could not be read."""
    nvme_drives: tuple[NvmeDrive, ...] | None = None
    """Mounted or not; None where the kernel's disks could not be listed."""
    model_caches: tuple[ModelCache, ...] | None = None
    """Models that were downloaded before; None where they were not looked for. ``--redact`` empties it."""
    gpus: tuple[Gpu, ...] | None = None
    """None where they could not be listed; () where there is none."""
    drivers: dict[str, Driver] = {}
    """By ``Gpu.vendor``; a vendor without a driver has no entry."""
    accelerators: tuple[Accelerator, ...] = ()
    """Hardware that is not a GPU: TPUs, Neuron devices."""
    fabric: Fabric = Fabric()
    """Network adapters and NVLink."""
    limits: Limits = Limits()
    """Resource limits of this process."""
    software: Software = Software()
    """Python, packages and tools."""
    access: Access = Access()
    """What is reachable on the network."""
    sources: tuple[Source, ...] = ()
    """Where each fact was read; empty without ``--explain``."""
    problems: tuple[Problem, ...] = ()
    """Why facts are missing, and faults of the machine."""


def counted_gpus(machine: Machine) -> tuple[Gpu, ...]:
    """The GPUs that a process could compute on: visible, not integrated, not broken, and no MIG parent.

    A GPU that could not be read is among them, with its facts None. () where the GPUs could not be listed.
    """
    return tuple(
        gpu
        for gpu in machine.gpus or ()
        if gpu.visible and not gpu.integrated and gpu.usable is not False and not (gpu.mig_mode and gpu.parent is None)
    )
