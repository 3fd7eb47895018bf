"""Quantities in words: a number with a unit (``400 Gb/s``, ``32 GiB``, ``85 °C``), and what a field is counted in."""

from __future__ import annotations

import functools
import re

from msgspec import Struct

from llmcheck.units import BINARY, DECIMAL, format_like, parse_size

UNLIMITED = "unlimited"
_NUMBER = r"(-?[0-9]{1,18}(?:\.[0-9]{1,18})?)\s*(\S.{0,15})?"
_SIZES = {"B": 1, **DECIMAL, **BINARY}
DIMENSIONS: dict[str, dict[str, float]] = {
    "bytes": dict(_SIZES),
    "bytes a second": {f"{name}/s": factor for name, factor in _SIZES.items()},
    "bits a second": {
        f"{prefix}{bit}/s": factor
        for bit in ("b", "bit")
        for prefix, factor in (("", 1), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12))
    },
    "watts": {"W": 1, "kW": 1e3},
    "degrees Celsius": {"°C": 1},
    "hertz": {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "seconds": {"s": 1, "ms": 1e-3, "min": 60, "h": 3600, "d": 86_400},
    "FLOP a second": {"GFLOPS": 1e9, "TFLOPS": 1e12, "PFLOPS": 1e15},
    "percent": {"%": 1},
}
"""By dimension: its units, and how much of the first one each is."""


class Unit(Struct, frozen=True):
    """What a field is counted in."""

    dimension: str
    """A key of ``DIMENSIONS``."""
    factor: float = 1
    """How much of the dimension's own unit one of the field is: 10^9 for ``rate_gbps``."""
    in_name: bool = False
    """The field's name says the unit, so that a plain number is clear."""


_SUFFIXES: tuple[tuple[str, Unit], ...] = (
    ("bytes_per_second", Unit("bytes a second", 1, True)),
    ("_gbps", Unit("bits a second", 1e9, True)),
    ("_mbps", Unit("bits a second", 1e6, True)),
    ("_gb_s", Unit("bytes a second", 1e9, True)),
    ("_tflops", Unit("FLOP a second", 1e12, True)),
    ("_mhz", Unit("hertz", 1e6, True)),
    ("_percent", Unit("percent", 1, True)),
    ("_gb", Unit("bytes", 1e9, True)),
    ("_w", Unit("watts", 1, True)),
    ("_c", Unit("degrees Celsius", 1, True)),
    ("seconds", Unit("seconds", 1, True)),
)
_BYTES = Unit("bytes")
_IN_BYTES = frozenset(
    {
        *(("Ram", name) for name in ("total", "available", "limit", "usable")),
        *(("Ram", name) for name in ("swap_total", "swap_free", "huge_pages", "zfs_cache")),
        ("NumaNode", "memory_total"),
        ("Limits", "shm_size"),
        ("Limits", "shm_free"),
        ("Disk", "size"),
        ("Disk", "free"),
        ("NvmeDrive", "size"),
        *(("Gpu", name) for name in ("memory_total", "memory_used", "memory_free", "memory_reserved", "bar1_total")),
        ("GpuProcess", "memory"),
        ("CachedModel", "bytes"),
        ("ModelCache", "free"),
    }
)
"""Struct and field of what is counted in bytes and does not say so in its name."""
_COUNTED_LIMITS = frozenset({"nofile", "nproc"})


def unit_of(struct: str, field: str, parent: str) -> Unit | None:
    """What a field is counted in; None for a plain number. ``parent``: the field that holds the struct."""
    if struct == "Rlimit":
        return None if parent in _COUNTED_LIMITS else _BYTES
    if (struct, field) in _IN_BYTES:
        return _BYTES
    return next((unit for suffix, unit in _SUFFIXES if field.endswith(suffix)), None)


def parse(text: str) -> tuple[float, str | None]:
    """A number in the own unit of its dimension, and the dimension; None without a unit. Raises ValueError."""
    match = re.fullmatch(_NUMBER, text.strip()) if len(text) <= 60 else None
    if match is None:
        raise ValueError(f"'{text[:40]}' is not a number with a unit, such as 32 GiB or 400 Gb/s")
    number, unit = match[1], match[2]
    if unit is None:
        return float(number), None
    for dimension, units in DIMENSIONS.items():
        if unit in units:
            if dimension == "bytes" and not number.startswith("-"):
                return parse_size(text), dimension
            return float(number) * units[unit], dimension
    known = ", ".join(name for units in DIMENSIONS.values() for name in units if not name.endswith("bit/s"))
    raise ValueError(f"'{text[:40]}': there is no unit '{unit[:16]}'; units: {known}")


def in_field(value: object, unit: Unit | None, name: str) -> float:
    """What a profile writes, as the field counts it. ``name``: of the fact, for the message. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r:.40} is not a number, and {name} is one")
    if value == UNLIMITED:
        return float("inf")
    if isinstance(value, str):
        number, dimension = parse(value)
        if dimension is None:
            raise ValueError(f"'{value[:40]}' is text: write the number without quotes")
        if unit is None:
            raise ValueError(f"'{value[:40]}' has a unit, and {name} is a plain number")
        if dimension != unit.dimension:
            raise ValueError(f"'{value[:40]}' is in {dimension}, and {name} in {unit.dimension}")
        return number / unit.factor if unit.factor != 1 else number
    if value != value or abs(value) > 1e19:
        raise ValueError(f"{value!r:.40} is not a number that a machine can have")
    if unit is not None and not unit.in_name and value:
        example = next(iter(list(DIMENSIONS[unit.dimension])[3:]), "B")
        raise ValueError(f"{value!r:.40} has no unit, and {name} is in {unit.dimension}: write '{value} {example}'")
    return value


@functools.lru_cache(maxsize=4096, typed=True)
def in_words(value: object, unit: Unit | None, written: str = "GB") -> str:
    """A value of a field for people. ``written``: a size as the profile writes it, whose powers are used.

    Kept, for many cards and ports have the same."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if value == float("inf"):
        return UNLIMITED
    if unit is None:
        return f"{value:,.12g}" if isinstance(value, float) else str(value)
    amount = value * unit.factor
    if unit.dimension == "bytes":
        return format_like(round(amount), written) if amount else "0 B"
    if unit.dimension == "bytes a second":
        return f"{format_like(round(amount), written)}/s" if amount else "0 B/s"
    name, factor = next(
        (
            (name, factor)
            for name, factor in reversed(DIMENSIONS[unit.dimension].items())
            if abs(amount) >= factor and not name.endswith("bit/s") and unit.dimension != "seconds"
        ),
        next(iter(DIMENSIONS[unit.dimension].items())),
    )
    return f"{amount / factor:,.6g}{'' if name == '%' else ' '}{name}"
