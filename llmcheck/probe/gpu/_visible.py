"""Which GPUs a process started now would see: the variables of CUDA, ROCm, HIP and Level Zero, read as those read them.

The drivers' own tools ignore these variables. None of the functions here ever raises for what a variable may hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NUMBER = r"[+-]?[0-9]{1,18}"
_AMD_UUID = range(5, 21)


def visible_devices(
    environ: Mapping[str, str], uuids: Sequence[str], *, instances: Sequence[tuple[str, int]] = ()
) -> frozenset[int]:
    """Positions in ``uuids`` (NVML's order) that CUDA_VISIBLE_DEVICES leaves, and of ``instances`` after them.

    An instance is a MIG instance: its UUID, and the position of the card it is cut from. It is there if its card is,
    or if it is named itself, which leaves the card itself out.

    Rules, as PyTorch's device counting documents them: unset means all; an empty list, or one that starts with a
    negative or meaningless entry, means none; the list ends at the first such entry; a repeated entry empties it;
    UUIDs may be shortened; the first entry decides whether the list holds numbers, ``GPU-`` or ``MIG-`` names.
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
    """Whether CUDA_VISIBLE_DEVICES picks cards by numbers that need not be NVML's.

    Unless CUDA_DEVICE_ORDER is PCI_BUS_ID, CUDA numbers the fastest card first, and only cards of one ``names`` are
    alike. A list that names none or all of them picks the same ones in any order.
    """
    value = environ.get("CUDA_VISIBLE_DEVICES")
    if value is None or environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or len(set(names)) < 2:
        return False
    entries = [entry.strip() for entry in value.split(",")]
    return not entries[0].startswith(("GPU-", "MIG-")) and 0 < len(_numbered(entries, len(names))) < len(names)


def withheld_by_container(environ: Mapping[str, str], container: bool) -> bool:
    """Whether the container was asked to bring no GPU: NVIDIA_VISIBLE_DEVICES empty, ``void`` or ``none``.

    It explains why there is none, and hides none that the driver does list: the variable is read when the container is
    made, and devices that came in another way (CDI) leave it at ``void``. Outside a container it means nothing.
    """
    value = environ.get("NVIDIA_VISIBLE_DEVICES")
    return container and value is not None and value.strip().lower() in ("", "void", "none")


def visible_amd(environ: Mapping[str, str], uuids: Sequence[str]) -> frozenset[int]:
    """Positions in ``uuids`` (the kernel driver's order) that ROCm shows to a HIP program.

    ROCR_VISIBLE_DEVICES comes first and renumbers; HIP_VISIBLE_DEVICES, or without it CUDA_VISIBLE_DEVICES, chooses
    among what is left. Rules of the runtimes' sources: the list ends at the first entry that is no device; a UUID has
    5 to 20 characters and may be shortened as long as it stays unique. Of an empty HIP variable HIP itself takes no
    notice, but PyTorch counts no device then, and that is what is told here.
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
    """Positions in ``tiles`` (how many each device has, in Level Zero's order) that ZE_AFFINITY_MASK leaves.

    Unset, empty and ``default`` mean all; ``1`` is a device and ``1.0`` its first tile, which shows the device;
    entries that name nothing are passed over, so that a mask of nothing else leaves none.
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
    """As C reads numbers: ``1gpu2`` is 1."""
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
    """In the order in which they are named, for that is how HIP then numbers them."""
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
    """Written as a plain number and no other way; longer ones than nine digits are no device's."""
    return int(text) if re.fullmatch(r"0|[1-9][0-9]{0,8}", text) else None


def _any_base(text: str) -> int | None:
    """As C's strtol reads it with base 0: 0x10 is 16 and 010 is 8."""
    match = re.fullmatch(r"\+?(0X[0-9A-F]{1,8}|[0-9]{1,9})", text)
    if not match:
        return None
    digits = match[1]
    base = 16 if digits.startswith("0X") else 8 if digits.startswith("0") else 10
    try:
        return int(digits, base)
    except ValueError:
        return None
