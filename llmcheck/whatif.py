"""A machine in words, such as ``2x RTX 4090, 64 GB RAM, 1 TB``: one that is not there, with cards from the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from llmcheck.codec import nearest
from llmcheck.errors import DataError
from llmcheck.identify import Known, normalized
from llmcheck.machine import Disk, Gpu, Machine, Os, Ram
from llmcheck.units import GB, GIB, MIB, decimal

_MOST_GPUS = 4096
_MOST_BYTES = 10**18
_MOST_TEXT = 500
_UNITS = {"mb": 10**6, "mib": MIB, "gb": GB, "g": GB, "gib": GIB, "tb": 1000 * GB, "t": 1000 * GB, "tib": 1024 * GIB}
_SIZE = r"(?<![a-z\d])(\d{1,9}(?:\.\d{1,4})?)\s*(mib|mb|gib|gb|g|tib|tb|t)\b"
_RAM = re.compile(rf"{_SIZE}\s*(?:of\s+)?(?:system\s+)?(?:ram|memory)\b|\b(?:ram|memory)\s*:?\s*{_SIZE}")
_DISK = re.compile(
    rf"{_SIZE}\s*(?:of\s+)?(?:free\s+)?(?:disk|ssd|nvme|hdd|storage|free)(?:\s+(?:disk|ssd|space|free))?\b"
    rf"|\b(?:disk|ssd|nvme|hdd|storage)\s*:?\s*{_SIZE}"
)
_PARTS = re.compile(r"\s*(?:[,;]|\s\+\s|\+(?=\d{1,4}\s*[x×*])|\band\b|\bwith\b)\s*")
_COUNT = re.compile(r"(\d{1,6})(?:[x×*]|\s+[x×*]\s)\s*(.+)|(\d{1,3})\s+(?=[a-z])(.+)|(.+?)\s+[x×*]\s*(\d{1,6})")
_WORD = re.compile(r"sxm\d|hbm\d+e?|[a-z]{3,}(?=\d)|\d{3,}(?=(?:ti|super|xtx|xt|gre|d)\b)|[a-z0-9]+")
_NO_GPU = frozenset({"cpu", "cpu only", "no gpu", "none"})
_FILLER = re.compile(r"\b(?:mac\s*book\s*(?:pro|air)?|mac\s*(?:studio|pro|mini)|imac|each|gpus?|cards?)\b")
_COMMON = frozenset({
    "geforce", "rtx", "gtx", "tesla", "quadro", "instinct", "apple", "radeon", "rx", "arc", "data", "center", "gpu",
    "generation", "edition", "graphics",
})  # fmt: skip
"""Words of a name that people leave out."""
_FORM = frozenset({"pcie", "sxm", "sxm2", "sxm4", "sxm5", "sxm6", "hgx", "dgx", "hbm3", "hbm3e", "ac"})
"""How a card is built in: it does not make it another card unless it is asked for."""
_ALSO = {
    "NVIDIA H100 80GB HBM3": ("sxm", "sxm5", "hgx", "dgx"),
    "NVIDIA H200": ("sxm", "sxm5", "hgx", "dgx"),
    "NVIDIA H20": ("sxm", "hgx"),
    "NVIDIA B200": ("sxm", "hgx", "dgx"),
    "NVIDIA B300 SXM6 AC": ("sxm", "hgx", "dgx"),
    "NVIDIA A100-SXM4-40GB": ("sxm", "hgx", "dgx"),
    "NVIDIA A100-SXM4-80GB": ("sxm", "hgx", "dgx"),
    "Tesla V100-SXM2-16GB": ("sxm",),
    "Tesla V100-SXM2-32GB": ("sxm",),
    "NVIDIA GB10": ("dgx", "spark"),
    "NVIDIA GH200 480GB": ("grace", "hopper"),
    "Orin (nvgpu)": ("jetson", "agx"),
    "NVIDIA Thor": ("jetson", "agx", "t5000"),
    "HL-225 (Gaudi2)": ("gaudi", "2"),
    "HL-325L (Gaudi3)": ("gaudi", "3"),
    "AMD Ryzen AI Max+ 395 (Radeon 8060S)": ("strix", "halo"),
}
"""Words by which people call a card that its driver does not use."""
_UNIFIED = frozenset({"Orin (nvgpu)", "NVIDIA Thor", "NVIDIA GB10", "AMD Ryzen AI Max+ 395 (Radeon 8060S)"})
_ARM = frozenset({"Orin (nvgpu)", "NVIDIA Thor", "NVIDIA GB10", "NVIDIA GB200", "NVIDIA GB300"})
_APPLE_LARGE = 36 * GIB


class WhatIf(Struct, frozen=True, kw_only=True):
    machine: Machine
    assumptions: tuple[str, ...] = ()
    """What the words left open and was chosen."""


class _Group(Struct, frozen=True, kw_only=True):
    known: Known
    count: int
    size: int | None
    """Bytes that were written beside the name."""


def looks_like(text: str) -> bool:
    """Whether it is meant as words rather than as the name of a file."""
    return text != "-" and not re.search(r"[\\/]|\.json$", text.strip(), re.IGNORECASE)


def machine(text: str, specs: Sequence[Known]) -> WhatIf:
    """GPUs of the table, idle; RAM and disk as written, None where they are not. Sizes may be written without a blank
    and in small letters. Raises DataError for words that name no machine, with the nearest cards for a name that no
    row has."""
    rest = " ".join(text.lower().split())
    if not rest or len(rest) > _MOST_TEXT:
        raise DataError(f"--machine: expected words such as '2x RTX 4090, 64 GB RAM', not {len(rest)} characters")
    notes: list[str] = []
    ram, rest = _taken(_RAM, rest, text)
    disk, rest = _taken(_DISK, rest, text)
    groups: list[_Group] = []
    without = False
    for part in filter(None, (each.strip(" .:") for each in _PARTS.split(rest))):
        size = re.fullmatch(_SIZE, part)
        if part in _NO_GPU:
            without = True
        elif size is None:
            groups.append(_group(part, specs, text, notes))
        elif ram is None and _bytes(size[1], size[2]) < 10**12:
            ram = _bytes(size[1], size[2])
        elif disk is None:
            disk = _bytes(size[1], size[2])
        else:
            raise DataError(f"--machine {text!r}: {part!r} is one size too many; write 'RAM' or 'disk' behind each")
    if without and groups:
        raise DataError(f"--machine {text!r}: both GPUs and none")
    if not (groups or without or ram):
        raise DataError(f"--machine {text!r}: no GPU and no RAM in it; write such as '2x RTX 4090, 64 GB RAM'")
    return WhatIf(machine=_built(groups, ram, disk, text), assumptions=tuple(dict.fromkeys(notes)))


def _bytes(number: str, unit: str) -> int:
    size = round(float(number) * _UNITS[unit])
    if not 0 < size <= _MOST_BYTES:
        raise DataError(f"--machine: {number} {unit} is no size of a machine")
    return size


def _taken(pattern: re.Pattern[str], rest: str, text: str) -> tuple[int | None, str]:
    """The size that the pattern finds, and the words without it."""
    found = list(pattern.finditer(rest))
    if len(found) > 1:
        raise DataError(f"--machine {text!r}: {found[1][0].strip()!r} says again what was said before")
    if not found:
        return None, rest
    groups = [each for each in found[0].groups() if each]
    return _bytes(groups[0], groups[1]), rest[: found[0].start()] + " , " + rest[found[0].end() :]


# --- which card ---


def _group(part: str, specs: Sequence[Known], text: str, notes: list[str]) -> _Group:
    count, name = _counted(part)
    if not 1 <= count <= _MOST_GPUS:
        raise DataError(f"--machine {text!r}: {count:,} GPUs; expected 1 to {_MOST_GPUS:,}")
    size = re.search(_SIZE, name)
    bare = name if size is None else f"{name[: size.start()]} {name[size.end() :]}"
    known = _exactly(name, specs) or _find(_words(_FILLER.sub(" ", bare)), size, part, specs, text, notes)
    return _Group(known=known, count=count, size=None if size is None else _bytes(size[1], size[2]))


def _exactly(name: str, specs: Sequence[Known]) -> Known | None:
    wanted = normalized(name)
    return next((each for each in specs if wanted in map(normalized, (each.spec.name, *each.aliases))), None)


def _counted(part: str) -> tuple[int, str]:
    match = _COUNT.fullmatch(part)
    if match is None:
        return 1, part
    groups = [each for each in match.groups() if each]
    count, name = (groups[1], groups[0]) if match[5] else (groups[0], groups[1])
    if match[1] and len(match[1]) == 4 and match[2].startswith("t"):  # 7900xtx is a name, not a count
        return 1, part
    return int(count), name


def _words(text: str) -> set[str]:
    return set(_WORD.findall(normalized(text)))


def _find(
    asked: set[str], size: re.Match[str] | None, part: str, specs: Sequence[Known], text: str, notes: list[str]
) -> Known:
    every = {word for known in specs for word in _own_words(known)}
    asked = {word if word in every else word.removesuffix("s") for word in asked}
    matching = [(extra, known) for known in specs for extra in [_extra(asked, known)] if extra is not None]
    if not matching or not asked - _COMMON - _FORM:
        raise DataError(f"--machine {text!r}: unknown GPU {part!r}; {_nearest(part, specs)}")
    if size is not None:
        sized = [(extra, known) for extra, known in matching if _has_size(known, size)]
        if not sized:
            offered = ", ".join(
                dict.fromkeys(f"{known.spec.memory_gb:g} GB" for _, known in matching if known.spec.memory_gb)
            )
            hint = "write 'RAM' behind the size if it is RAM"
            raise DataError(
                f"--machine {text!r}: {part!r} is not in the table with that memory, but with {offered}; {hint}"
            )
        matching = sized
    least = min(extra for extra, _ in matching)
    nearest_rows = [known for extra, known in matching if extra == least]
    return _one(nearest_rows, part, text, notes)


def _extra(asked: set[str], known: Known) -> int | None:
    """How many words of a row's name were not asked for; None where one that was asked for is not in it."""
    if not asked <= _own_words(known):
        return None
    left = _words(known.spec.name) - asked - _COMMON - _FORM
    return len([word for word in left if not re.fullmatch(r"\d+gb?", word)])


