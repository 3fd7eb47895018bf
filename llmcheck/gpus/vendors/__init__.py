"""GPU vendors, one module each: facts about a vendor's cards that code outside ``probe`` needs.

Each module has one ``VENDOR``. Its id is the file's name and equals ``Gpu.vendor``. Other code reads what it needs
(``of(gpu).platform``) and never compares an id, so a new vendor is one new file here and one in ``probe/gpu``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from llmcheck import registry
from llmcheck.gpus.unified_memory import SharedRam
from llmcheck.schema.machine import Driver, Gpu, Machine, capability_of, counted_gpus
from llmcheck.tables.torch_wheel import TorchWheel


class TorchSupport(Struct, frozen=True, kw_only=True):
    """Builds of PyTorch for a vendor's cards."""

    tag: str
    """Start of the tags of these builds: ``cu``, ``rocm``, ``xpu``."""
    rank: int
    """On a machine with cards of several vendors, PyTorch is chosen for the vendor with the lowest rank."""
    has_kernels: Callable[[TorchWheel, Gpu], bool] | None = None
    """Whether a build contains kernels for a card; True where the card's architecture is unknown. None: the driver
    compiles the kernels, so any build runs on any card."""
    elsewhere: Mapping[str, str] = {}
    """By operating system: a hint to wheels that are not on PyTorch's index."""
    without_kernels: str | None = None
    """A hint for a card for which no published build contains kernels."""


class DriverSupport(Struct, frozen=True, kw_only=True):
    """How to install and repair the driver on Linux."""

    purpose: str | None = None
    """The ``purpose`` of the rows in ``data/system_steps.toml`` that install the driver; None without such rows."""
    load_module: tuple[str, ...] | None = None
    """The command that loads an installed kernel module."""
    create_device_nodes: tuple[str, ...] | None = None
    download_page: str | None = None


