"""The machines that lie beside the node profiles and the examples, built from what is published of such nodes.

``python -m tests.node_machines`` writes them; a test compares. Each profile has machines that it finds ready, and
others with the ids of the required lines that fail on them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from llmcheck.schema.machine import (
    Clocks,
    Cpu,
    Disk,
    Driver,
    Ecc,
    Fabric,
    FabricPort,
    Gpu,
    GpuProcess,
    Limits,
    Machine,
    Nic,
    NumaNode,
    NvLink,
    NvmeDrive,
    Os,
    Package,
    Pcie,
    Problem,
    Python,
    Ram,
    Rlimit,
    Software,
    Tool,
    Torch,
)

ROOT = Path(__file__).resolve().parents[1]
NODES = ROOT / "profiles" / "nodes"
EXAMPLES = ROOT / "docs" / "examples"
GB, GIB, MIB, KIB = 10**9, 2**30, 2**20, 2**10
COLLECTED = "2026-11-27T12:00:00+00:00"

HEALTHY = Ecc(
    mode=True,
    uncorrected_errors=0,
    sram_corrected_volatile=0,
    sram_uncorrected_volatile=0,
    dram_corrected_volatile=0,
    dram_uncorrected_volatile=0,
    sram_corrected_aggregate=0,
    sram_uncorrected_aggregate=0,
    dram_corrected_aggregate=3,
    dram_uncorrected_aggregate=0,
    remapped_rows=0,
    remapped_rows_corrected=0,
    remapping_pending=False,
    remapping_failed=False,
)
WORN = Ecc(
    mode=True,
    uncorrected_errors=2,
    sram_corrected_volatile=10_001,
    sram_uncorrected_volatile=1,
    dram_corrected_volatile=20_000_001,
    dram_uncorrected_volatile=1,
    sram_corrected_aggregate=10_001,
    sram_uncorrected_aggregate=1,
    dram_corrected_aggregate=20_000_001,
    dram_uncorrected_aggregate=1,
    remapped_rows=512,
    remapped_rows_corrected=0,
    remapping_pending=True,
    remapping_failed=True,
)
GPU_HEALTH = (
    *("recovery-action", "xid", "remap-pending", "remap-failed", "remapped-rows", "sram-uncorrected"),
    *("sram-corrected", "dram-uncorrected", "dram-corrected", "nvlink-down", "pcie-width"),
)
"""The required lines of ``node-nvidia-health`` that fail on a worn card."""


class Case(Struct, frozen=True):
    """A machine that is kept beside a profile."""

    profile: str
    name: str
    """Of its file, without its ending; begins with ``passing`` or ``failing``."""
    machine: Machine
    fails: tuple[str, ...] = ()
    """Ids of the required lines that fail."""


# --- parts of machines ---


def hopper(bus_id: str, index: int, node: int | None, **changes: Any) -> Gpu:
    """A healthy H100 of an eight-card node."""
    return replace(
        Gpu(
            vendor="nvidia",
            index=index,
            name="NVIDIA H100 80GB HBM3",
            memory_total=81_559 * MIB,
            memory_used=0,
            memory_free=81_105 * MIB,
            memory_reserved=454 * MIB,
            compute_capability="9.0",
            pci_bus_id=bus_id,
            pcie=Pcie(generation=5, width=16, max_generation=5, max_width=16),
            nvlinks=18,
            links=tuple(NvLink(link=link, active=True) for link in range(18)),
            fabric_state="completed",
            mig_mode=False,
            processes=(),
            ecc=HEALTHY,
            power_limit_w=700.0,
            temperature_c=31,
            throttle_reasons=(),
            clocks=Clocks(
                graphics_application_mhz=1980,
                graphics_max_mhz=1980,
                memory_application_mhz=2619,
                memory_max_mhz=2619,
            ),
            recovery_action="none",
            vbios="96.00.89.00.01",
            idle=True,
            persistence_mode=True,
            compute_mode="default",
            xids=(),
            numa_node=node,
        ),
        **changes,
    )


def ampere(bus_id: str, index: int, node: int | None) -> Gpu:
    """A healthy A100 40GB of an eight-card node."""
    return hopper(
        bus_id,
        index,
        node,
        name="NVIDIA A100-SXM4-40GB",
        memory_total=40_960 * MIB,
        memory_free=40_333 * MIB,
        memory_reserved=627 * MIB,
        compute_capability="8.0",
        pcie=Pcie(generation=4, width=16, max_generation=4, max_width=16),
        nvlinks=12,
        links=tuple(NvLink(link=link, active=True) for link in range(12)),
        fabric_state=None,
        power_limit_w=400.0,
        clocks=Clocks(
            graphics_application_mhz=1095,
            graphics_max_mhz=1410,
            memory_application_mhz=1215,
            memory_max_mhz=1215,
        ),
        vbios="92.00.45.00.05",
    )


def worn(gpu: Gpu) -> Gpu:
    """A card that every check of its health complains about, and that still computes."""
    links = tuple(replace(link, active=link.link != 3) for link in gpu.links)
    return replace(
        gpu,
        ecc=WORN,
        xids=(64, 79),
        recovery_action="reset",
        links=links,
        nvlinks=len(links) - 1,
        pcie=replace(gpu.pcie or Pcie(), width=4),
        throttle_reasons=("hw-thermal-slowdown",),
        persistence_mode=False,
        vbios="96.00.61.00.01",
    )


def unanswered(machine: Machine, code: str = "driver-not-loaded") -> Machine:
    """The same machine with a driver that does not answer: its cards are known from the PCI bus alone."""
    vendor = (machine.gpus or ())[0].vendor
    cards = tuple(
        Gpu(vendor=gpu.vendor, name=gpu.name, usable=False, fault=code, pci_bus_id=gpu.pci_bus_id)
        for gpu in machine.gpus or ()
    )
    problem = Problem(probe=f"gpu.{vendor}", code=code, message="the driver's kernel module is not loaded")
    return replace(machine, gpus=cards, drivers={vendor: Driver(fault=code)}, problems=(problem,))


def changed(machine: Machine, *cards: int, to: Callable[[Gpu], Gpu]) -> Machine:
    """The same machine with some of its cards changed."""
    gpus = machine.gpus or ()
    return replace(machine, gpus=tuple(to(gpu) if number in cards else gpu for number, gpu in enumerate(gpus)))


def lost(gpu: Gpu) -> Gpu:
    """A card that fell off the bus: its name is all that it still says."""
    return Gpu(vendor=gpu.vendor, index=gpu.index, name=gpu.name, usable=False, fault="gpu-lost")


def ports(rate: float, slots: Sequence[tuple[str, int]], names: str = "mlx5_ib{}") -> tuple[FabricPort, ...]:
    return tuple(
        FabricPort(
            device=names.format(number),
            port=1,
            link_layer="InfiniBand",
            active=True,
            state="ACTIVE",
            physical_state="LinkUp",
            rate_gbps=rate,
            link_downed=0,
            pci_bus_id=bus_id,
            numa_node=node,
        )
        for number, (bus_id, node) in enumerate(slots)
    )


def nic(name: str, driver: str, speed: int | None = None) -> Nic:
    return Nic(name=name, speed_mbps=speed, up=True, driver=driver, carrier_changes=2)


def drives(count: int, size: int, model: str, first: int = 0) -> tuple[NvmeDrive, ...]:
    return tuple(
        NvmeDrive(name=f"nvme{number}n1", kind="nvme", model=model, size=size) for number in range(first, first + count)
    )


def disk(free: int, size: int, kind: str = "nvme", role: str = "models") -> Disk:
    return Disk(
        role=role, path="/data", mount_point="/data", filesystem="ext4", device="/dev/md0", kind=kind, size=size,
        free=free, read_only=False, writable=True,
    )  # fmt: skip


def limits(memlock: int | None = None, shm: int = 64 * GIB, nofile: int = 1_048_576) -> Limits:
    return Limits(
        memlock=Rlimit(soft=memlock, hard=memlock),
        nofile=Rlimit(soft=nofile, hard=1_048_576),
        shm_size=shm,
        shm_free=shm,
    )


def memory(total: int, numa: Sequence[str] = ()) -> Ram:
    return Ram(
        total=total,
        available=total * 9 // 10,
        usable=total,
        swap_total=0,
        swap_free=0,
        huge_pages=0,
        numa=tuple(
            NumaNode(node=number, memory_total=total // len(numa), cpus=cpus) for number, cpus in enumerate(numa)
        ),
    )


def cpu(model: str, sockets: int, cores: int, threads: int) -> Cpu:
    return Cpu(
        model=model,
        sockets=sockets,
        cores=cores,
        threads=threads,
        threads_affinity=threads,
        threads_usable=threads,
    )


UBUNTU = Os(
    system="linux", architecture="x86_64", distribution="Ubuntu 22.04.5 LTS", version="5.15.0-1089", libc="glibc 2.35"
)
SOFTWARE = Software(
    python=Python(executable="/usr/bin/python3", version="3.12.3"),
    packages=(),
    tools=(Tool(name="git", path="/usr/bin/git", version="2.43.0"),),
)


def machine(**facts: Any) -> Machine:
    return Machine(
        **{"collected_at": COLLECTED, "os": UBUNTU, "software": SOFTWARE, "disks": (disk(10**12, 2 * 10**12),), **facts}
    )


# --- nodes ---

_IB = ("lo", "eth0", *(f"ib{number}" for number in range(8)), "docker0")


def azure_h100() -> Machine:
    """Slots of Azure/azhpc-images, topology/ndv5-topo.xml."""
    buses = ("0001", "0002", "0003", "0008", "0009", "000A", "000B", "000C")
    return machine(
        cpu=cpu("Intel(R) Xeon(R) Platinum 8480C", 2, 96, 96),
        ram=memory(1_915_071 * MIB, ("0-47", "48-95")),
        gpus=tuple(hopper(f"0000{bus}:00:00.0", number, number // 4) for number, bus in enumerate(buses)),
        drivers={"nvidia": Driver(version="580.126.16", cuda_version="13.0", kernel_module="open")},
        fabric=Fabric(
            ports=ports(400, [(f"010{number + 1}:00:00.0", number // 4) for number in range(8)]),
            nics=(nic("eth0", "hv_netvsc", 100_000), *(nic(f"ib{number}", "mlx5_core") for number in range(8))),
            interfaces=_IB,
            efa=0,
            gpudirect=True,
        ),
        limits=limits(),
        nvme_drives=drives(8, 3_840_755_982_336, "MSFT NVMe Direct Disk"),
    )


def azure_a100() -> Machine:
    """Slots of Azure/azhpc-images, topology/ndv4-topo.xml."""
    cards = (("0001", 1), ("0002", 1), ("0003", 0), ("0004", 0), ("000B", 3), ("000C", 3), ("000D", 2), ("000E", 2))
    nodes = (1, 1, 0, 0, 3, 3, 2, 2)
    return machine(
        cpu=cpu("AMD EPYC 7V12 64-Core Processor", 2, 96, 96),
        ram=memory(928_858_388 * KIB, ("0-23", "24-47", "48-71", "72-95")),
        gpus=tuple(ampere(f"0000{bus}:00:00.0", number, node) for number, (bus, node) in enumerate(cards)),
        drivers={"nvidia": Driver(version="580.126.16", cuda_version="13.0", fabric_manager=True)},
        fabric=Fabric(
            ports=ports(200, [(f"010{number + 1}:00:00.0", node) for number, node in enumerate(nodes)]),
            nics=(nic("eth0", "hv_netvsc", 50_000), *(nic(f"ib{number}", "mlx5_core") for number in range(8))),
            interfaces=_IB,
            efa=0,
            gpudirect=True,
        ),
        limits=limits(),
        nvme_drives=drives(1, 960 * GB, "MSFT NVMe Direct Disk"),
    )


def cloud_node(
    make: Callable[[str, int, int | None], Gpu],
    processor: Cpu,
    ram: int,
    network: Fabric,
    nvme: tuple[NvmeDrive, ...],
    driver: str = "580.95.05",
) -> Machine:
    gpus = tuple(
        make(f"00000000:{16 + 16 * (number // 2) + number % 2:02X}:00.0", number, number // 4) for number in range(8)
    )
    manager = None if gpus[0].fabric_state else True
    return machine(
        cpu=processor,
        ram=memory(ram, ("0-95", "96-191")),
        gpus=gpus,
        drivers={"nvidia": Driver(version=driver, cuda_version="13.0", fabric_manager=manager)},
        fabric=network,
        limits=limits(),
        nvme_drives=nvme,
    )


def _ena(efa: int) -> Fabric:
    return Fabric(ports=(), nics=(nic("ens32", "ena"),), interfaces=("lo", "ens32", "docker0"), efa=efa)


_EBS = NvmeDrive(name="nvme0n1", kind="network", model="Amazon Elastic Block Store", size=500 * GIB)
_STORE = "Amazon EC2 NVMe Instance Storage"


def aws_p5() -> Machine:
    store = (_EBS, *drives(8, 3_800 * GB, _STORE, 1))
    return cloud_node(hopper, cpu("AMD EPYC 7R13 Processor", 2, 96, 192), 2_005 * GIB, _ena(32), store)


def aws_p4d() -> Machine:
    store = (_EBS, *drives(8, 1_000 * GB, _STORE, 1))
    processor = cpu("Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz", 2, 48, 96)
    return cloud_node(ampere, processor, 1_121 * GIB, _ena(4), store)


def gcp_a3() -> Machine:
    network = Fabric(
        ports=(), nics=tuple(nic(f"eth{number}", "gvnic") for number in range(5)),
        interfaces=("lo", *(f"eth{number}" for number in range(5))), efa=0,
    )  # fmt: skip
    processor = cpu("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", 2, 104, 208)
    return cloud_node(hopper, processor, 1_842 * GB, network, drives(16, 375 * GIB, "nvme_card"))


def dgx_h100() -> Machine:
    """Two more adapters, of which one port each is connected, are for storage."""
    slots = [(f"0000:{number:02x}:00.0", number // 96) for number in (24, 64, 79, 94, 154, 192, 206, 220)]
    network = Fabric(
        ports=(*ports(400, slots, "mlx5_{}"), *ports(200, [("0000:29:00.0", 0), ("0000:aa:00.0", 1)], "mlx5_1{}")),
        nics=(nic("eno3", "ixgbe", 10_000),), interfaces=("lo", "eno3", "docker0"), efa=0, gpudirect=True,
    )  # fmt: skip
    nvme = (*drives(2, 1_920 * GB, "SAMSUNG MZ1L21T9HCLS"), *drives(8, 3_840 * GB, "KIOXIA KCM6", 2))
    return cloud_node(hopper, cpu("Intel(R) Xeon(R) Platinum 8480C", 2, 112, 224), 2_164 * GB, network, nvme)


def dgx_spark() -> Machine:
    """Processor, RAM and kernel of a captured one (open-mpi/hwloc, nvidia-dgx-gb10)."""
    total = 125_508_468 * KIB
    return machine(
        os=replace(UBUNTU, architecture="aarch64", distribution="Ubuntu 24.04.3 LTS", libc="glibc 2.39"),
        cpu=cpu("Cortex-A725 x 10 + Cortex-X925 x 10", 1, 20, 20),
        ram=replace(memory(total), swap_total=16 * GIB, swap_free=16 * GIB),
        gpus=(
            Gpu(
                vendor="nvidia", index=0, name="NVIDIA GB10", compute_capability="12.1", unified=True,
                memory_total=total, pci_bus_id="0000000F:01:00.0", nvlinks=0, processes=(), temperature_c=38,
                throttle_reasons=(), idle=True, persistence_mode=True, compute_mode="default", xids=(),
            ),
        ),
        drivers={"nvidia": Driver(version="580.95.05", cuda_version="13.0", kernel_module="open")},
        fabric=Fabric(ports=(), nics=(nic("enP7s7", "r8127", 10_000),), interfaces=("lo", "enP7s7"), efa=0),
        limits=limits(15 * GIB, 60 * GIB),
        nvme_drives=drives(1, 4_000 * GB, "ESL04TBTLCZ-27J2-TYN"),
    )  # fmt: skip


def mi300x() -> Machine:
    gpus = tuple(
        Gpu(
            vendor="amd", index=number, name="AMD Instinct MI300X", memory_total=196_592 * MIB, memory_used=283 * MIB,
            memory_free=196_309 * MIB, gfx="gfx942", partition="SPX/NPS1", pci_bus_id=f"0000:{bus}:00.0",
            pcie=Pcie(generation=5, width=16, max_generation=5, max_width=16), power_limit_w=750.0,
            numa_node=number // 4,
        )
        for number, bus in enumerate(("05", "26", "46", "65", "85", "a6", "c6", "e5"))
    )  # fmt: skip
    slots = [(f"0000:{number:02x}:00.0", number // 128) for number in (9, 41, 73, 105, 137, 169, 201, 233)]
    return machine(
        cpu=cpu("AMD EPYC 9575F 64-Core Processor", 2, 128, 256),
        ram=memory(2_318 * GB, ("0-63,128-191", "64-127,192-255")),
        gpus=gpus,
        drivers={"amd": Driver(version="6.12.12")},
        fabric=Fabric(
            ports=ports(400, slots, "mlx5_{}"), nics=(nic("eno1", "bnxt_en", 10_000),), interfaces=("lo", "eno1"), efa=0
        ),
        limits=limits(),
        nvme_drives=drives(8, 3_840 * GB, "Micron_7450"),
    )


def serving(card: str = "NVIDIA L40S", mib: int = 46_068) -> Machine:
    gpu = Gpu(
        vendor="nvidia", index=0, name=card, memory_total=mib * MIB, memory_used=0, memory_free=(mib - 600) * MIB,
        memory_reserved=600 * MIB, compute_capability="8.9", pci_bus_id="00000000:01:00.0",
        pcie=Pcie(generation=4, width=16, max_generation=4, max_width=16), nvlinks=0, mig_mode=None, processes=(),
        ecc=HEALTHY, power_limit_w=350.0, temperature_c=33, throttle_reasons=(), recovery_action="none", idle=True,
        persistence_mode=True, compute_mode="default", xids=(),
    )  # fmt: skip
    return machine(
        cpu=cpu("AMD EPYC 7313 16-Core Processor", 1, 16, 32),
        ram=memory(128 * GIB),
        gpus=(gpu,),
        drivers={"nvidia": Driver(version="580.95.05", cuda_version="13.0", library="libcuda.so.1")},
        fabric=Fabric(ports=(), nics=(nic("eno1", "ixgbe", 10_000),), interfaces=("lo", "eno1"), efa=0),
        limits=limits(8 * GIB, 64 * GIB),
        nvme_drives=drives(1, 1_920 * GB, "SAMSUNG MZQL21T9HCJR"),
    )


def runner() -> Machine:
    return machine(
        os=replace(UBUNTU, distribution="Ubuntu 24.04.3 LTS", version="6.11.0-1018-azure", libc="glibc 2.39"),
        cpu=cpu("AMD EPYC 7763 64-Core Processor", 1, 2, 4),
        ram=replace(memory(16_373_664 * KIB), swap_total=4 * GIB, swap_free=4 * GIB),
        gpus=(),
        disks=(disk(21 * GB, 77 * GB, "unknown"),),
        fabric=Fabric(ports=(), nics=(nic("eth0", "hv_netvsc"),), interfaces=("lo", "eth0", "docker0"), efa=0),
        limits=limits(2 * GIB, 8 * GIB, 65_536),
        nvme_drives=(),
    )  # fmt: skip


# --- what is wrong with them ---


def _exchanged(gpu: Gpu) -> Gpu:
    """Another, smaller card in its place."""
    total = (gpu.memory_total or 0) // 2
    return replace(
        gpu, name="NVIDIA Graphics Device", memory_total=total, memory_used=0, memory_free=total, memory_reserved=0
    )


def _unlinked(gpu: Gpu) -> Gpu:
    return replace(
        gpu, fabric_state="failed" if gpu.fabric_state else None, pcie=replace(gpu.pcie or Pcie(), max_generation=3)
    )


def bad_gpus(node: Machine) -> Machine:
    """One card worn, one lost, one outside of the fabric, one exchanged for a smaller one."""
    found = changed(node, 2, to=worn)
    found = changed(changed(found, 5, to=lost), 6, to=_unlinked)
    drivers = {
        name: replace(each, fabric_manager=False if each.fabric_manager else None)
        for name, each in node.drivers.items()
    }
    return replace(changed(found, 7, to=_exchanged), drivers=drivers)


def _on_other_node(gpu: Gpu) -> Gpu:
    return replace(gpu, numa_node=1 if gpu.numa_node != 1 else 0)


def bad_azure_host(node: Machine) -> Machine:
    """Half a machine: a processor, memory and drives less, swap on, devices on other NUMA nodes, a port less."""
    every = node.fabric.ports or ()
    moved = tuple(replace(port, numa_node=1 if port.numa_node != 1 else 0) for port in every[:7])
    half = memory((node.ram.total or 0) // 2)
    gpus = range(len(node.gpus or ()))
    return replace(
        changed(node, *gpus, to=_on_other_node),
        cpu=cpu(node.cpu.model or "", 1, 48, 48),
        ram=replace(half, swap_total=8 * GIB, swap_free=8 * GIB),
        fabric=replace(node.fabric, ports=moved, interfaces=(node.fabric.interfaces or ())[:9]),
        nvme_drives=(node.nvme_drives or ())[:7],
        limits=limits(8 * MIB, 64 * MIB),
    )


def bad_azure_network(node: Machine) -> Machine:
    """One port down, one at half its rate, one that comes and goes."""
    down, slow, flapping, *others = node.fabric.ports or ()
    found = (
        replace(down, active=False, state="DOWN", physical_state="Polling"),
        replace(slow, rate_gbps=(slow.rate_gbps or 0) / 2),
        replace(flapping, link_downed=40),
        *others,
    )
    return replace(node, fabric=replace(node.fabric, ports=found))


def bad_host(node: Machine, network: Fabric) -> Machine:
    """Half of its processors and memory."""
    return replace(
        node,
        cpu=cpu(node.cpu.model or "", 1, (node.cpu.cores or 0) // 2, (node.cpu.threads or 0) // 2),
        ram=memory((node.ram.total or 0) // 2),
        fabric=network,
        nvme_drives=(node.nvme_drives or ())[:2],
        limits=limits(8 * MIB, 64 * MIB),
    )


def nvidia_cases(
    profile: str, node: Machine, own: Sequence[str], hosts: Mapping[str, tuple[Machine, Sequence[str]]]
) -> list[Case]:
    """``own``: the lines about GPUs that the profile has beyond ``node-nvidia-health``."""
    return [
        Case(profile, "passing-node", node),
        Case(profile, "failing-driver", unanswered(node), ("driver",)),
        Case(profile, "failing-gpus", bad_gpus(node), (*GPU_HEALTH, "gpu-answers", *own)),
        *(Case(profile, f"failing-{name}", _shorter(each), tuple(ids)) for name, (each, ids) in hosts.items()),
    ]


def _shorter(node: Machine) -> Machine:
    """Without the list of links, which is a third of the file; their number stays."""
    return changed(node, *range(len(node.gpus or ())), to=lambda gpu: replace(gpu, links=()))


def nodes() -> list[Case]:
    """Those beside ``profiles/nodes``."""
    h100, a100 = azure_h100(), azure_a100()
    p5, p4d, a3, dgx = aws_p5(), aws_p4d(), gcp_a3(), dgx_h100()
    spark, amd, serve, ci = dgx_spark(), mi300x(), serving(), runner()
    linked = ("gpu-count", "gpu-memory", "nvlinks", "fabric")
    host = ("sockets", "cores", "threads", "ram", "swap", "ib-ports", "interfaces")
    places = [f"{what}-of-numa-{node}" for what in ("gpus", "ports") for node in (0, 1, 2, 3)]
    network = {"network": ("ib-active", "ib-rate")}
    few = ("threads", "ram")
    return [
        Case("node-nvidia-health", "passing-node", dgx),
        Case("node-nvidia-health", "passing-one-card", serve),
        Case("node-nvidia-health", "failing-driver", unanswered(dgx), ("driver",)),
        Case("node-nvidia-health", "failing-gpus", bad_gpus(dgx), (*GPU_HEALTH, "gpu-answers")),
        *nvidia_cases(
            "node-azure-nd-h100-v5", h100, (*linked, "pcie-generation"),
            {
                "host": (bad_azure_host(h100), (*host, "nvme-count", *(each for each in places if each[-1] in "01"))),
                **{name: (bad_azure_network(h100), ids) for name, ids in network.items()},
            },
        ),
        *nvidia_cases(
            "node-azure-nd-a100-v4", a100, (*linked, "pcie-generation"),
            {
                "host": (bad_azure_host(a100), (*host, *places)),
                **{name: (bad_azure_network(a100), ids) for name, ids in network.items()},
            },
        ),
        *nvidia_cases("node-aws-p5", p5, linked, {"host": (bad_host(p5, _ena(16)), (*few, "efa"))}),
        *nvidia_cases("node-aws-p4d", p4d, linked, {"host": (bad_host(p4d, _ena(1)), (*few, "efa"))}),
        *nvidia_cases("node-gcp-a3-high", a3, linked, {"host": (bad_host(a3, a3.fabric), few)}),
        *nvidia_cases(
            "node-dgx-h100", dgx, (*linked, "pcie-generation"),
            {"host": (bad_host(dgx, _less_ports(dgx)), ("sockets", "cores", "ram", "compute-ports"))},
        ),
        Case("node-dgx-spark", "passing-node", spark),
        Case("node-dgx-spark", "failing-driver", unanswered(spark), ("driver",)),
        Case("node-dgx-spark", "failing-gpu", changed(spark, 0, to=lost), ("gpu-answers", "unified")),
        Case("node-dgx-spark", "failing-other-machine", serve, ("gpu", "unified", "architecture", "cores")),
        Case("node-dgx-spark", "failing-memory", replace(spark, ram=memory(60 * GIB)), ("ram",)),
        Case("node-mi300x", "passing-node", amd),
        Case("node-mi300x", "failing-driver", unanswered(amd), ("driver",)),
        Case(
            "node-mi300x", "failing-gpus", changed(changed(changed(amd, 2, to=lost), 5, to=_narrow), 7, to=_exchanged),
            ("gpu-count", "gpu-answers", "gpu-memory", "pcie"),
        ),
        Case("node-mi300x", "failing-host", bad_host(amd, amd.fabric), ("ram", "memlock", "shm")),
        Case("node-serve-8b", "passing-node", serve),
        Case("node-serve-8b", "failing-driver", unanswered(serve), ("driver",)),
        Case("node-serve-8b", "failing-second-card", with_lost_card(serve), ("gpu-answers",)),
        Case("node-serve-8b", "failing-small-card", small_server(), ("gpu", "ram", "disk", "shm")),
        Case("node-github-runner", "passing-runner", ci),
        Case("node-github-runner", "failing-smaller", smaller_runner(), ("threads", "ram", "disk", "architecture")),
    ]  # fmt: skip


def _less_ports(node: Machine) -> Fabric:
    return Fabric(ports=(node.fabric.ports or ())[:7])


def _narrow(gpu: Gpu) -> Gpu:
    return replace(gpu, pcie=replace(gpu.pcie or Pcie(), width=8))


def with_lost_card(node: Machine) -> Machine:
    """With one more card, which fell off the bus."""
    return replace(node, gpus=(*(node.gpus or ()), Gpu(vendor="nvidia", index=1, usable=False, fault="gpu-lost")))


def small_server() -> Machine:
    found = serving("NVIDIA GeForce RTX 3060", 12_288)
    return replace(found, ram=memory(8 * GIB), disks=(disk(20 * GB, 250 * GB),), limits=limits(8 * MIB, 64 * MIB, 1024))


def smaller_runner() -> Machine:
    found = runner()
    return replace(
        found,
        os=replace(found.os or UBUNTU, architecture="riscv64"),
        cpu=cpu("", 1, 2, 2),
        ram=memory(7 * GB),
        disks=(disk(9 * GB, 77 * GB, "unknown"),),
    )


# --- the examples ---


def with_packages(node: Machine, build: str | None = None, **packages: str) -> Machine:
    """``build``: of torch, where it is among them."""
    found = tuple(Package(name=name.replace("_", "-"), version=version) for name, version in packages.items())
    torch = Torch(version=packages["torch"], build=build) if build else None
    return replace(node, software=replace(node.software, packages=found, torch=torch))


def workstation() -> Machine:
    desk = serving("NVIDIA GeForce RTX 4090", 24_564)
    (gpu,) = desk.gpus or ()
    gpu = replace(gpu, ecc=None, power_limit_w=450.0, persistence_mode=False, recovery_action=None)
    return with_packages(
        replace(desk, gpus=(gpu,), cpu=cpu("AMD Ryzen 9 7950X 16-Core Processor", 1, 16, 32), ram=memory(64 * GB)),
        "cu128", torch="2.9.0", bitsandbytes="0.48.1", peft="0.17.1",
    )  # fmt: skip


def macbook() -> Machine:
    """MacBook Pro, M3 Max with 36 GB."""
    total = 36 * GIB
    gpu = Gpu(
        vendor="apple", index=0, name="Apple M3 Max", unified=True, memory_total=total * 3 // 4,
        memory_pool="wired-limit",
    )  # fmt: skip
    mac = machine(
        os=Os(system="darwin", architecture="arm64", distribution="macOS 15.1", version="15.1"),
        cpu=cpu("Apple M3 Max", 1, 14, 14),
        ram=Ram(total=total, available=20 * GB, usable=total),
        gpus=(gpu,),
        disks=(disk(300 * GB, 994 * GB, "ssd"),),
    )
    return with_packages(mac, mlx_lm="0.28.3")


def old_mac() -> Machine:
    """An Intel Mac: no GPU of it is known to run a model."""
    mac = macbook()
    return replace(
        mac,
        os=Os(system="darwin", architecture="x86_64", distribution="macOS 13.7", version="13.7"),
        cpu=cpu("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", 1, 6, 12),
        ram=Ram(total=16 * GIB, available=8 * GB, usable=16 * GIB),
        gpus=(),
        software=replace(SOFTWARE, tools=tuple(Tool(name=name) for name in ("llama-server", "ollama"))),
    )


def processor_server() -> Machine:
    found = runner()
    flags = ("avx2", "avx512_vnni", "avx512f", "f16c", "fma")
    return replace(
        found, cpu=replace(cpu("AMD EPYC 9354 32-Core Processor", 1, 32, 64), flags=flags), ram=memory(128 * GIB)
    )


def small_processor_server() -> Machine:
    """A container with a quarter of a processor of 2012."""
    found = processor_server()
    xeon = cpu("Intel(R) Xeon(R) CPU E5-2660 0 @ 2.20GHz", 1, 8, 16)
    old = replace(xeon, flags=("f16c",), quota=0.25, threads_usable=1)
    ram = replace(memory(64 * GIB), limit=4 * GIB, limit_by="cgroup", usable=4 * GIB, available=3 * GIB)
    return replace(found, cpu=old, ram=ram)


def windows_gamer() -> Machine:
    card = serving("NVIDIA GeForce RTX 4070", 12_282)
    (gpu,) = card.gpus or ()
    gpu = replace(gpu, ecc=None, memory_used=2 * GIB, memory_free=9_600 * MIB, recovery_action=None, processes=None)
    return replace(
        card,
        os=replace(UBUNTU, version="6.6.87.2-microsoft-standard-WSL2", wsl=2),
        cpu=cpu("AMD Ryzen 7 7800X3D 8-Core Processor", 1, 8, 16),
        ram=memory(16 * GIB),
        gpus=(gpu,),
        fabric=Fabric(ports=(), nics=(), interfaces=("lo", "eth0"), efa=0),
        disks=(replace(disk(600 * GB, 1_081 * GB, "unknown"), device="/dev/sdd"),),
        drivers={"nvidia": Driver(version="581.29", cuda_version="13.0", library="/usr/lib/wsl/lib/libcuda.so.1")},
    )


def windows_misled() -> Machine:
    """With the models on C: and a quarter of the RAM."""
    found = windows_gamer()
    slow = replace(disk(600 * GB, 1_081 * GB, "network"), mount_point="/mnt/c", filesystem="9p", device="C:\\")
    return replace(found, ram=memory(8 * GB), disks=(slow,))


def in_container(node: Machine) -> Machine:
    return replace(node, os=replace(node.os or UBUNTU, container="docker"))


def small_container(node: Machine) -> Machine:
    """With docker's defaults, and limits that are too low."""
    ram = replace(node.ram, limit=8 * GIB, limit_by="cgroup", usable=8 * GIB, available=7 * GIB)
    quota = replace(node.cpu, quota=2.0, threads_usable=2)
    hidden = changed(node, 0, to=lambda gpu: replace(gpu, visible=False))
    return replace(in_container(hidden), ram=ram, cpu=quota, limits=limits(8 * MIB, 64 * MIB))


