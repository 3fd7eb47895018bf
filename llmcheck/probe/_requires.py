"""What installed distributions say that they need: the header of METADATA, of those that matter and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmcheck.packages.known import that_matters
from llmcheck.probe._distributions import Known, shown
from llmcheck.schema.software import PackageRequires
from llmcheck.system.host import Host

_HEADER_BYTES = 1 << 16
"""Of METADATA. The longest header seen is that of transformers, with 48 kB; the rest of the file is prose."""
_MOST_LINES = 64
_LONGEST_LINE = 300
_LINE = re.compile(r"\nRequires-Dist:[ \t]*(([A-Za-z0-9][A-Za-z0-9._-]*)[^\r\n]*)")
"""Its literal start makes it ten times as fast as one with ``^``."""
_EXTRA = re.compile(r"""\bextra\s*==\s*['"]([A-Za-z0-9._-]+)['"]""")
_EXTRAS = re.compile(r"[A-Za-z0-9._-]+\s*\[([^\]]*)\]")
_OWN_EXTRAS = {"transformers": frozenset(("torch",))}
"""Extras that are in play without being asked for: what transformers needs of torch stands only there, and an older
torch is disabled (``is_torch_available`` in its ``utils/import_utils.py``)."""


def requires(host: Host, known: Mapping[str, Known]) -> tuple[PackageRequires, ...]:
    """One for each distribution that matters and has metadata, sorted by name; only lines about others that matter, and
    of extras only those that another distribution asks for.
    """
    lines = {name: _lines(host, each) for name, each in known.items()}
    asked: dict[str, set[str]] = {name: set(extras) for name, extras in _OWN_EXTRAS.items()}
    for every in lines.values():
        for line, name, extra in every or ():
            if extra is None and "[" in line and (match := _EXTRAS.match(line)):
                asked.setdefault(name, set()).update(each.strip() for each in match[1].split(","))
    found = []
    for owner, every in lines.items():
        if every is not None:
            kept = [line for line, _, extra in every if extra is None or extra in asked.get(owner, ())]
            found.append(PackageRequires(name=owner, requires=tuple(kept[:_MOST_LINES])))
    return tuple(found)


def _lines(host: Host, known: Known) -> list[tuple[str, str, str | None]] | None:
    """(line, name of what it needs, extra that it belongs to); None where there is no metadata."""
    if "METADATA" not in known.files:
        return None
    text = host.read(f"{known.one.metadata}/METADATA", _HEADER_BYTES)
    if text is None:
        return None
    end = next((at for at in (text.find("\n\n"), text.find("\r\n\r\n")) if at >= 0), len(text))
    found = []
    for match in _LINE.finditer(text, 0, end):
        name = that_matters(match[2])
        line = match[1].strip() if name is not None else ""
        if name is not None and len(line) <= _LONGEST_LINE:
            extra = _EXTRA.search(line) if ";" in line else None
            found.append((shown(line), name, extra[1] if extra else None))
    return found
