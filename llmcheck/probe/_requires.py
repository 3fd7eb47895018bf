"""What installed distributions say that they need: the header of METADATA, of those that matter and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llmcheck.packages.known import matters
from llmcheck.probe._distributions import Distribution, shown
from llmcheck.schema.machine import PackageRequires, normalized_name
from llmcheck.system.host import Host

_HEADER_BYTES = 1 << 16
"""Of METADATA. The longest header seen is that of transformers, with 48 kB; the rest of the file is prose."""
_MOST_LINES = 64
_LONGEST_LINE = 300
_LINE = re.compile(r"^Requires-Dist:[ \t]*(([A-Za-z0-9][A-Za-z0-9._-]*)[^\r\n]*)", re.MULTILINE)
_EXTRA = re.compile(r"""\bextra\s*==\s*['"]([A-Za-z0-9._-]+)['"]""")
_EXTRAS = re.compile(r"[A-Za-z0-9._-]+\s*\[([^\]]*)\]")
_OWN_EXTRAS = {"transformers": frozenset(("torch",))}
"""Extras that are in play without being asked for: what transformers needs of torch stands only there, and an older
torch is disabled (``is_torch_available`` in its ``utils/import_utils.py``)."""


def requires(host: Host, found: Mapping[str, Sequence[Distribution]]) -> tuple[PackageRequires, ...]:
    """One for each distribution that matters and has metadata, sorted by name; only lines about others that matter, and
    of extras only those that another distribution asks for.
    """
    lines = {name: _lines(host, found[name][0]) for name in sorted(found) if matters(name)}
    asked: dict[str, set[str]] = {name: set(extras) for name, extras in _OWN_EXTRAS.items()}
    for every in lines.values():
        for line, name, extra in every or ():
            if extra is None and (match := _EXTRAS.match(line)):
                asked.setdefault(name, set()).update(each.strip() for each in match[1].split(","))
    return tuple(
        PackageRequires(
            name=owner,
            requires=tuple(
                line for line, _, extra in every if extra is None or extra in asked.get(owner, ())
            )[:_MOST_LINES],
        )
        for owner, every in lines.items()
        if every is not None
    )  # fmt: skip


def _lines(host: Host, one: Distribution) -> list[tuple[str, str, str | None]] | None:
    """(line, name of what it needs, extra that it belongs to); None where there is no metadata."""
    text = host.read(f"{one.metadata}/METADATA", _HEADER_BYTES) if one.entry.endswith(".dist-info") else None
    if text is None:
        return None
    header = text.replace("\r\n", "\n").partition("\n\n")[0]
    found = []
    for match in _LINE.finditer(header):
        line, name = match[1].strip(), normalized_name(match[2])
        if matters(name) and len(line) <= _LONGEST_LINE:
            extra = _EXTRA.search(line) if ";" in line else None
            found.append((shown(line), name, extra[1] if extra else None))
    return found
