"""Finds the row of the GPU table for a written name: ``4090``, ``H100 SXM``, ``7900 xtx``, ``RTX 4060 Ti 8GB``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from llmcheck.codec import nearest
from llmcheck.errors import DataError
from llmcheck.gpus import vendors
from llmcheck.gpus.identify import GpuRecord, normalized
from llmcheck.gpus.names import short_name
from llmcheck.gpus.unified_memory import SharedRam
from llmcheck.schema.gpu import GpuSpec

_JOINED = re.compile(
    r"\b(?:rtx|gtx|rx|geforce|quadro|tesla|titan|radeon|arc|gaudi|max)(?=[0-9])"
    r"|[0-9](?=(?:ti|super|xtx|xt|gre|laptop|mobile|pcie|sxm|nvl|hbm|pro|max|ultra)(?![a-z]{2}))"
    r"|[0-9]{4}(?=d\b)|(?<![a-z])ti(?=super)|[0-9](?=tisuper)"
)
"""Words that are often written without a blank between them: ``rtx4090``, ``4070ti``."""
_SIZE_WORD = re.compile(r"[0-9]+gb?")
_BRAND = frozenset({
    "geforce", "rtx", "gtx", "tesla", "quadro", "instinct", "apple", "radeon", "rx", "arc", "data", "center", "gpu",
    "generation", "edition", "nvgpu",
})  # fmt: skip
"""Words of names that people omit. They identify no card."""
_FORM = frozenset({
    "pcie", "sxm", "sxm2", "sxm4", "sxm5", "sxm6", "hgx", "dgx", "hbm2", "hbm2e", "hbm3", "hbm3e", "ac", "workstation",
    "server",
})  # fmt: skip
"""Form factors: they select a card only where they are written."""
_VARIANT = frozenset({
    "ti", "super", "d", "laptop", "max", "q", "ultra", "xt", "xtx", "gre", "sff", "v2",
})  # fmt: skip
"""Words that make another card of the name without them."""
_PRO_VARIANT = _VARIANT | {"pro"}
_BY_MEMORY = frozenset({"nvl"})
"""Variants that the memory size identifies as well: ``H100 94GB``."""
_SYNONYMS = {"mobile": "laptop", "notebook": "laptop", "nvlink": "sxm"}
_WITHOUT_NUMBER = frozenset({"titan", "thor", "orin", "spark", "halo", "gaudi"})
"""Words that name a card although they contain no number."""


LARGEST = 288
"""GB of the largest cards that are sold; a larger size is no card's."""


class Card(Struct, frozen=True, kw_only=True):
    record: GpuRecord
    memory_ratio: float = 1.0
    """Its memory divided by that of the row; not 1 for another size that was sold under the same name."""


_WITH_BF16 = "8.0"
"""Compute capability from which NVIDIA's cards compute in bf16 (CUDA C++ Programming Guide, compute capabilities)."""


class _Match(Struct, frozen=True, kw_only=True):
    record: GpuRecord
    words: frozenset[str]
    """All words of its names, without sizes."""
    unwritten: frozenset[str]
    """The words of its name that the user did not write."""


def _words(name: str) -> frozenset[str]:
    """The words of a name without sizes; joined words are separated."""
    separated = _JOINED.sub(lambda found: f"{found[0]} ", normalized(name).replace("+", " "))
    return frozenset(_SYNONYMS.get(word, word) for word in separated.split() if not _SIZE_WORD.fullmatch(word))


def error(message: str) -> DataError:
    return DataError(f"--machine: {message}")


def shares_ram(record: GpuRecord) -> SharedRam | None:
    """How the GPU uses the machine's RAM; None for a card with memory of its own."""
    return vendors.named(record.vendor).shares_ram(record.spec.name)


