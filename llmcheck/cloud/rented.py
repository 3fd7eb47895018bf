"""An offer as a machine, and as the words by which ``--machine`` makes the same one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from llmcheck.gpus import idle_card
from llmcheck.gpus.identify import GpuRecord
from llmcheck.schema.machine import Disk, Fabric, FabricPort, Gpu, Machine, Ram
from llmcheck.tables.offer import Offer
from llmcheck.units import GB, GIB

Cards = Mapping[str, GpuRecord]
"""Rows of the GPU table by their name."""
NO_CARDS: Cards = {}
_NVLINKS = {"7.0": 6, "8.0": 12, "9.0": 18, "10.0": 18, "10.3": 18}
"""Links of each SXM card, by compute capability (NVIDIA's architecture whitepapers)."""


def cards_of(records: Iterable[GpuRecord]) -> Cards:
    return {each.spec.name: each for each in records}


def as_machine(offer: Offer, cards: Cards = NO_CARDS, disk: int | None = None) -> Machine:
    """The offered machine, with idle GPUs. A fact that the offer does not state is None.

    Memory and figures of a GPU are those of its row in ``cards``. Without one it has its advertised memory, and no
    speed is known. ``disk``: bytes of the disk that counts; None: it is not known how large it will be.
    """
    ram = None if offer.ram_gib is None else round(offer.ram_gib * GIB)
    record = cards.get(offer.gpu)
    port = FabricPort(device="as offered", port=1, link_layer="InfiniBand", active=True)
    return Machine(
        hypothetical=True,
        os=None if record is None else idle_card.system((record,)),
        ram=Ram(total=ram, available=ram, usable=ram),
        gpus=tuple(_gpu(offer, record, index) for index in range(offer.gpu_count)),
        disks=None if disk is None else (Disk(role="models", path="/", size=disk, free=disk),),
        fabric=Fabric(ports=(port,)) if offer.fabric == "infiniband" else Fabric(),
    )


def _gpu(offer: Offer, record: GpuRecord | None, index: int) -> Gpu:
    if record is not None:
        found = idle_card.gpu(record, index, idle_card.reported_memory(record) or None, record.spec)
        return replace(found, nvlinks=_nvlinks(offer))
    memory = round(offer.gpu_memory_gb * GB)
    return Gpu(
        vendor=offer.vendor,
        index=index,
        name=offer.accelerator,
        memory_total=memory,
        memory_free=memory,
        compute_capability=offer.compute_capability,
    )


def _nvlinks(offer: Offer) -> int | None:
    if offer.link == "nvlink":
        return _NVLINKS.get(offer.compute_capability or "")
    return 0 if offer.link == "pcie" else None


def gpu_bytes(offer: Offer, cards: Cards = NO_CARDS) -> int:
    """Of all its GPUs together."""
    record = cards.get(offer.gpu)
    each = 0 if record is None else idle_card.reported_memory(record)
    return offer.gpu_count * (each or round(offer.gpu_memory_gb * GB))


def in_words(offer: Offer, disk: int | None = None) -> str | None:
    """``8x H100 SXM 80GB, 1920 GiB RAM``, without the RAM where it is not stated; None where no table has the GPU.

    ``disk``: as in ``as_machine``.
    """
    if not offer.gpu:
        return None
    words = f"{offer.gpu_count}x {offer.accelerator}"
    if offer.ram_gib is not None:
        words += f", {offer.ram_gib:.6f}".rstrip("0").rstrip(".") + " GiB RAM"
    return words if disk is None else f"{words}, {disk / GB:.6f}".rstrip("0").rstrip(".") + " GB disk"


def alike(offer: Offer) -> tuple[object, ...]:
    """All that an answer about its hardware depends on: offers with the same value are judged once."""
    return (*computes_alike(offer), offer.local_disk_gb, offer.link, offer.fabric, offer.fabric_gbit)


def computes_alike(offer: Offer) -> tuple[object, ...]:
    """All that its plans depend on."""
    return (
        offer.vendor, offer.accelerator, offer.gpu, offer.gpu_count, offer.gpu_memory_gb, offer.compute_capability,
        offer.ram_gib,
    )  # fmt: skip
