"""The largest and smallest values that a fact of a machine can have, each with the reason that limits it.

A bound is ``(lowest, highest, unit, reason)``; the reason completes "possible are 1 B to 2 TiB: ...". It is wider than
what is sold today, so that next year's hardware is not taken for a mistake. Figures of single products are those of
their makers' data sheets, as of 2026-11.
"""

from __future__ import annotations

Bound = tuple[float, float, str, str]
"""The unit is ``bytes``, or what is written after the number."""

_TIB = 2**40

GPU_MEMORY: Bound = (
    1,
    2 * _TIB,
    "bytes",
    "the largest GPU that is sold has 288 GB, the largest announced 1 TB",
)
"""Sold: MI355X, B300 and GB300 (``data/gpus.csv``). Announced: Rubin Ultra (NVIDIA, GTC 2025)."""

_MEMORY_REASON = "the largest machine with one memory that was sold had 64 TB"
RAM: Bound = (1, 64 * _TIB, "bytes", _MEMORY_REASON)
"""SGI UV 3000 (64 TB); HPE Superdome Flex has 48 TB."""

RAM_PART: Bound = (0, 64 * _TIB, "bytes", _MEMORY_REASON)
"""Of a part that may be empty: what is free, swap, huge pages, /dev/shm."""

GPU_MEMORY_PART: Bound = (0, 2 * _TIB, "bytes", GPU_MEMORY[3])
"""Of a part that may be empty: what is used, free, reserved."""

DISK: Bound = (1, 10**17, "bytes", "a server with 36 of the largest SSDs, of 245 TB, holds 9 PB")
"""Kioxia LC9, 245.76 TB, announced in 2025. A file system without blocks (FUSE without ``statfs``) says 0."""

NETWORK_DISK: Bound = (1, 2**63, "bytes", "a store without a limit, such as Amazon EFS, states 8 EiB")
"""Amazon EFS user guide: ``df`` shows 8.0E."""

TRANSFER: Bound = (0, 10**12, "bytes", "main memory itself gives about 1 TB/s")
"""Of a disk or network, in bytes a second: twelve channels of DDR5-6400 have 614 GB/s."""

COUNTED: Bound = (0, 2**53, "", "a counter does not go below 0, and JSON keeps whole numbers to 2^53")

CLOCK_MHZ: Bound = (0, 20_000, " MHz", "no GPU is clocked faster than 4 GHz, and no memory than 15 GHz")
"""GDDR7's clock as NVML counts it, half its data rate: 14,001 MHz on an RTX 5090."""

PROCESSORS: Bound = (1, 8192, "", "Linux is built for at most 8,192 processors")
"""CONFIG_NR_CPUS with MAXSMP, arch/x86/Kconfig."""

PROCESSORS_OF_TIME: Bound = (0.001, 8192, "", PROCESSORS[3])
"""The kernel's smallest quota is 1 ms in a period of 1 s (Documentation/scheduler/sched-bwc.rst)."""

INDEX: Bound = (0, 2**24, "", "PCI Express addresses 2^24 buses")
"""65,536 segments with 256 buses each."""

NVLINKS: Bound = (0, 72, "", "a GPU has at most 18 NVLinks today")
"""NVLink 5, B200; the bound leaves space for two generations that double it."""

TEMPERATURE: Bound = (-55, 150, " °C", "chips are specified from -55 to 150 °C")
"""The widest range of junction temperatures in data sheets of silicon."""

WATTS: Bound = (0, 10_000, " W", "the largest GPU announced takes 3,600 W")
"""Rubin Ultra; the MI355X and B300 take 1,400 W."""

NUMA_NODE: Bound = (0, 1023, "", "Linux numbers at most 1,024 nodes")
"""CONFIG_NODES_SHIFT, at most 10."""

PCIE_GENERATION: Bound = (0, 8, "", "PCI Express 8.0 is the newest that is announced")
PCIE_LANES: Bound = (0, 32, "", "PCI Express defines at most 32 lanes")

CAPABILITY: Bound = (2, 20, "", "drivers that can be asked know compute capabilities from 2.0, and the newest is 12.1")
"""Its first number; it has grown by 11 in 18 years."""

PORT_GBPS: Bound = (0, 3200, " Gb/s", "InfiniBand's roadmap ends at 1,600 Gb/s for a port")
"""InfiniBand Trade Association, GDR."""

NIC_MBPS: Bound = (0, 3_200_000, " Mb/s", "Ethernet is defined to 800 Gb/s, with 1.6 Tb/s in work")
"""IEEE 802.3df and 802.3dj."""

ADAPTERS: Bound = (0, 256, "", "a PCI segment has 256 buses")
"""Of EFA adapters; an instance has at most 32 (p5.48xlarge)."""

ACCELERATORS: Bound = (1, 256, "", ADAPTERS[3])
"""TPUs and Neuron devices of one host; trn2 has 16."""

PUBLISHED: Bound = (1e-3, 10**6, "", "the fastest card announced has 32,000 GB/s and 100,000 TFLOPS")
"""Figures of a card: GB, GB/s, TFLOPS and watts (Rubin Ultra, in FP4)."""

SECONDS: Bound = (0, 10**6, " s", "no request is waited for as long as that")

FIRST_YEAR = 2026
"""llmcheck was first written in this year: no inventory of it is older."""

CLOCK_SKEW_SECONDS = 86_400
"""A saved time may be so much later than now: clocks that differ, or a date without a time and a time zone."""