def generic(size: str) -> Card:
    """A card that is only known by its memory: one of NVIDIA's that computes in bf16, of no known speed."""
    gigabytes = _gigabytes(size)
    spec = GpuSpec(name=f"{gigabytes:g} GB card", memory_gb=gigabytes, source="as stated")
    return Card(record=GpuRecord(vendor="nvidia", spec=spec, capability=_WITH_BF16, as_of=""))


def is_name(text: str, specs: Sequence[GpuRecord]) -> bool:
    """Whether the text names one or several cards of the table."""
    return bool(_matching(_words(text), specs))


def is_whole_name(text: str, specs: Sequence[GpuRecord]) -> bool:
    """Whether the text is exactly a name of a card that shares the RAM, so that no part of it is a size."""
    found = _exactly(text, None, specs)
    return found is not None and shares_ram(found) is not None


def card(part: str, bare: str, size: str | None, specs: Sequence[GpuRecord], notes: list[str]) -> Card:
    """The card that ``part`` names; ``bare`` is ``part`` without its memory size ``size``.

    Appends a note for each choice between several cards. Raises DataError.
    """
    record = _exactly(part, None, specs) or _exactly(bare, size, specs) or _find(bare, size, part, specs, notes)
    others, full = record.other_sizes_gb, record.spec.memory_gb or 0.0
    if size is None and others:
        sold = " or ".join(f"{other:g} GB" for other in others)
        notes.append(f"{part!r} is read as the card with {full:g} GB; the same name was also sold with {sold}")
    if size is not None and not _has_size(record, size) and _is_doubled(record, size):
        notes.append(f"{part!r} is read as {record.spec.name} with twice its memory, as such cards are modified")
        return Card(record=record, memory_ratio=2.0)
    if size is None or _gigabytes(size) not in others:
        return Card(record=record)
    notes.append(f"the table has no rates of {record.spec.name} with {_gigabytes(size):g} GB")
    return Card(record=record, memory_ratio=_gigabytes(size) / full)


def _exactly(name: str, size: str | None, specs: Sequence[GpuRecord]) -> GpuRecord | None:
    """The row with exactly this name, and with this memory size where one is written."""
    wanted = normalized(name)
    named = [each for each in specs if wanted in map(normalized, (each.spec.name, *each.aliases))]
    fitting = [each for each in named if size is None or _has_size(each, size)]
    return fitting[0] if len(fitting) == 1 else None


def _find(bare: str, size: str | None, part: str, specs: Sequence[GpuRecord], notes: list[str]) -> GpuRecord:
    rows = _matching(_words(bare), specs)
    if not rows:
        raise error(f"unknown GPU {part!r}; {_near(bare, specs)}")
    plain = [row for row in rows if not _is_variant(row)] or rows
    if size is not None:
        sized = [row for row in plain if _has_size(row.record, size)]
        sized = sized or [row for row in plain if _is_doubled(row.record, size)]
        if not sized:
            raise error(_other_sizes(part, size, plain, rows))
        plain = sized
    return _one([row for row in plain if not row.unwritten & _BY_MEMORY] or plain, part, notes)


def _matching(written: frozenset[str], specs: Sequence[GpuRecord]) -> list[_Match]:
    """The rows that have every written word; none where no written word names a card."""
    records = [(record, _record_words(record)) for record in specs]
    every = frozenset[str]().union(*(words for _, words in records))
    written = frozenset(word if word in every else word.removesuffix("s") for word in written)  # "8 H100s"
    if not any(word in _WITHOUT_NUMBER or (len(word) > 1 and re.search(r"[0-9]", word)) for word in written - _FORM):
        return []
    return [
        _Match(record=record, words=words, unwritten=_words(record.spec.name) - written - _BRAND)
        for record, words in records
        if written <= words
    ]


def _record_words(record: GpuRecord) -> frozenset[str]:
    return frozenset(record.search_words).union(*map(_words, (record.spec.name, *record.aliases)))