def _own_words(known: Known) -> set[str]:
    words = set(_ALSO.get(known.spec.name, ()))
    return words.union(*map(_words, (known.spec.name, *known.aliases)))


def _has_size(known: Known, size: re.Match[str]) -> bool:
    """As advertised; a card that shares the machine's RAM has whatever the machine has."""
    if _is_unified(known):
        return True
    advertised = known.spec.memory_gb
    wanted = _bytes(size[1], size[2]) / _UNITS[size[2]] * (1000 if size[2].startswith("t") else 1)
    return advertised is not None and abs(advertised - wanted) < 0.5


def _one(rows: Sequence[Known], part: str, text: str, notes: list[str]) -> Known:
    sizes = sorted({row.spec.memory_gb or 0.0 for row in rows})
    if len(sizes) > 1:
        words = " or ".join(f"{row.spec.name} ({row.spec.memory_gb:g} GB)" for row in rows if row.spec.memory_gb)
        raise DataError(
            f"--machine {text!r}: {part!r} is more than one card: {words}; write more of its name or its memory"
        )
    slowest = min(rows, key=lambda row: (row.spec.bandwidth_gb_s or 0.0, row.spec.bf16_tflops or 0.0))
    if len(rows) > 1:
        others = ", ".join(row.spec.name for row in rows if row is not slowest)
        notes.append(f"{part!r} is taken as {slowest.spec.name}, the slowest of that name; others: {others}")
    return slowest


