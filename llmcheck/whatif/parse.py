"""Builds a hypothetical machine from a description such as ``2x RTX 4090, 64 GB RAM, 1 TB``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from llmcheck.errors import DataError
from llmcheck.fit.capacity import in_words
from llmcheck.gpus import idle_card
from llmcheck.gpus.identify import GpuRecord, identify
from llmcheck.gpus.names import short_name
from llmcheck.schema.bounds import MOST_GPUS
from llmcheck.schema.machine import Disk, Gpu, Machine, Ram
from llmcheck.units import GB, GIB, MIB, format_gb
from llmcheck.whatif import cards
from llmcheck.whatif.cards import Card

_MOST_BYTES = 10**18
_MOST_TEXT = 500
_LARGE_DISK = 1000 * GB
"""A size without a label is a disk from this size on, and RAM below."""
_EXAMPLE = "write for example '2x RTX 4090, 64 GB RAM'"

# --- sizes ---

_UNITS = {"mb": 10**6, "mib": MIB, "g": GB, "gb": GB, "gib": GIB}
_UNITS |= {"t": 1000 * GB, "tb": 1000 * GB, "tib": 1024 * GIB, "pb": 10**6 * GB, "pib": 1024**2 * GIB}
_NUMBER = r"(?<![\w.])[0-9]{1,12}(?:\.[0-9]{1,6})?"
_SIZE = rf"{_NUMBER}\s*(?:[mp]i?b|[gt](?:i?b)?)\b"
_RAM_WORD = r"(?:(?:system|main|unified)\s+)?(?:ddr[345]\s*(?:ram|memory)?|ram|memory)\b"
_DISK_WORD = r"(?:free\s+)?(?:nvme\s+)?(?:disk|ssd|nvme|hdd|storage|free)\b(?:\s+(?:space|free)\b)?"
_LABELLED = re.compile(
    rf"(?P<ram>{_SIZE})\s*(?:of\s+)?{_RAM_WORD}|(?P<disk>{_SIZE})\s*(?:of\s+)?{_DISK_WORD}"
    rf"|\b{_RAM_WORD}\s*[:=]?\s*(?P<ram_behind>{_SIZE})|\b{_DISK_WORD}\s*[:=]?\s*(?P<disk_behind>{_SIZE})",
    re.IGNORECASE,
)
_WITHOUT_UNIT = re.compile(
    rf"(?P<number>{_NUMBER})(?:\s*(?:{_RAM_WORD}|{_DISK_WORD}))?|(?:{_RAM_WORD}|{_DISK_WORD})\s*[:=]?\s*{_NUMBER}",
    re.IGNORECASE,
)

_NEGATIVE = re.compile(r"(?:^|[\s,;&])-[0-9]")

# --- the parts of a text ---

# The plus sign of "Max+ 395" is part of a name.
_SEPARATOR = re.compile(r"[,;&]|\+(?!\s*395\b)|\band\b|\bwith\b", re.IGNORECASE)
_NO_GPU = frozenset({"cpu", "cpu only", "cpu-only", "no gpu", "no gpus", "none"})
# "7900xtx", "6800 xt" and "4070 Ti" are names, and "24 GB" is a size: none of them is a count.
_COUNT_FIRST = re.compile(
    r"(?:([0-9]{1,12})\s*[x×*](?!tx?\b)\s*|([0-9]{1,3})\s+(?=[a-z])(?![mgtp]i?b?\b))(?P<name>\S.*)", re.IGNORECASE
)
_COUNT_LAST = re.compile(r"(.+?)(?:(?<=[0-9\s])|(?<=[0-9][a-z]))\s*[x×*]\s*([0-9]{1,12})", re.IGNORECASE)
_FILLER = re.compile(
    r"\b(?:mac\s*book(?:\s+(?:pro|air))?|mac\s*(?:studio|pro|mini)|imac|each|gpus?|cards?|vram|(?:gpu|video)\s+memory|of)\b",
    re.IGNORECASE,
)


class WhatIf(Struct, frozen=True, kw_only=True):
    machine: Machine
    words: str
    """``2 x NVIDIA GeForce RTX 4090 (24.0 GiB), 64 GB RAM``."""
    assumptions: tuple[str, ...] = ()
    """What the description left open and how it was read, a line each."""


class _Group(Struct, frozen=True, kw_only=True):
    card: Card
    count: int
    size: int | None = None
    """Bytes of memory that were written with the name."""

    @property
    def record(self) -> GpuRecord:
        return self.card.record


class _Parsed(Struct, kw_only=True):
    """The parts that have been read so far; sizes in bytes, None until one is read."""

    groups: list[_Group] = []
    ram: int | None = None
    disk: int | None = None
    no_gpu: bool = False
    bare: list[str] = []
    """Sizes that say neither what they are of nor stand next to a name."""
    notes: list[str] = []


def looks_like(text: str) -> bool:
    """Whether the text is a description and not the name of a file."""
    text = text.strip()
    return text != "-" and not re.search(r"[\\/]|\.[a-z]\w{0,7}$", text, re.IGNORECASE)


def machine(text: str, specs: Sequence[GpuRecord]) -> WhatIf:
    """A machine with idle GPUs from the table, and with RAM and disk as written, None where not. No software is known.

    Sizes may be in lower case and without a blank. Raises DataError with one line for any other text; it lists the most
    similar cards for an unknown name, and the candidates for an ambiguous one.
    """
    _check(text)
    parsed = _Parsed()
    for part in _SEPARATOR.split(" ".join(text.split())):
        bare = _LABELLED.sub(lambda found: _take_labelled(found, parsed), part).strip(" .:")
        if bare:
            _take(bare, parsed, specs)
    _take_bare_sizes(parsed)
    if parsed.no_gpu and parsed.groups:
        raise cards.error(f"{text!r} names both GPUs and none")
    if not (parsed.groups or parsed.no_gpu or parsed.ram is not None):
        raise cards.error(f"no GPU and no RAM in {text!r}; {_EXAMPLE}")
    return _built(parsed, specs)


def _check(text: str) -> None:
    if not text.strip() or len(text) > _MOST_TEXT:
        problem = f"{len(text):,} characters; at most {_MOST_TEXT}" if text.strip() else "the description is empty"
        raise cards.error(f"{problem}; {_EXAMPLE}")
    if not " ".join(text.split()).isprintable():
        raise cards.error(f"{text!r} contains characters that no name has; {_EXAMPLE}")
    if _NEGATIVE.search(text):
        raise cards.error(f"{text!r} contains a negative number; {_EXAMPLE}")


# --- parts ---


def _take_labelled(found: re.Match[str], parsed: _Parsed) -> str:
    ram = found["ram"] or found["ram_behind"]
    if ram:
        _set_size(parsed, "ram", _bytes(ram), found[0])
    else:
        _set_size(parsed, "disk", _bytes(found["disk"] or found["disk_behind"]), found[0])
    return " "


def _set_size(parsed: _Parsed, field: str, size: int, words: str) -> None:
    if getattr(parsed, field) is not None:
        raise cards.error(f"{words.strip()!r} is a second size of the {'RAM' if field == 'ram' else 'disk'}")
    setattr(parsed, field, size)


def _take(part: str, parsed: _Parsed, specs: Sequence[GpuRecord]) -> None:
    without_unit = _WITHOUT_UNIT.fullmatch(part)
    if part.lower() in _NO_GPU:
        parsed.no_gpu = True
    elif re.fullmatch(_SIZE, part, re.IGNORECASE):
        parsed.bare.append(part)
    elif without_unit and not (without_unit["number"] == part and len(part) > 2 and cards.is_name(part, specs)):
        raise cards.error(f"{part!r} has no unit and is no GPU in the table; write '64 GB RAM' or '1 TB disk'")
    else:
        _take_group(part, parsed, specs)


def _take_bare_sizes(parsed: _Parsed) -> None:
    """A single size where no GPU is named is that of one: people ask what a 24 GB card runs."""
    if len(parsed.bare) == 1 and not parsed.groups and not parsed.no_gpu:
        gigabytes = _bytes(parsed.bare[0]) / GB
        if gigabytes <= cards.LARGEST:
            parsed.groups.append(_Group(card=_generic(parsed.bare[0], 1, parsed), count=1))
            return
    for part in parsed.bare:
        _take_bare(part, parsed)


def _generic(written: str, count: int, parsed: _Parsed) -> Card:
    found = cards.generic(written)
    what = "the memory of one GPU" if count == 1 else f"the memory of each of {count} GPUs"
    parsed.notes.append(
        f"'{written}' is taken as {what} of no particular kind, by NVIDIA and with bf16: name the card for its speed, "
        f"or write '{written} RAM'"
    )
    return found


def _take_bare(part: str, parsed: _Parsed) -> None:
    size = _bytes(part)
    if size < _LARGE_DISK and parsed.ram is None and not _shares_ram(parsed):
        parsed.ram = size
    elif parsed.disk is None:
        parsed.disk = size
    else:
        raise cards.error(f"{part!r} is one size too many; write 'RAM' or 'disk' behind each")


def _shares_ram(parsed: _Parsed) -> bool:
    """Whether a size next to a GPU has already given the RAM."""
    return any(group.size is not None and cards.shares_ram(group.record) for group in parsed.groups)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9.]+)\s*([a-z]+)", text.lower())
    size = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if not 0 < size <= _MOST_BYTES:
        raise cards.error(f"{text!r} is no size of a machine")
    return size


def _take_group(part: str, parsed: _Parsed, specs: Sequence[GpuRecord]) -> None:
    count, name = _counted(part)
    if not 0 < count <= MOST_GPUS:
        raise _too_many(count)
    alone = re.sub(r"\s*\bcards?$", "", name, flags=re.IGNORECASE)  # "24 GB card" is how a generic one is called
    if re.fullmatch(_SIZE, alone, re.IGNORECASE) and _bytes(alone) <= cards.LARGEST * GB:
        parsed.groups.append(_Group(card=_generic(alone, count, parsed), count=count))
        return
    # the last one: "Arc 140T" is a name, and so is its part that looks like a size
    sizes = [] if cards.is_whole_name(name, specs) else list(re.finditer(_SIZE, name, re.IGNORECASE))
    size = sizes[-1] if sizes else None
    bare = name if size is None else f"{name[: size.start()]} {name[size.end() :]}"
    written = None if size is None else size[0]
    card = cards.card(name, _FILLER.sub(" ", bare), written, specs, parsed.notes)
    parsed.groups.append(_Group(card=card, count=count, size=None if written is None else _bytes(written)))


def _counted(part: str) -> tuple[int, str]:
    """The count, 1 where none is written, and the rest of the text."""
    first, last = _COUNT_FIRST.fullmatch(part), _COUNT_LAST.fullmatch(part)
    if first and not (last and re.fullmatch(r"[0-9]{1,3}", first["name"])):  # "4090x2" is two cards
        return int(first[1] or first[2]), first["name"]
    if last:
        return int(last[2]), last[1].strip()
    return 1, part


def _too_many(count: int) -> DataError:
    return cards.error(f"{count:,} GPUs; expected 1 to {MOST_GPUS:,}")


# --- the machine ---


def _built(parsed: _Parsed, specs: Sequence[GpuRecord]) -> WhatIf:
    ram = _with_shared(parsed)
    count = sum(group.count * _devices(group.record) for group in parsed.groups)
    if count > MOST_GPUS:
        raise _too_many(count)
    gpus: list[Gpu] = []
    for group in parsed.groups:
        memory = _memory(group.card, ram, group.count)
        devices = range(len(gpus), len(gpus) + group.count * _devices(group.record))
        gpus.extend(idle_card.gpu(group.record, index, memory) for index in devices)
    notes = [*parsed.notes, *(note for group in parsed.groups for note in _notes(group.record, ram))]
    disk = parsed.disk
    found = Machine(
        hypothetical=True,
        os=idle_card.system(group.record for group in parsed.groups),
        ram=Ram(total=ram, available=ram, usable=ram),
        gpus=tuple(gpus),
        disks=None if disk is None else (Disk(role="models", path="/", size=disk, free=disk),),
    )
    words = in_words(found) + ("" if disk is None else f", {format_gb(disk)} disk")
    return WhatIf(machine=identify(found, specs), words=words, assumptions=tuple(dict.fromkeys(notes)))


def _with_shared(parsed: _Parsed) -> int | None:
    """The RAM in bytes, written separately or with a GPU that shares it; None if neither is written."""
    group = next((group for group in parsed.groups if cards.shares_ram(group.record)), None)
    rule = cards.shares_ram(group.record) if group else None
    if group is None or rule is None:
        return parsed.ram
    name = group.record.spec.name
    if len(parsed.groups) > 1:
        other = next(each.record.spec.name for each in parsed.groups if each is not group)
        raise cards.error(f"{name} is the processor of its machine, which cannot also have {other}")
    if group.count > rule.max_processors:
        most = "one" if rule.max_processors == 1 else f"at most {rule.max_processors}"
        raise cards.error(f"{group.count:,} x {name}: a machine has {most}")
    advertised = group.record.spec.memory_gb
    size = group.size or (None if advertised is None else round(advertised * GIB))
    if group.size and parsed.ram and group.size * group.count != parsed.ram:
        raise cards.error(f"{name} shares the RAM: {format_gb(group.size * group.count)} or {format_gb(parsed.ram)}?")
    if parsed.ram or size:
        return rule.reported(parsed.ram or (size or 0) * group.count)
    raise cards.error(f"the memory of {name} is the machine's RAM; write for example '{short_name(name)} 64GB'")


def _memory(card: Card, ram: int | None, count: int) -> int | None:
    """Bytes that each device may use; for a GPU that shares the RAM, what the probes would find on a real machine."""
    record, rule = card.record, cards.shares_ram(card.record)
    if rule is None:
        return round(idle_card.reported_memory(record) * card.memory_ratio) or None
    return None if ram is None else rule.per_gpu(ram, count)


def _devices(record: GpuRecord) -> int:
    """How many GPUs a card appears as: a card with two dies appears as two, each with its part of the memory."""
    advertised = (record.spec.memory_gb or 0) * GIB
    return max(1, round(advertised / record.memory_reported)) if record.memory_reported else 1


def _notes(record: GpuRecord, ram: int | None) -> Iterable[str]:
    rule = cards.shares_ram(record)
    note = rule.note(ram) if rule and ram else None
    if note:
        yield note
    if _devices(record) > 1:
        yield f"each {record.spec.name} appears as {_devices(record)} GPUs; no rates of a single one are published"
