"""The inventory of one machine: what was found, and why what was not found is missing.

Every size is in bytes. ``None`` means that a fact could not be found out (``Machine.problems`` says why, where there is
a reason to tell); an empty tuple means that it was looked for and there is none. A live machine, a saved file and a
cloud offer are all this same value.
"""

from __future__ import annotations

import re

from msgspec import Struct

SCHEMA = "llmcheck.machine/1"

# What a driver's fault means for judging: broken is a fact about the machine, unasked is a gap in our knowledge.
BROKEN_FAULTS = frozenset({"driver-not-loaded", "driver-mismatch", "gpu-lost", "gpu-reset-required"})


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
    threads_usable: int | None = None
    """max(1, floor(min(affinity, quota))): how many threads are worth starting."""


class Ram(Struct, frozen=True, kw_only=True):
    total: int | None = None
    available: int | None = None
    """What can be had now without swapping, before any limit."""
    limit: int | None = None
    """The lowest limit that applies to this process; None where there is none."""
    limit_source: str | None = None
    """Where the limit was read."""
    usable: int | None = None
    """min(total, limit), whatever is free just now."""


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


class Pcie(Struct, frozen=True, kw_only=True):
    generation: int | None = None
    """Of the link now; cards lower it when idle."""
    width: int | None = None
    max_generation: int | None = None
    max_width: int | None = None


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
    """For a MIG instance, the index of the card it is cut from."""


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
    rate_gbps: float | None = None
    """Gigabits a second, as the kernel states it."""


class Fabric(Struct, frozen=True, kw_only=True):
    ports: tuple[FabricPort, ...] | None = None


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


class Software(Struct, frozen=True, kw_only=True):
    python: Python | None = None
    packages: tuple[Package, ...] | None = None
    torch: Torch | None = None
    """The torch of that Python; None where none is installed (or packages is None)."""
    tools: tuple[Tool, ...] | None = None


class Machine(Struct, frozen=True, kw_only=True):
    schema: str = SCHEMA
    llmcheck: str | None = None
    """The version of llmcheck that looked."""
    collected_at: str | None = None
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
    software: Software = Software()
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


def normalized_name(distribution: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
