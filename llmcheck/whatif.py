"""A machine in words, such as ``2x RTX 4090, 64 GB RAM, 1 TB``: one that is not there, with cards from the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from llmcheck.codec import nearest
from llmcheck.errors import DataError
from llmcheck.fit.room import in_words, without_vendor
from llmcheck.identify import Known, identify, normalized
from llmcheck.machine import Disk, Gpu, Machine, Os, Ram
from llmcheck.units import GB, GIB, MIB, decimal

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

# --- the words of a name ---

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
"""How a card is built in: it makes no other card unless it is asked for."""
_VARIANT = frozenset({
    "ti", "super", "d", "laptop", "max", "q", "ultra", "xt", "xtx", "gre", "sff",
})  # fmt: skip
"""The name without it is another card, if there is one."""
_APPLE_VARIANT = _VARIANT | {"pro"}
"""An RTX PRO is no variant of an RTX but another generation."""
_BY_MEMORY = frozenset({"nvl"})
"""As a variant, but its memory says enough: ``H100 94GB``."""
_SAME = {"mobile": "laptop", "notebook": "laptop", "nvlink": "sxm"}
_WITHOUT_NUMBER = frozenset({"titan", "thor", "orin", "spark", "halo", "gaudi"})
"""Words that name a card although they hold no number."""
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

# --- cards that are more than a card ---

_STRIX_HALO = "AMD Ryzen AI Max+ 395 (Radeon 8060S)"
_MOST_OF_ITS_KIND = {"Orin (nvgpu)": 1, "NVIDIA Thor": 1, "NVIDIA GB10": 1, _STRIX_HALO: 1, "AMD Instinct MI300A": 4}
"""Processors whose memory is the machine's RAM, and how many one machine can have."""
_ARM = re.compile(r"Orin \(nvgpu\)|NVIDIA (?:Thor|GB10|GH200.*|GB200|GB300)")
_APPLE_LARGE = 36 * GIB


class WhatIf(Struct, frozen=True, kw_only=True):
    machine: Machine
    words: str
    """``2 x NVIDIA GeForce RTX 4090 (24.0 GiB), 64 GB RAM``."""
    assumptions: tuple[str, ...] = ()
    """What the words left open and was chosen, a line each."""


class _Group(Struct, frozen=True, kw_only=True):
    known: Known
    count: int
    size: int | None = None
    """Bytes that were written beside the name."""


class _Row(Struct, frozen=True, kw_only=True):
    known: Known
    words: frozenset[str]
    """All that may be asked for, without sizes."""
    missing: frozenset[str]
    """Those of its name that were not asked for."""


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
    return text not in ("", "-") and not re.search(r"[\\/]|\.[a-z]\w{0,7}$", text, re.IGNORECASE)


def machine(text: str, specs: Sequence[Known]) -> WhatIf:
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
        raise _error(f"{text!r} names both GPUs and none")
    if not (stated.groups or stated.no_gpu or stated.ram is not None):
        raise _error(f"no GPU and no RAM in {text!r}; {_EXAMPLE}")
    return _built(stated, specs)


def _error(message: str) -> DataError:
    return DataError(f"--machine: {message}")


def _check(text: str) -> None:
    if not text.strip() or len(text) > _MOST_TEXT:
        said = f"{len(text):,} characters, of {_MOST_TEXT} at most" if text.strip() else "nothing is stated"
        raise _error(f"{said}; {_EXAMPLE}")
    if not " ".join(text.split()).isprintable():
        raise _error(f"{text!r} holds characters that are in no name; {_EXAMPLE}")


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
        raise _error(f"{words.strip()!r} says again how much {'RAM' if field == 'ram' else 'disk'} there is")
    setattr(stated, field, size)


def _take(part: str, stated: _Stated, specs: Sequence[Known]) -> None:
    without_unit = _WITHOUT_UNIT.fullmatch(part)
    if part.lower() in _NO_GPU:
        stated.no_gpu = True
    elif re.fullmatch(_SIZE, part, re.IGNORECASE):
        _take_bare(part, stated)
    elif without_unit and not (without_unit["number"] == part and _matching(_words(part), specs)):
        raise _error(f"{part!r} has no unit, and is no GPU of the table; write such as '64 GB RAM' or '1 TB disk'")
    else:
        _take_group(part, stated, specs)