def _is_variant(row: _Match) -> bool:
    """Whether an unwritten word of its name makes it another card than the written one."""
    return bool(row.unwritten & (_PRO_VARIANT if vendors.named(row.record.vendor).pro_is_variant else _VARIANT))


def _has_size(record: GpuRecord, size: str) -> bool:
    """Whether the card is sold with this memory or has it in its name; any size for a GPU that shares the RAM."""
    if shares_ram(record):
        return True
    number = _gigabytes(size)
    named = [float(found[1]) for found in re.finditer(r"\b([0-9]+)GB?\b", record.spec.name)]
    return any(abs(each - number) < 0.5 for each in (record.spec.memory_gb or 0.0, *record.other_sizes_gb, *named))


def _is_doubled(record: GpuRecord, size: str) -> bool:
    """Whether the size is that of a card with larger memory chips, which are sold as modified ones."""
    return not shares_ram(record) and abs(2 * (record.spec.memory_gb or 0.0) - _gigabytes(size)) < 0.5


def _gigabytes(size: str) -> float:
    """A written memory size in GB; GB and GiB are the same here, as on the box of a card."""
    return float(re.split(r"[^0-9.]", size)[0]) * (1000 if "t" in size.lower() else 1)


def _other_sizes(part: str, size: str, plain: Iterable[_Match], rows: Iterable[_Match]) -> str:
    offered = _memories(plain)
    others = [row.record.spec.name for row in rows if _has_size(row.record, size)]
    hint = f"; with {size}: {', '.join(others)}" if others else ""
    return (
        f"{part!r} is not in the table with that memory, only with {offered}{hint}; if it is RAM, write 'RAM' after it"
    )


def _memories(rows: Iterable[_Match]) -> str:
    return " or ".join(f"{size:g} GB" for size in sorted({row.record.spec.memory_gb or 0.0 for row in rows}))


def _one(rows: Sequence[_Match], part: str, notes: list[str]) -> GpuRecord:
    """The only row, or the slowest one where the rows differ only in the form factor."""
    kinds = {(row.unwritten - _FORM - _BY_MEMORY, row.record.capability) for row in rows}
    if len(kinds) > 1:
        named = [f"{row.record.spec.name} ({row.record.spec.memory_gb or 0:g} GB)" for row in rows[:4]]
        more = f" or {len(rows) - 4} more" if len(rows) > 4 else ""
        raise error(f"{part!r} matches several cards: {' or '.join(named)}{more}; write more of the name")
    if len({row.record.spec.memory_gb for row in rows}) > 1:
        largest = max(row.record.spec.memory_gb or 0.0 for row in rows)
        raise error(f"{part!r} matches several cards: {_memories(rows)}; write for example '{part} {largest:g}GB'")
    slowest = min((row.record for row in rows), key=_speed)
    if len(rows) > 1:
        others = ", ".join(row.record.spec.name for row in rows if row.record is not slowest)
        notes.append(f"{part!r} is read as {slowest.spec.name}, the slowest card of that name; others: {others}")
    return slowest


def _speed(record: GpuRecord) -> tuple[float, float]:
    return record.spec.bandwidth_gb_s or 0.0, record.spec.bf16_tflops or record.spec.fp16_tflops or 0.0


def _near(bare: str, specs: Iterable[GpuRecord]) -> str:
    """A hint with the most similar names; each name is compared in full and without brand, form factor and size."""
    names: dict[str, str] = {}
    for record in specs:
        full = [word for word in normalized(record.spec.name).split() if word != "geforce"]
        core = [word for word in full if word not in _BRAND | _FORM and not _SIZE_WORD.fullmatch(word)]
        for spelling in (" ".join(full), " ".join(core)):
            names.setdefault(spelling, short_name(record.spec.name))
    close = dict.fromkeys(names[each] for each in nearest(normalized(bare), names, 9))
    return f"nearest: {', '.join(list(close)[:3])}" if close else "no GPU in the table has a similar name"
