"""Which published card a GPU is: by its name, and by its memory where one name was sold with several sizes.

A row speaks of a whole card as it was sold, so nothing that is a part of one gets its figures: MIG instances,
partitions, virtual GPUs, and one of several devices of a card (a die of the MI250X, a tile of the Max 1550).
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

# Reported memory varies by a few percent with driver, firmware and error correction (15/16 on GDDR); the next size
# that was sold under the same name is always further off.
_TOLERANCE = 0.1
# A card reports at least 0.93 of its advertised number in GiB; a device with less of it is only a part of the card.
_WHOLE = 0.93
_VIRTUAL = re.compile(r"\bGRID\b|-\d+[ABCQ]\b")


class GpuRecord(Struct, frozen=True, kw_only=True):
    """One row of the table: how a card is recognised, and what is published of it."""

    vendor: str
    """As in ``Gpu.vendor``."""
    spec: GpuSpec
    """Under the name that the driver reports."""
    aliases: tuple[str, ...] = ()
    arch: str | None = None
    capability: str | None = None
    """NVIDIA's compute capability or AMD's target; the word of the software stack (``xpu``) for other vendors."""
    memory_reported: int | None = None
    """Bytes that the driver reports; None where nobody has published it, and for memory that is shared."""
    as_of: str


def identify(machine: Machine, specs: Sequence[GpuRecord]) -> Machine:
    """The machine with what is published of each of its GPUs; None for those that no row describes."""
    if not machine.gpus:
        return machine
    by_name = _index(specs)
    return replace(machine, gpus=tuple(replace(gpu, spec=_spec(gpu, by_name)) for gpu in machine.gpus))


def normalized(name: str) -> str:
    """A name without vendor, trade marks, case and punctuation: ``geforce rtx 4090 laptop gpu``."""
    return " ".join(re.findall(r"[a-z0-9+]+", _noise().sub(" ", name.lower())))


@functools.cache
def _noise() -> re.Pattern[str]:
    words = "|".join(word for vendor in vendors.every() for word in vendor.ignored_words)
    return re.compile(rf"\((?:r|tm|c)\)|[®™©]|\b(?:{words}|graphics)\b")


def _index(specs: Iterable[GpuRecord]) -> dict[tuple[str, str], list[GpuRecord]]:
    """Rows by vendor and every spelling of their names."""
    found: dict[tuple[str, str], list[GpuRecord]] = {}
    for known in specs:
        spellings = (known.spec.name, *known.aliases)
        for spelling in dict.fromkeys((*spellings, *map(normalized, spellings))):
            found.setdefault((known.vendor, spelling), []).append(known)
    return found


def _spec(gpu: Gpu, by_name: dict[tuple[str, str], list[GpuRecord]]) -> GpuSpec | None:
    if not gpu.name or gpu.parent is not None or gpu.virtualization == "vgpu" or _VIRTUAL.search(gpu.name):
        return None
    for spelling in _spellings(gpu):
        rows = by_name.get((gpu.vendor, spelling))
        if rows:
            return _of_size(gpu, rows)
    return None


def _spellings(gpu: Gpu) -> Iterable[str]:
    """From the surest to the least."""
    name = gpu.name or ""
    yield name
    yield normalized(name)
    yield from map(normalized, vendors.of(gpu).model_names(name))


def _of_size(gpu: Gpu, rows: Sequence[GpuRecord]) -> GpuSpec | None:
    """The row whose memory is nearest, if it is near; where the memory is shared or unknown, the only row."""
    whole = [known for known in rows if not _is_part(known)]
    if gpu.memory_total is None or gpu.unified:
        return whole[0].spec if len(rows) == len(whole) == 1 else None
    fitting = [(_off(gpu.memory_total, known), known.spec) for known in whole]
    off, spec = min(fitting, key=lambda pair: pair[0], default=(1.0, None))
    return spec if off <= _TOLERANCE else None


def _off(memory: int, known: GpuRecord) -> float:
    """How far a size is from what the row's card reports, as a share of it; 0 where the row has no size."""
    expected = known.memory_reported or (known.spec.memory_gb or 0) * GIB
    return abs(memory - expected) / expected if expected else 0.0


def _is_part(known: GpuRecord) -> bool:
    """Whether the card shows itself as several devices, each with its share of the advertised memory."""
    if known.memory_reported is None or known.spec.memory_gb is None:
        return False
    return known.memory_reported < _WHOLE * known.spec.memory_gb * GIB