class Vendor(Struct, frozen=True, kw_only=True):
    """Facts about all cards of one vendor. The defaults are those of an unknown vendor."""

    id: str
    """As in ``Gpu.vendor``."""
    name: str
    """The usual spelling: ``NVIDIA``."""
    is_gpu: bool = True
    """False: an accelerator that runs no GPU software (TPU); it satisfies no GPU requirement."""
    advised: bool = False
    """Whether llmcheck may propose a card of this vendor, for example a larger one."""
    name_words: tuple[str, ...] = ()
    """Brands at the start of a card's name that short names omit: ``NVIDIA GeForce``."""
    ignored_words: tuple[str, ...] = ()
    """Lower-case words that are ignored anywhere in a name when two names are compared."""
    model_names: Callable[[str], tuple[str, ...]] = lambda _name: ()
    """Other names under which the table may list a card, given the name that the driver reports."""
    pro_is_variant: bool = False
    """Whether ``Pro`` in a name is a variant of the card without it (M4 Pro) and not a series (RTX PRO)."""

    platform: str | None = None
    """The compute platform: ``cuda``, ``rocm``, ``xpu``, ``metal``, ``hpu``, ``tpu``."""
    platform_name: str = "an unknown platform"
    """The usual spelling: ``CUDA``."""
    torch: TorchSupport | None = None
    """None: PyTorch's index has no build for this vendor alone."""
    torch_from: str | None = None
    """Who distributes PyTorch for these cards where no index has it; None where one has it, or nobody is known."""
    llama_cpp: str | None = None
    """The llama.cpp backend: ``cuda``, ``hip``, ``vulkan``, ``metal``; None without one."""
    collectives: str | None = None
    """The library for communication between GPUs, whose buffers take memory on each GPU: ``NCCL``."""
    reserved_by_driver: Callable[[int], int] = lambda _size: 0
    """Bytes of a card's own memory that its driver keeps from all programs, given the bytes that it reports."""
    has_context: bool = True
    """Whether each process takes GPU memory for its context and kernels."""

    links_gb_s: Mapping[str, float] = {}
    """Links between cards of a machine that are not NVLink: GB/s of both directions, by the name in the table."""

    architecture_field: str | None = None
    """The field of ``Gpu`` with the architecture that kernels are compiled for: ``compute_capability`` or ``gfx``."""
    embedded: tuple[tuple[int, int], ...] = ()
    """Compute capabilities of embedded chips, which need kernels of their own."""
    hidden_by: tuple[str, ...] = ()
    """Environment variables that hide GPUs from a process; the last one is the one that also orders them."""
    driver_order: Mapping[str, str] = {}
    """Variables with which a process numbers the GPUs as the driver does; {} where it always does."""
    partition: str = "partition"
    """Name of a part of a card that programs see as a device."""
    partition_label: str = "GPU"
    """The same, written before its number."""

    has_driver: bool = True
    """Whether the GPUs need a driver with a version of its own."""
    driver: DriverSupport | None = None
    system: tuple[str, str] | None = None
    """Operating system and architecture of every machine with these GPUs: ``("darwin", "arm64")``. None: any."""
    shared_ram: SharedRam | None = None
    """How the GPUs use the machine's RAM, where all GPUs of the vendor do."""
    processors: Mapping[str, SharedRam] = {}
    """The same for single products, by the name that the driver reports."""
    memory_by_name: bool = False
    """Whether each name is sold with one size of memory, which counts where the driver's files do not tell it."""
    least_capability: tuple[int, int] | None = None
    """The oldest compute capability for which current builds of PyTorch and llama.cpp have kernels; None for any."""
    runs_models: Callable[[Gpu], bool] = lambda _gpu: False
    """Whether an integrated GPU is one on which people run models, through Vulkan."""

    def shares_ram(self, name: str | None) -> SharedRam | None:
        """How the GPU of that name uses the machine's RAM; None for a GPU with memory of its own."""
        return self.processors.get(name or "", self.shared_ram)

    def architecture(self, gpu: Gpu) -> str | None:
        """The architecture that kernels for this card are compiled for: ``8.9``, ``gfx942``; None if unknown."""
        return getattr(gpu, self.architecture_field) if self.architecture_field else None

    def architecture_in_words(self, gpu: Gpu) -> str:
        """``compute capability 8.9`` or ``gfx942``."""
        value = self.architecture(gpu) or "unknown"
        return f"compute capability {value}" if self.has_compute_capability else value

    @property
    def has_compute_capability(self) -> bool:
        return self.architecture_field == "compute_capability"

    def is_at_least(self, gpu: Gpu, capability: tuple[int, ...]) -> bool | None:
        """Whether a card has at least this compute capability: True for vendors without any, None if unknown."""
        if not self.has_compute_capability:
            return True
        own = capability_of(gpu)
        return None if own is None else own >= capability

    def is_embedded(self, gpu: Gpu) -> bool:
        return self.has_compute_capability and capability_of(gpu) in self.embedded

    def runs(self, wheel: TorchWheel, gpu: Gpu) -> bool:
        """Whether a build of PyTorch runs on a card; True where the card's architecture is unknown."""
        if self.torch is None or self.torch.has_kernels is None:
            return True
        return self.torch.has_kernels(wheel, gpu)


def ids() -> tuple[str, ...]:
    """All vendors with a module here, sorted."""
    return registry.names(__name__)


@functools.cache
def named(vendor: str) -> Vendor:
    """The vendor with that id. An unknown id, which a saved machine may contain, gets the defaults."""
    if vendor not in ids():
        return Vendor(id=vendor, name=vendor or "unknown vendor")
    found: Vendor = registry.load(__name__, vendor).VENDOR
    return found


def of(gpu: Gpu) -> Vendor:
    return named(gpu.vendor)


def every() -> tuple[Vendor, ...]:
    return tuple(map(named, ids()))


def is_too_old(gpu: Gpu) -> bool:
    """Whether no current build has kernels for a GPU; False where its compute capability is not known."""
    vendor = of(gpu)
    return vendor.least_capability is not None and vendor.is_at_least(gpu, vendor.least_capability) is False


def for_models(machine: Machine) -> tuple[Gpu, ...]:
    """The GPUs that a model can be placed on: those that count, without those that are too old for any current build;
    where none counts, integrated ones on which people run models."""
    counted = counted_gpus(machine)
    if counted:
        return tuple(gpu for gpu in counted if not is_too_old(gpu))
    return tuple(
        gpu
        for gpu in machine.gpus or ()
        if gpu.integrated and gpu.visible and gpu.usable is not False and of(gpu).runs_models(gpu)
    )


def on_platform(gpus: Iterable[Gpu], platform: str) -> list[Gpu]:
    """The GPUs of a compute platform, such as ``cuda``."""
    return [gpu for gpu in gpus if of(gpu).platform == platform]


def driver_of(machine: Machine, platform: str) -> Driver | None:
    """The machine's driver for a platform; None without one."""
    return next((driver for vendor, driver in machine.drivers.items() if named(vendor).platform == platform), None)
