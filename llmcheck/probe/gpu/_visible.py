"""Which GPUs a process started now would see: CUDA_VISIBLE_DEVICES, read as CUDA reads it.

NVML ignores the variable. Rules, as PyTorch's device counting documents them: unset means all; an empty list, or one
that starts with a negative or meaningless entry, means none; the list ends at the first such entry; a repeated entry
empties it; UUIDs may be shortened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NUMBER = re.compile(r"\s*([+-]?\d+)")


def visible_devices(environ: Mapping[str, str], uuids: Sequence[str]) -> frozenset[int]:
    """Positions in ``uuids`` (NVML's order) that are visible."""
    value = environ.get("CUDA_VISIBLE_DEVICES")
    if value is None:
        return frozenset(range(len(uuids)))
    chosen: list[int] = []
    for entry in value.split(","):
        position = _by_uuid(entry.strip(), uuids) if entry.strip().startswith("GPU-") else _by_number(entry)
        if position is None or not 0 <= position < len(uuids):
            break
        if position in chosen:
            return frozenset()
        chosen.append(position)
    return frozenset(chosen)


def _by_number(entry: str) -> int | None:
    match = _NUMBER.match(entry)
    return int(match[1]) if match else None


def _by_uuid(entry: str, uuids: Sequence[str]) -> int | None:
    matching = [position for position, uuid in enumerate(uuids) if uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None
