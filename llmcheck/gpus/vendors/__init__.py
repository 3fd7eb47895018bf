"""GPU vendors, one module each: what the code outside ``probe`` must know of a vendor's cards.

Each module has one ``VENDOR``. Its id is the file's name and equals ``Gpu.vendor``. Other code asks for what it needs
(``of(gpu).platform``) and never compares an id, so a new vendor is one new file here and one in ``probe/gpu``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from llmcheck import registry
from llmcheck.gpus.unified_memory import SharedRam
from llmcheck.schema.machine import Driver, Gpu, Machine, capability_of
from llmcheck.tables.torch_wheel import TorchWheel


class TorchSupport(Struct, frozen=True, kw_only=True):
    """How PyTorch runs on a vendor's cards."""

    tag: str
    """How the tags of its builds begin: ``cu``, ``rocm``, ``xpu``."""
    rank: int
    """Where cards of several vendors are present, PyTorch is chosen for the vendor with the lowest number."""
    has_kernels: Callable[[TorchWheel, Gpu], bool] | None = None
    """Whether a build holds code for a card, where nothing that is unknown of the card counts against it. None: the
    builds are not compiled for single cards."""
    elsewhere: Mapping[str, str] = {}
    """By operating system, where wheels are found that the index of PyTorch does not hold."""
    without_kernels: str | None = None
    """What to know where no published build holds code for a card."""


class DriverSupport(Struct, frozen=True, kw_only=True):
    """How the driver is put in order on Linux."""

    purpose: str | None = None
    """The ``purpose`` of the rows in ``data/system_steps.toml`` that install it; None where there is none."""
    load_module: tuple[str, ...] | None = None
    """The command that loads an installed kernel module."""
    create_device_nodes: tuple[str, ...] | None = None
    download_page: str | None = None


class Vendor(Struct, frozen=True, kw_only=True):
    """What is true of all cards of one vendor. The defaults are those of a vendor that is not known here."""

    id: str
    """As in ``Gpu.vendor``."""
    name: str
    """As people write it: ``NVIDIA``."""
    is_gpu: bool = True
    """False: an accelerator that runs no GPU software (TPU); it meets no requirement of a GPU."""
    advised: bool = False
    """Whether a card of the table may be proposed as a replacement, for example a larger one."""
    name_words: tuple[str, ...] = ()
    """Words at the start of a card's name that people leave out: ``NVIDIA GeForce``."""
    ignored_words: tuple[str, ...] = ()
    """Lower-case words that are ignored wherever they stand, when two names of cards are compared."""
    model_names: Callable[[str], tuple[str, ...]] = lambda _name: ()
    """Names of the table that a reported name may stand for, beyond the reported name itself."""
    pro_is_variant: bool = False
    """Whether ``Pro`` in a name makes a variant of the card without it (M4 Pro), not another series (RTX PRO)."""

    platform: str | None = None
    """The compute platform: ``cuda``, ``rocm``, ``xpu``, ``metal``, ``hpu``, ``tpu``."""
    platform_name: str = "an unknown platform"
    """As people write it: ``CUDA``."""
    torch: TorchSupport | None = None
    """None: PyTorch's index has no build that is made for this vendor alone."""
    llama_cpp: str | None = None
    """The llama.cpp backend for it: ``cuda``, ``hip``, ``vulkan``, ``metal``. None: there is none."""
    collectives: str | None = None
    """The library that exchanges data between its GPUs, whose buffers take memory on each: ``NCCL``."""
    has_context: bool = True
    """Whether a process takes GPU memory for its context and kernels before any data."""

    architecture_field: str | None = None
    """The field of ``Gpu`` that says for which code a card is made: ``compute_capability`` or ``gfx``."""
    embedded: tuple[tuple[int, int], ...] = ()
    """Compute capabilities of embedded chips, for which code has to be made separately."""
    hidden_by: tuple[str, ...] = ()
    """Environment variables that hide its devices from a process."""
    partition: str = "partition"
    """What a part of a card is called that programs see as a device of its own."""
    partition_label: str = "GPU"
    """The same, in front of its number."""

    has_driver: bool = True
    """Whether it needs a driver that answers and has a version of its own."""
    driver: DriverSupport | None = None
    system: tuple[str, str] | None = None
    """Operating system and architecture, where its GPUs come in such machines only: ``("darwin", "arm64")``."""
    shared_ram: SharedRam | None = None
    """How its GPUs use the machine's RAM, where all of them do."""
    processors: Mapping[str, SharedRam] = {}
    """The same for single products, by the name that the driver reports."""

    def shares_ram(self, name: str | None) -> SharedRam | None:
        """How the GPU of that name uses the machine's RAM; None for one with memory of its own."""
        return self.processors.get(name or "", self.shared_ram)

    def architecture(self, gpu: Gpu) -> str | None:
        """What code for this card is made for: ``8.9``, ``gfx942``; None if unknown."""
        return getattr(gpu, self.architecture_field) if self.architecture_field else None

    def architecture_in_words(self, gpu: Gpu) -> str:
        """``compute capability 8.9`` or ``gfx942``."""
        value = self.architecture(gpu) or "unknown"
        return f"compute capability {value}" if self.has_compute_capability else value

    @property
    def has_compute_capability(self) -> bool:
        return self.architecture_field == "compute_capability"

    def is_at_least(self, gpu: Gpu, capability: tuple[int, ...]) -> bool | None:
        """Whether a card has the compute capability: True for vendors that have none, None where it is not known."""
        if not self.has_compute_capability:
            return True
        own = capability_of(gpu)
        return None if own is None else own >= capability

    def is_embedded(self, gpu: Gpu) -> bool:
        return self.has_compute_capability and capability_of(gpu) in self.embedded

    def runs(self, wheel: TorchWheel, gpu: Gpu) -> bool:
        """Whether a build of PyTorch holds code for a card; what is unknown of the card counts against nothing."""
        if self.torch is None or self.torch.has_kernels is None:
            return True
        return self.torch.has_kernels(wheel, gpu)


def ids() -> tuple[str, ...]:
    """All vendors that are known here, sorted."""
    return registry.names(__name__)


@functools.cache
def named(vendor: str) -> Vendor:
    """The vendor with that id. One that is not known (a saved machine may name any) gets the defaults."""
    if vendor not in ids():
        return Vendor(id=vendor, name=vendor or "unknown vendor")
    found: Vendor = registry.load(__name__, vendor).VENDOR
    return found


def of(gpu: Gpu) -> Vendor:
    return named(gpu.vendor)


def every() -> tuple[Vendor, ...]:
    return tuple(map(named, ids()))


def on_platform(gpus: Iterable[Gpu], platform: str) -> list[Gpu]:
    """The GPUs that run software of a platform, such as ``cuda``."""
    return [gpu for gpu in gpus if of(gpu).platform == platform]


def driver_of(machine: Machine, platform: str) -> Driver | None:
    """The driver of a platform; None where there is none."""
    return next((driver for vendor, driver in machine.drivers.items() if named(vendor).platform == platform), None)