def _take_bare(part: str, stated: _Stated) -> None:
    size = _bytes(part)
    if size < _LARGE_DISK and stated.ram is None and not _shares_ram(stated):
        stated.ram = size
    elif stated.disk is None:
        stated.disk = size
    else:
        raise _error(f"{part!r} is one size too many; write 'RAM' or 'disk' behind each")


def _shares_ram(stated: _Stated) -> bool:
    """Whether a size beside a GPU has already said how much RAM there is."""
    return any(group.size is not None and _is_unified(group.known) for group in stated.groups)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9.]+)\s*([a-z]+)", text.lower())
    size = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if not 0 < size <= _MOST_BYTES:
        raise _error(f"{text!r} is no size of a machine")
    return size


def _take_group(part: str, stated: _Stated, specs: Sequence[Known]) -> None:
    count, name = _counted(part)
    if not 0 < count <= _MOST_GPUS:
        raise _too_many(count)
    size = re.search(_SIZE, name, re.IGNORECASE)
    bare = name if size is None else f"{name[: size.start()]} {name[size.end() :]}"
    bare = _FILLER.sub(" ", bare)
    known = _exactly(name, None, specs) or _exactly(bare, size, specs) or _find(bare, size, name, specs, stated.notes)
    stated.groups.append(_Group(known=known, count=count, size=None if size is None else _bytes(size[0])))


def _counted(part: str) -> tuple[int, str]:
    """How many, and of what; 1 where no count is written."""
    first, last = _COUNT_FIRST.fullmatch(part), _COUNT_LAST.fullmatch(part)
    if first and not (last and re.fullmatch(r"[0-9]{1,3}", first["name"])):  # "4090x2" is two cards
        return int(first[1] or first[2]), first["name"]
    if last:
        return int(last[2]), last[1].strip()
    return 1, part


def _too_many(count: int) -> DataError:
    return _error(f"{count:,} GPUs; expected 1 to {_MOST_GPUS:,}")


# --- which card ---


def _words(name: str) -> frozenset[str]:
    """Words of a name, those that are written together taken apart; sizes are left out."""
    apart = _GLUED.sub(lambda found: f"{found[0]} ", normalized(name).replace("+", " "))
    return frozenset(_SAME.get(word, word) for word in apart.split() if not _SIZE_WORD.fullmatch(word))


def _exactly(name: str, size: re.Match[str] | None, specs: Sequence[Known]) -> Known | None:
    """The row that has this very name, and this memory if one is asked for."""
    wanted = normalized(name)
    named = [each for each in specs if wanted in map(normalized, (each.spec.name, *each.aliases))]
    fitting = [each for each in named if size is None or _has_size(each, size[0])]
    return fitting[0] if len(fitting) == 1 else None


def _find(bare: str, size: re.Match[str] | None, part: str, specs: Sequence[Known], notes: list[str]) -> Known:
    rows = _matching(_words(bare), specs)
    if not rows:
        raise _error(f"unknown GPU {part!r}; {_near(bare, specs)}")
    plain = [row for row in rows if not _is_variant(row)] or rows
    if size is not None:
        sized = [row for row in plain if _has_size(row.known, size[0])]
        if not sized:
            raise _error(_other_sizes(part, size[0], plain, rows))
        plain = sized
    return _one([row for row in plain if not row.missing & _BY_MEMORY] or plain, part, notes)


def _matching(asked: frozenset[str], specs: Sequence[Known]) -> list[_Row]:
    """The rows that have every word; none where no word names a card."""
    own = [(known, _own_words(known)) for known in specs]
    every = frozenset[str]().union(*(words for _, words in own))
    asked = frozenset(word if word in every else word.removesuffix("s") for word in asked)  # "8 H100s"
    if not any(word in _WITHOUT_NUMBER or (len(word) > 1 and re.search(r"[0-9]", word)) for word in asked - _FORM):
        return []
    return [
        _Row(known=known, words=words, missing=_words(known.spec.name) - asked - _BRAND)
        for known, words in own
        if asked <= words
    ]


