"""Sizes in bytes, as text with a unit. GB is 10^9 bytes and GiB is 2^30 bytes, always."""

from __future__ import annotations

import re

DECIMAL = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
_UNITS = {"B": 1, **DECIMAL, **BINARY}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")
MOST_BYTES = 4 * 10**18
"""4,000 PB: more than the store of any cluster, and still a number of 64 bits."""

GIB = BINARY["GiB"]
MIB = BINARY["MiB"]
GB = DECIMAL["GB"]


def parse_size(text: str) -> int:
    """The bytes of a size such as ``24 GB`` or ``1.5 TiB``.

    Raises ValueError for other text, for more than ``MOST_BYTES``, and for a missing or misspelt unit: ``24`` and
    ``24 gb`` are ambiguous.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match or match[2] not in _UNITS:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise ValueError(f"'{shown}' is not a size; write a number and a unit, one of {', '.join(_UNITS)}")
    size = float(match[1]) * _UNITS[match[2]]
    if size > MOST_BYTES:
        raise ValueError(f"'{text[:20]}' is not a size: at most {format_gb(MOST_BYTES)}")
    return round(size)


def parse_rate(text: str) -> float:
    """The bytes a second of a rate such as ``1 Gb/s``, ``100 Mbps`` (bits) or ``80 MB/s`` (bytes).

    Raises ValueError for other text, and for a missing or misspelt unit.
    """
    match = re.fullmatch(
        r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(?:([kMGT]?)(?:bps|bit/s|b/s)|([kMGT]i?B|B)(?:/s|ps))", text.strip()
    )
    if not match or not float(match[1]):
        raise ValueError(f"'{text[:40]}' is not a rate; write a number and a unit, such as 1 Gb/s, 100 Mbps or 80 MB/s")
    if match[3]:
        return float(match[1]) * _UNITS[match[3]]
    return float(match[1]) * (DECIMAL[f"{match[2]}B"] if match[2] else 1) / 8


def _scaled(size: int, units: dict[str, int]) -> str:
    name, factor = next(
        ((name, factor) for name, factor in reversed(units.items()) if size >= factor), next(iter(units.items()))
    )
    value = size / factor
    return f"{value:.0f} {name}" if value >= 100 or value == int(value) else f"{value:.1f} {name}"


def format_gb(size: int) -> str:
    """A size in kB, MB, GB, TB or PB (powers of ten), as disks and profiles state it."""
    return _scaled(size, DECIMAL)


def format_gib(size: int) -> str:
    """A size in KiB, MiB, GiB or TiB (powers of two), as NVML and the kernel state memory."""
    return _scaled(size, BINARY)


def format_like(size: int, written: str) -> str:
    """A size in the units of ``written``: powers of two for ``80 GiB``, powers of ten for ``80 GB``."""
    return format_gib(size) if written.rstrip().endswith("iB") else format_gb(size)


def shortfall(needed: int, found: int, written: str = "GB") -> str | None:
    """The size by which ``found`` is below ``needed``, at least 1 kB; None if it is not below.

    ``written``: the size in the requirement, whose units are used.
    """
    if found >= needed:
        return None
    return format_like(max(needed - found, 1000), written)


def two_digits(value: float) -> str:
    """A number with the two digits that an estimate has: ``4.3``, ``55``, ``1,700``; ``0`` for 0 and less."""
    if value <= 0:
        return "0"
    if value >= 100:
        unit = 10 ** (len(str(int(value))) - 2)
        return f"{round(value / unit) * unit:,}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
