"""A machine in words, such as ``2x RTX 4090, 64 GB RAM, 1 TB``: one that is not there, with cards from the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from llmcheck.errors import DataError
from llmcheck.fit.capacity import in_words
from llmcheck.gpus import vendors
from llmcheck.gpus.identify import GpuRecord, identify
from llmcheck.gpus.names import short_name
from llmcheck.schema.machine import Disk, Gpu, Machine, Os, Ram
from llmcheck.units import GB, GIB, MIB, format_gb
from llmcheck.whatif import cards
from llmcheck.whatif.cards import Card

_MOST_GPUS = 4096
_MOST_BYTES = 10**18
_MOST_TEXT = 500
_LARGE_DISK = 1000 * GB
"""A bare size from here on is a disk."""
_EXAMPLE = "write such as '2x RTX 4090, 64 GB RAM'"

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
_BETWEEN = re.compile(r"[,;&]|\+(?!\s*395\b)|\band\b|\bwith\b", re.IGNORECASE)
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

_ARM = re.compile(r"Orin \(nvgpu\)|NVIDIA (?:Thor|GB10|GH200.*|GB200|GB300)")


class WhatIf(Struct, frozen=True, kw_only=True):
    machine: Machine
    words: str
    """``2 x NVIDIA GeForce RTX 4090 (24.0 GiB), 64 GB RAM``."""
    assumptions: tuple[str, ...] = ()
    """What the words left open and was chosen, a line each."""


class _Group(Struct, frozen=True, kw_only=True):
    card: Card
    count: int
    size: int | None = None
    """Bytes that were written beside the name."""

    @property
    def known(self) -> GpuRecord:
        return self.card.known


class _Stated(Struct, kw_only=True):
    """What has been read so far; sizes in bytes, None while not stated."""

    groups: list[_Group] = []
    ram: int | None = None
    disk: int | None = None
    no_gpu: bool = False
    notes: list[str] = []


def looks_like(text: str) -> bool:
    """Whether it is meant as words rather than as the name of a file."""
    text = text.strip()
    return text != "-" and not re.search(r"[\\/]|\.[a-z]\w{0,7}$", text, re.IGNORECASE)


def machine(text: str, specs: Sequence[GpuRecord]) -> WhatIf:
    """Idle GPUs of the table; RAM and disk as written, None where they are not; nothing is known of its software.

    Sizes may be written in small letters and without a blank. Raises DataError, one line, for words that name no
    machine: with the nearest cards for a name that no row has, with the candidates for one that several have.
    """
    _check(text)
    stated = _Stated()
    for part in _BETWEEN.split(" ".join(text.split())):
        bare = _LABELLED.sub(lambda found: _take_labelled(found, stated), part).strip(" .:")
        if bare:
            _take(bare, stated, specs)
    if stated.no_gpu and stated.groups:
        raise cards.error(f"{text!r} names both GPUs and none")
    if not (stated.groups or stated.no_gpu or stated.ram is not None):
        raise cards.error(f"no GPU and no RAM in {text!r}; {_EXAMPLE}")
    return _built(stated, specs)


def _check(text: str) -> None:
    if not text.strip() or len(text) > _MOST_TEXT:
        said = f"{len(text):,} characters, of {_MOST_TEXT} at most" if text.strip() else "nothing is stated"
        raise cards.error(f"{said}; {_EXAMPLE}")
    if not " ".join(text.split()).isprintable():
        raise cards.error(f"{text!r} holds characters that are in no name; {_EXAMPLE}")
    if _NEGATIVE.search(text):
        raise cards.error(f"{text!r} holds a negative number; {_EXAMPLE}")


# --- parts ---


def _take_labelled(found: re.Match[str], stated: _Stated) -> str:
    ram = found["ram"] or found["ram_behind"]
    if ram:
        _state(stated, "ram", _bytes(ram), found[0])
    else:
        _state(stated, "disk", _bytes(found["disk"] or found["disk_behind"]), found[0])
    return " "


def _state(stated: _Stated, field: str, size: int, words: str) -> None:
    if getattr(stated, field) is not None:
        raise cards.error(f"{words.strip()!r} says again how much {'RAM' if field == 'ram' else 'disk'} there is")
    setattr(stated, field, size)


def _take(part: str, stated: _Stated, specs: Sequence[GpuRecord]) -> None:
    without_unit = _WITHOUT_UNIT.fullmatch(part)
    if part.lower() in _NO_GPU:
        stated.no_gpu = True
    elif re.fullmatch(_SIZE, part, re.IGNORECASE):
        _take_bare(part, stated)
    elif without_unit and not (without_unit["number"] == part and cards.is_name(part, specs)):
        raise cards.error(f"{part!r} has no unit, and is no GPU of the table; write such as '64 GB RAM' or '1 TB disk'")
    else:
        _take_group(part, stated, specs)


def _take_bare(part: str, stated: _Stated) -> None:
    size = _bytes(part)
    if size < _LARGE_DISK and stated.ram is None and not _shares_ram(stated):
        stated.ram = size
    elif stated.disk is None:
        stated.disk = size
    else:
        raise cards.error(f"{part!r} is one size too many; write 'RAM' or 'disk' behind each")


def _shares_ram(stated: _Stated) -> bool:
    """Whether a size beside a GPU has already said how much RAM there is."""
    return any(group.size is not None and cards.shares_ram(group.known) for group in stated.groups)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9.]+)\s*([a-z]+)", text.lower())
    size = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if not 0 < size <= _MOST_BYTES:
        raise cards.error(f"{text!r} is no size of a machine")
    return size


def _take_group(part: str, stated: _Stated, specs: Sequence[GpuRecord]) -> None:
    count, name = _counted(part)
    if not 0 < count <= _MOST_GPUS:
        raise _too_many(count)
    size = re.search(_SIZE, name, re.IGNORECASE)
    bare = name if size is None else f"{name[: size.start()]} {name[size.end() :]}"
    written = None if size is None else size[0]
    card = cards.card(name, _FILLER.sub(" ", bare), written, specs, stated.notes)
    stated.groups.append(_Group(card=card, count=count, size=None if written is None else _bytes(written)))


def _counted(part: str) -> tuple[int, str]:
    """How many, and of what; 1 where no count is written."""
    first, last = _COUNT_FIRST.fullmatch(part), _COUNT_LAST.fullmatch(part)
    if first and not (last and re.fullmatch(r"[0-9]{1,3}", first["name"])):  # "4090x2" is two cards
        return int(first[1] or first[2]), first["name"]
    if last:
        return int(last[2]), last[1].strip()
    return 1, part


def _too_many(count: int) -> DataError:
    return cards.error(f"{count:,} GPUs; expected 1 to {_MOST_GPUS:,}")


# --- the machine ---


def _built(stated: _Stated, specs: Sequence[GpuRecord]) -> WhatIf:
    ram = _with_shared(stated)
    count = sum(group.count * _devices(group.known) for group in stated.groups)
    if count > _MOST_GPUS:
        raise _too_many(count)
    gpus: list[Gpu] = []
    for group in stated.groups:
        memory = _memory(group.card, ram, group.count)
        devices = range(len(gpus), len(gpus) + group.count * _devices(group.known))
        gpus.extend(_gpu(group.known, index, memory) for index in devices)
    notes = [*stated.notes, *(note for group in stated.groups for note in _notes(group.known, ram))]
    disk = stated.disk
    found = Machine(
        hypothetical=True,
        os=_system(stated.groups),
        ram=Ram(total=ram, available=ram, usable=ram),
        gpus=tuple(gpus),
        disks=None if disk is None else (Disk(role="models", path="/", size=disk, free=disk),),
    )
    words = in_words(found) + ("" if disk is None else f", {format_gb(disk)} disk")
    return WhatIf(machine=identify(found, specs), words=words, assumptions=tuple(dict.fromkeys(notes)))


def _system(groups: Iterable[_Group]) -> Os:
    names = [group.known.spec.name for group in groups]
    bound = next((system for group in groups if (system := vendors.named(group.known.vendor).system)), None)
    if bound is not None:
        return Os(system=bound[0], architecture=bound[1])
    return Os(system="linux", architecture="aarch64" if any(map(_ARM.fullmatch, names)) else "x86_64")


def _with_shared(stated: _Stated) -> int | None:
    """The RAM in bytes, whether it was stated as such or beside a GPU that has none of its own; None if neither."""
    group = next((group for group in stated.groups if cards.shares_ram(group.known)), None)
    rule = cards.shares_ram(group.known) if group else None
    if group is None or rule is None:
        return stated.ram
    name = group.known.spec.name
    if len(stated.groups) > 1:
        other = next(each.known.spec.name for each in stated.groups if each is not group)
        raise cards.error(f"{name} is a whole machine's processor; it cannot stand beside {other}")
    if group.count > rule.most:
        most = "one" if rule.most == 1 else f"at most {rule.most}"
        raise cards.error(f"{group.count:,} x {name}: a machine has {most}")
    advertised = group.known.spec.memory_gb
    size = group.size or (None if advertised is None else round(advertised * GIB))
    if group.size and stated.ram and group.size * group.count != stated.ram:
        raise cards.error(f"{name} shares the RAM: {format_gb(group.size * group.count)} or {format_gb(stated.ram)}?")
    if stated.ram or size:
        return rule.reported(stated.ram or (size or 0) * group.count)
    raise cards.error(f"the memory of {name} is the machine's RAM; write such as '{short_name(name)} 64GB'")


def _memory(card: Card, ram: int | None, count: int) -> int | None:
    """Bytes that each device may use; of shared memory what the probes would find on such a machine."""
    known, rule = card.known, cards.shares_ram(card.known)
    if rule is None:
        whole = known.memory_reported or round((known.spec.memory_gb or 0) * GIB)
        return round(whole * card.share) or None
    return None if ram is None else rule.of_gpu(ram, count)


def _devices(known: GpuRecord) -> int:
    """How many GPUs a card shows itself as: cards of two dies are two, each with its share of the memory."""
    advertised = (known.spec.memory_gb or 0) * GIB
    return max(1, round(advertised / known.memory_reported)) if known.memory_reported else 1


def _notes(known: GpuRecord, ram: int | None) -> Iterable[str]:
    rule = cards.shares_ram(known)
    note = rule.note(ram) if rule and ram else None
    if note:
        yield note
    if _devices(known) > 1:
        yield f"each {known.spec.name} shows itself as {_devices(known)} GPUs, and no rates are published of one alone"


def _gpu(known: GpuRecord, index: int, memory: int | None) -> Gpu:
    field = vendors.named(known.vendor).architecture_field
    return Gpu(
        vendor=known.vendor,
        index=index,
        name=known.spec.name,
        memory_total=memory,
        memory_used=0,
        memory_free=memory,
        compute_capability=known.capability if field == "compute_capability" else None,
        gfx=known.capability if field == "gfx" else None,
        unified=cards.shares_ram(known) is not None,
    )
