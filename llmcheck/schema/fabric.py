"""What connects a machine to others, and its GPUs to each other. None is a fact that could not be read."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from msgspec import Struct


class FabricPort(Struct, frozen=True, kw_only=True):
    """One port of an InfiniBand or RoCE adapter."""

    device: str
    """Name of the adapter, such as ``mlx5_0``."""
    port: int
    """Number of the port, from 1."""
    link_layer: str | None = None
    """``InfiniBand`` or ``Ethernet`` (RoCE)."""
    active: bool | None = None
    """The link is up; None where it could not be read."""
    state: str | None = None
    """As the kernel spells it: ``ACTIVE``, ``INIT``, ``DOWN``, ..."""
    physical_state: str | None = None
    """``LinkUp``, ``Polling``, ``Disabled``, ..."""
    rate_gbps: float | None = None
    """Gigabits a second, as the kernel states it."""
    link_downed: int | None = None
    """How often the link went down since the adapter was started; None where the port does not count it."""
    pci_bus_id: str | None = None
    """Of the adapter; None where it is not on PCI or could not be read."""
    numa_node: int | None = None
    """The NUMA node that the adapter is attached to; None where it could not be read, or there is one node."""


class Nic(Struct, frozen=True, kw_only=True):
    """One network interface."""

    name: str
    """Name of the interface, such as ``eth0``."""
    speed_mbps: int | None = None
    """Of the link now; None where it is down or virtual."""
    up: bool | None = None
    """The link is up; None where it could not be read."""
    driver: str | None = None
    """Name of the kernel driver; None where it could not be read."""
    carrier_changes: int | None = None
    """How often the link came up or went down since the kernel started; None where it could not be read."""


class Fabric(Struct, frozen=True, kw_only=True):
    """What connects this machine to others, and its GPUs to each other."""

    ports: tuple[FabricPort, ...] | None = None
    """InfiniBand and RoCE ports; None where they could not be listed."""
    nics: tuple[Nic, ...] | None = None
    """Physical network interfaces."""
    interfaces: tuple[str, ...] | None = None
    """Names of all network interfaces, also those without hardware, such as ``lo`` and ``docker0``; None where they
    could not be listed."""
    efa: int | None = None
    """Elastic Fabric Adapters (AWS)."""
    gpudirect: bool | None = None
    """The kernel module that lets network cards reach GPU memory (nvidia_peermem, or dma-buf since CUDA 12) is loaded;
    None where that could not be read."""
    nvlink_matrix: tuple[tuple[int | None, ...], ...] | None = None
    """NVLinks between each pair of NVIDIA cards, in their order; through a switch, the fewer of the two cards' links.
    A pair is None where a card could not be read; the matrix is None without NVLink."""