def _nearest(part: str, specs: Sequence[Known]) -> str:
    wanted = normalized(re.sub(_SIZE, " ", part))
    names = {" ".join(w for w in normalized(known.spec.name).split() if w != "geforce"): known for known in specs}
    close = [names[each].spec.name for each in nearest(wanted, names)]
    return f"nearest: {', '.join(close)}" if close else "its table is llmcheck/data/gpus.csv"


# --- the machine ---


def _is_unified(known: Known) -> bool:
    return known.vendor == "apple" or known.spec.name in _UNIFIED


def _built(groups: Iterable[_Group], ram: int | None, disk: int | None, text: str) -> Machine:
    gpus: list[Gpu] = []
    system, architecture = "linux", "x86_64"
    for group in groups:
        known = group.known
        if known.vendor == "apple":
            system, architecture = "darwin", "arm64"
        elif known.spec.name in _ARM or known.spec.name.startswith("NVIDIA GH200"):
            architecture = "aarch64"
        if _is_unified(known):
            ram = _shared(known, group, ram, text)
        memory = _memory(known, ram)
        for _ in range(group.count):
            gpus.append(_gpu(known, len(gpus), memory))
    if len(gpus) > _MOST_GPUS:
        raise DataError(f"--machine {text!r}: {len(gpus):,} GPUs; at most {_MOST_GPUS:,}")
    return Machine(
        os=Os(system=system, architecture=architecture),
        ram=Ram(total=ram, available=ram, usable=ram),
        gpus=tuple(gpus),
        disks=None if disk is None else (Disk(role="models", path="/", size=disk, free=disk),),
    )


def _shared(known: Known, group: _Group, ram: int | None, text: str) -> int:
    """The RAM of a machine whose GPU has none of its own."""
    advertised = None if known.spec.memory_gb is None else round(known.spec.memory_gb * GIB)
    size = group.size or ram or advertised
    if size is None:
        name = known.spec.name.removeprefix("Apple ")
        raise DataError(
            f"--machine {text!r}: the memory of an {known.spec.name} is the machine's RAM; write '{name} 64GB'"
        )
    if group.size and ram and group.size != ram:
        raise DataError(
            f"--machine {text!r}: {known.spec.name} shares the RAM: {decimal(group.size)} or {decimal(ram)}?"
        )
    return size


def _memory(known: Known, ram: int | None) -> int | None:
    """Bytes that the GPU can have. Apple's Metal wires two thirds of the RAM up to 36 GiB, three quarters above."""
    if not _is_unified(known):
        advertised = None if known.spec.memory_gb is None else round(known.spec.memory_gb * GIB)
        return known.memory_reported or advertised
    if ram is None:
        return None
    if known.vendor == "apple":
        return ram * 3 // 4 if ram > _APPLE_LARGE else ram * 2 // 3
    return ram if known.vendor == "nvidia" else ram * 3 // 4


def _gpu(known: Known, index: int, memory: int | None) -> Gpu:
    nvidia = known.vendor == "nvidia"
    return Gpu(
        vendor=known.vendor,
        index=index,
        name=known.spec.name,
        memory_total=memory,
        memory_used=0,
        memory_free=memory,
        compute_capability=known.capability if nvidia else None,
        gfx=known.capability if known.vendor == "amd" else None,
        unified=_is_unified(known),
        spec=known.spec,
    )