def examples() -> list[Case]:
    """Those beside ``docs/examples``."""
    serve, dgx, amd, spark, ci, desk = serving(), dgx_h100(), mi300x(), dgx_spark(), runner(), workstation()
    ready = with_packages(serve, vllm="0.11.2")
    dgx = replace(dgx, disks=(disk(10**12, 2 * 10**12), disk(20 * 10**12, 30 * 10**12, role="work")))
    old_driver = replace(serve, drivers={"nvidia": Driver(version="550.54.15", cuda_version="12.4")})
    tools = (*(SOFTWARE.tools or ()), Tool(name="rocm-smi", path="/opt/rocm/bin/rocm-smi"))
    amd = replace(amd, software=replace(SOFTWARE, tools=tools))
    divided = changed(
        amd, 3, to=lambda gpu: replace(gpu, partition="CPX/NPS4", memory_used=40 * GIB, memory_free=150 * GIB)
    )
    left = changed(
        replace(dgx, limits=limits(8 * MIB, 64 * MIB), fabric=bad_azure_network(dgx).fabric), 4,
        to=lambda gpu: replace(gpu, processes=(GpuProcess(pid=4242, memory=60 * GIB),)),
    )  # fmt: skip
    busy = replace(spark, ram=replace(spark.ram, available=30 * GB), disks=(disk(50 * GB, 4_000 * GB),))
    small = with_packages(serving("NVIDIA GeForce GTX 1080", 8_192), "cpu", torch="2.9.0")
    return [
        Case("vllm-8b", "passing-node", ready),
        Case("vllm-8b", "failing-old-driver", old_driver, ("cuda", "vllm")),
        Case("qlora-workstation", "passing-rtx-4090", desk),
        Case("qlora-workstation", "passing-gb10", replace(spark, software=desk.software)),
        Case("qlora-workstation", "failing-small-card", small, ("gpu", "torch", "bitsandbytes", "peft", "computed")),
        Case("slurm-gpu-node", "passing-node", dgx),
        Case("slurm-gpu-node", "failing-left-over", left, ("left-over", "memlock", "shm", "infiniband")),
        Case("apple-laptop", "passing-m3-max", macbook()),
        Case("apple-laptop", "failing-intel", old_mac(), ("apple-silicon", "ram", "gpu-memory", "macos", "runtime")),
        Case("cpu-only", "passing-server", processor_server()),
        Case("cpu-only", "failing-container", small_processor_server(), ("threads", "instructions", "ram")),
        Case("mi300x", "passing-node", amd),
        Case("mi300x", "failing-divided", divided, ("one-partition", "idle-memory")),
        Case("gb10", "passing-desk", spark),
        Case("gb10", "failing-full", busy, ("ram-free", "disk")),
        Case("wsl-gamer", "passing-rtx-4070", windows_gamer()),
        Case("wsl-gamer", "failing-models-on-c", windows_misled(), ("ram", "models-in-linux")),
        Case("github-runner", "passing-runner", ci),
        Case("github-runner", "failing-smaller", smaller_runner(), ("ram", "disk", "architecture")),
        Case("container-image", "passing-docker", replace(in_container(serve), limits=limits())),
        Case("container-image", "failing-defaults", small_container(serve), ("gpus", "shm", "memory", "cpus")),
    ]  # fmt: skip