def _own_words(known: Known) -> frozenset[str]:
    return frozenset(_ALSO.get(known.spec.name, ())).union(*map(_words, (known.spec.name, *known.aliases)))


def _is_variant(row: _Row) -> bool:
    """Whether its name has a word beyond what was asked that makes another card of it."""
    return bool(row.missing & (_APPLE_VARIANT if row.known.vendor == "apple" else _VARIANT))


def _has_size(known: Known, size: str) -> bool:
    """As advertised or as its name says; a GPU that shares the machine's RAM has whatever the machine has."""
    if _is_unified(known):
        return True
    number = float(re.split(r"[^0-9.]", size)[0]) * (1000 if "t" in size.lower() else 1)
    named = [float(found[1]) for found in re.finditer(r"\b([0-9]+)GB?\b", known.spec.name)]
    return any(abs(each - number) < 0.5 for each in (known.spec.memory_gb or 0.0, *named))


def _other_sizes(part: str, size: str, plain: Iterable[_Row], rows: Iterable[_Row]) -> str:
    offered = _memories(plain)
    others = [row.known.spec.name for row in rows if _has_size(row.known, size)]
    hint = f"; with {size}: {', '.join(others)}" if others else ""
    return (
        f"{part!r} is not in the table with that memory, but with {offered}{hint}; write 'RAM' behind it if it is RAM"
    )


def _memories(rows: Iterable[_Row]) -> str:
    return " or ".join(f"{size:g} GB" for size in sorted({row.known.spec.memory_gb or 0.0 for row in rows}))


def _one(rows: Sequence[_Row], part: str, notes: list[str]) -> Known:
    """The only row, or the slowest where the rows differ in how the card is built in and in nothing else."""
    kinds = {(row.missing - _FORM - _BY_MEMORY, row.known.capability) for row in rows}
    if len(kinds) > 1:
        named = [f"{row.known.spec.name} ({row.known.spec.memory_gb or 0:g} GB)" for row in rows[:4]]
        more = f" or {len(rows) - 4} more" if len(rows) > 4 else ""
        raise _error(f"{part!r} is more than one card: {' or '.join(named)}{more}; write more of its name")
    if len({row.known.spec.memory_gb for row in rows}) > 1:
        largest = max(row.known.spec.memory_gb or 0.0 for row in rows)
        raise _error(f"{part!r} is more than one card: {_memories(rows)}; write such as '{part} {largest:g}GB'")
    slowest = min((row.known for row in rows), key=_speed)
    if len(rows) > 1:
        others = ", ".join(row.known.spec.name for row in rows if row.known is not slowest)
        notes.append(f"{part!r} is taken as {slowest.spec.name}, the slowest of that name; others: {others}")
    return slowest


def _speed(known: Known) -> tuple[float, float]:
    return known.spec.bandwidth_gb_s or 0.0, known.spec.bf16_tflops or known.spec.fp16_tflops or 0.0


def _near(bare: str, specs: Iterable[Known]) -> str:
    """The names most like it, by the whole name and by that part of it which people say."""
    names: dict[str, str] = {}
    for known in specs:
        whole = [word for word in normalized(known.spec.name).split() if word != "geforce"]
        core = [word for word in whole if word not in _BRAND | _FORM and not _SIZE_WORD.fullmatch(word)]
        for spelling in (" ".join(whole), " ".join(core)):
            names.setdefault(spelling, without_vendor(known.spec.name))
    close = dict.fromkeys(names[each] for each in nearest(normalized(bare), names, 9))
    return f"nearest: {', '.join(list(close)[:3])}" if close else "no GPU of the table has a name like it"


# --- the machine ---


def _is_unified(known: Known) -> bool:
    return known.vendor == "apple" or known.spec.name in _MOST_OF_ITS_KIND


