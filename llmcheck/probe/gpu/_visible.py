"""Which GPUs a new process would see, by the variables of CUDA, ROCm, HIP and Level Zero and the rules of each.

The drivers' own tools ignore these variables. No function here raises an exception for any value of a variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NUMBER = r"[+-]?[0-9]{1,18}"
_AMD_UUID = range(5, 21)


def visible_devices(
    environ: Mapping[str, str], uuids: Sequence[str], *, instances: Sequence[tuple[str, int]] = ()
) -> frozenset[int]:
    """Positions in ``uuids`` (NVML's order), followed by ``instances``, that CUDA_VISIBLE_DEVICES makes visible.

    ``instances``: the UUID of each MIG instance and the position of its card. An instance is visible if its card is, or
    if its own UUID is in the list; in that case the card is not visible.

    Rules, as in PyTorch's device counting: an unset variable means all; the list ends at the first negative or invalid
    entry; an empty list means none, and so does a repeated entry; UUIDs may be shortened; the first entry decides
    whether the list has numbers, ``GPU-`` names or ``MIG-`` names.
    """
    value = environ.get("CUDA_VISIBLE_DEVICES")
    if value is None:
        return frozenset(range(len(uuids) + len(instances)))
    entries = [entry.strip() for entry in value.split(",")]
    if entries[0].startswith("MIG-"):
        return frozenset(_named(entries, "MIG-", [*uuids, *(uuid for uuid, _ in instances)]))
    named = entries[0].startswith("GPU-")
    cards = _named(entries, "GPU-", uuids) if named else _numbered(entries, len(uuids))
    parts = (len(uuids) + position for position, (_, parent) in enumerate(instances) if parent in cards)
    return frozenset((*cards, *parts))


def index_is_ambiguous(environ: Mapping[str, str], names: Sequence[str | None]) -> bool:
    """Whether CUDA_VISIBLE_DEVICES selects cards by numbers that may differ from NVML's.

    Unless CUDA_DEVICE_ORDER is PCI_BUS_ID, CUDA numbers the fastest card first. This matters only for cards of
    different ``names``, and not where the list selects none or all of them.
    """
    value = environ.get("CUDA_VISIBLE_DEVICES")
    if value is None or environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or len(set(names)) < 2:
        return False
    entries = [entry.strip() for entry in value.split(",")]
    return not entries[0].startswith(("GPU-", "MIG-")) and 0 < len(_numbered(entries, len(names))) < len(names)


def withheld_by_container(environ: Mapping[str, str], container: bool) -> bool:
    """Whether the container was started without GPUs: NVIDIA_VISIBLE_DEVICES is empty, ``void`` or ``none``.

    It only explains why a GPU is missing. It never hides one that the driver lists: the variable is read when the
    container starts, and is ``void`` for GPUs that came through CDI. Outside a container it has no effect.
    """
    value = environ.get("NVIDIA_VISIBLE_DEVICES")
    return container and value is not None and value.strip().lower() in ("", "void", "none")


def visible_amd(environ: Mapping[str, str], uuids: Sequence[str]) -> frozenset[int]:
    """Positions in ``uuids`` (the kernel driver's order) that ROCm shows to a HIP program.

    ROCR_VISIBLE_DEVICES applies first and renumbers the devices; HIP_VISIBLE_DEVICES, or without it
    CUDA_VISIBLE_DEVICES, selects from the remaining ones. Rules of the runtimes' sources: the list ends at the first
    entry that is no device; a UUID has 5 to 20 characters and may be shortened as long as it stays unique. HIP ignores
    an empty HIP variable, but PyTorch then counts no device; PyTorch's rule is used here.
    """
    left = _rocr(environ.get("ROCR_VISIBLE_DEVICES"), uuids)
    value = environ.get("HIP_VISIBLE_DEVICES", environ.get("CUDA_VISIBLE_DEVICES"))
    if value is None:
        return frozenset(left)
    names = [uuids[position] for position in left]
    chosen: list[int] = []
    for entry in (entry.strip() for entry in value.split(",")):
        position = _unique(entry, names) if entry.startswith("GPU-") else _decimal(entry)
        if position is None or not 0 <= position < len(left):
            break
        chosen.append(left[position])
    return frozenset(chosen)


def visible_intel(environ: Mapping[str, str], tiles: Sequence[int]) -> frozenset[int]:
    """Positions of the devices that ZE_AFFINITY_MASK makes visible.

    ``tiles``: the number of tiles of each device, in Level Zero's order. Unset, empty and ``default`` mean all; ``1``
    is a device and ``1.0`` its first tile, which also makes the device visible. Invalid entries are ignored, so a mask
    of invalid entries makes no device visible.
    """
    value = environ.get("ZE_AFFINITY_MASK", "").strip()
    if value in ("", "default"):
        return frozenset(range(len(tiles)))
    chosen = set()
    for entry in value.split(","):
        device, _, tile = entry.strip().partition(".")
        position, part = _decimal(device), _decimal(tile or "0")
        if position is None or part is None or not 0 <= position < len(tiles):
            continue
        if part < max(1, tiles[position]):
            chosen.add(position)
    return frozenset(chosen)


def _numbered(entries: Sequence[str], count: int) -> list[int]:
    """Positions in a list of numbers, which are parsed as in C: ``1gpu2`` is 1."""
    chosen: list[int] = []
    for entry in entries:
        match = re.match(_NUMBER, entry)
        position = int(match[0]) if match else -1
        if not 0 <= position < count:
            break
        if position in chosen:
            return []
        chosen.append(position)
    return chosen


def _named(entries: Sequence[str], prefix: str, uuids: Sequence[str]) -> list[int]:
    chosen: list[int] = []
    for entry in entries:
        position = _unique(entry, uuids) if entry.startswith(prefix) else None
        if position is None:
            break
        if position in chosen:
            return []
        chosen.append(position)
    return chosen


def _rocr(value: str | None, uuids: Sequence[str]) -> list[int]:
    """Positions in the order of the list, which is the order in which HIP then numbers them."""
    if value is None:
        return list(range(len(uuids)))
    chosen: list[int] = []
    upper = [uuid.upper() for uuid in uuids]
    for entry in (entry.strip().upper() for entry in value.split(",")):
        if entry.startswith("G"):
            position = _unique(entry, upper) if len(entry) in _AMD_UUID else None
        else:
            position = _any_base(entry)
        if position is None or not 0 <= position < len(uuids) or position in chosen:
            break
        chosen.append(position)
    return chosen


def _unique(start: str, names: Sequence[str]) -> int | None:
    matching = [position for position, name in enumerate(names) if name.startswith(start)]
    return matching[0] if len(matching) == 1 else None


def _decimal(text: str) -> int | None:
    """A decimal number of at most nine digits without leading zeros; None for anything else."""
    return int(text) if re.fullmatch(r"0|[1-9][0-9]{0,8}", text) else None


def _any_base(text: str) -> int | None:
    """A number as C's strtol reads it with base 0: 0x10 is 16 and 010 is 8; None for anything else."""
    match = re.fullmatch(r"\+?(0X[0-9A-F]{1,8}|[0-9]{1,9})", text)
    if not match:
        return None
    digits = match[1]
    base = 16 if digits.startswith("0X") else 8 if digits.startswith("0") else 10
    try:
        return int(digits, base)
    except ValueError:
        return None