# --- files ---


def plain(value: Any) -> Any:
    """A value as JSON has it, without what is as in an empty one."""
    if isinstance(value, Struct):
        fields = msgspec.structs.fields(value)
        shown = {
            each.encode_name: getattr(value, each.name) for each in fields if getattr(value, each.name) != each.default
        }
        return {key: plain(each) for key, each in shown.items()}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def text_of(case: Case) -> str:
    """A machine file: one line for each card, port and drive."""
    parts = []
    for key, value in {"schema": case.machine.schema, **plain(case.machine)}.items():
        lists = isinstance(value, list) and value and isinstance(value[0], dict)
        text = "[\n    " + ",\n    ".join(map(_line, value)) + "\n  ]" if lists else _line(value)
        parts.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def expected(cases: Sequence[Case]) -> str:
    """Which required lines fail on which machine, as ``llmcheck profiles test`` reads it."""
    lines = [f"{case.name} = {json.dumps(sorted(case.fails))}" for case in cases if case.fails]
    return "# The required lines that fail on each machine of this folder.\n" + "\n".join(lines) + "\n"


def files(folder: Path, cases: Sequence[Case]) -> dict[Path, str]:
    """All files beside the profiles of a folder."""
    found = {folder / f"{case.profile}.tests" / f"{case.name}.json": text_of(case) for case in cases}
    for profile in dict.fromkeys(case.profile for case in cases):
        own = [case for case in cases if case.profile == profile]
        found[folder / f"{profile}.tests" / "expected.toml"] = expected(own)
    return found


if __name__ == "__main__":
    for path, text in (files(NODES, nodes()) | files(EXAMPLES, examples())).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