def _built(stated: _Stated, specs: Sequence[Known]) -> WhatIf:
    ram = _with_shared(stated)
    count = sum(group.count * _devices(group.known) for group in stated.groups)
    if count > _MOST_GPUS:
        raise _too_many(count)
    gpus: list[Gpu] = []
    for group in stated.groups:
        memory = _memory(group.known, ram, group.count)
        devices = range(len(gpus), len(gpus) + group.count * _devices(group.known))
        gpus.extend(_gpu(group.known, index, memory) for index in devices)
    notes = [*stated.notes, *(note for group in stated.groups for note in _notes(group.known, ram))]
    disk = stated.disk
    found = Machine(
        stated=True,
        os=_system(stated.groups),
        ram=Ram(total=ram, available=ram, usable=ram),
        gpus=tuple(gpus),
        disks=None if disk is None else (Disk(role="models", path="/", size=disk, free=disk),),
    )
    words = in_words(found) + ("" if disk is None else f", {decimal(disk)} disk")
    return WhatIf(machine=identify(found, specs), words=words, assumptions=tuple(dict.fromkeys(notes)))


def _system(groups: Iterable[_Group]) -> Os:
    names = [group.known.spec.name for group in groups]
    if any(group.known.vendor == "apple" for group in groups):
        return Os(system="darwin", architecture="arm64")
    return Os(system="linux", architecture="aarch64" if any(map(_ARM.fullmatch, names)) else "x86_64")


def _with_shared(stated: _Stated) -> int | None:
    """The RAM in bytes, whether it was stated as such or beside a GPU that has none of its own; None if neither."""
    shared = [group for group in stated.groups if _is_unified(group.known)]
    if not shared:
        return stated.ram
    group, name = shared[0], shared[0].known.spec.name
    if len(stated.groups) > 1:
        other = next(each.known.spec.name for each in stated.groups if each is not group)
        raise _error(f"{name} is a whole machine's processor; it cannot stand beside {other}")
    most = _MOST_OF_ITS_KIND.get(name, 1)
    if group.count > most:
        raise _error(f"{group.count:,} x {name}: a machine has {'one' if most == 1 else f'at most {most}'}")
    advertised = group.known.spec.memory_gb
    size = group.size or (None if advertised is None else round(advertised * GIB))
    if group.size and stated.ram and group.size * group.count != stated.ram:
        raise _error(f"{name} shares the RAM: {decimal(group.size * group.count)} or {decimal(stated.ram)}?")
    if stated.ram or size:
        return stated.ram or (size or 0) * group.count
    raise _error(f"the memory of {name} is the machine's RAM; write such as '{without_vendor(name)} 64GB'")


def _memory(known: Known, ram: int | None, count: int) -> int | None:
    """Bytes that each device can have; of shared memory what the probes would find on such a machine."""
    if not _is_unified(known):
        advertised = None if known.spec.memory_gb is None else round(known.spec.memory_gb * GIB)
        return known.memory_reported or advertised
    if ram is None or known.vendor == "nvidia":
        return ram
    if known.vendor == "apple":
        return ram * 3 // 4 if ram > _APPLE_LARGE else ram * 2 // 3
    return ram * 3 // 4 if known.spec.name == _STRIX_HALO else ram // count


def _devices(known: Known) -> int:
    """How many GPUs a card shows itself as: cards of two dies are two, each with its share of the memory."""
    advertised = (known.spec.memory_gb or 0) * GIB
    return max(1, round(advertised / known.memory_reported)) if known.memory_reported else 1


def _notes(known: Known, ram: int | None) -> Iterable[str]:
    if known.vendor == "apple":
        share = "three quarters" if (ram or 0) > _APPLE_LARGE else "two thirds"
        yield f"{share} of the RAM are counted as GPU memory, the usual share that macOS grants"
    if known.spec.name == _STRIX_HALO:
        yield "three quarters of the RAM are counted as GPU memory; the system may have to be set to grant that much"
    if _devices(known) > 1:
        yield f"each {known.spec.name} shows itself as {_devices(known)} GPUs, and no rates are published of one alone"


def _gpu(known: Known, index: int, memory: int | None) -> Gpu:
    return Gpu(
        vendor=known.vendor,
        index=index,
        name=known.spec.name,
        memory_total=memory,
        memory_used=0,
        memory_free=memory,
        compute_capability=known.capability if known.vendor == "nvidia" else None,
        gfx=known.capability if known.vendor == "amd" else None,
        unified=_is_unified(known),
    )
