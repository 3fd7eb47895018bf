"""A card that is listed more than once counts once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from llmcheck.schema.gpu import CONTRADICTORY, DUPLICATE, NVLINK_VENDOR, Gpu
from llmcheck.schema.machine import Machine

_DEVICES = {"intel": 4}
"""How many devices one PCI address may be: each tile of Intel's data center GPUs is one, and the first of them, Xe-HP,
was shown with four (Hot Chips 2020); the Max 1550 has two."""
_READABLE = 10**18
"""Larger numbers are not written out."""


Doubt = tuple[str, str, str, str]
"""A fact that cannot be true: the probe and the code of its Problem, the device that it is about (empty for the machine
itself), and what cannot be."""


def number(value: float) -> str:
    """A number for a message; a huge one is not written out, which Python refuses above 4,300 digits."""
    if not -_READABLE < value < _READABLE:
        return "over 10^18" if value > 0 else "below -10^18" if value < 0 else "no number"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def without_duplicates(machine: Machine, doubts: list[Doubt]) -> Machine:
    """The machine with each card once, by PCI address and by UUID; copies that differ leave one card of which nothing
    is known. The UUIDs and the NVLinks between cards are those of the cards that are left.

    A part of a card (MIG instance, AMD partition) has the address of its card and is no copy of it.
    """
    gpus = machine.gpus or ()
    uuids = machine.identity.gpu_uuids if len(machine.identity.gpu_uuids) == len(gpus) else ("",) * len(gpus)
    groups = _copies(gpus, uuids)
    if len(groups) == len(gpus):
        return machine
    doubts += [_doubt([gpus[each] for each in members]) for members in groups if len(members) > 1]
    kept = [members[0] for members in groups]
    identity = machine.identity
    if len(identity.gpu_uuids) == len(gpus):
        identity = replace(identity, gpu_uuids=tuple(uuids[each] for each in kept))
    return replace(
        machine,
        gpus=tuple(_joined([gpus[each] for each in members]) for members in groups),
        identity=identity,
        fabric=replace(machine.fabric, nvlink_matrix=_left(machine, kept)),
    )


def _copies(gpus: Sequence[Gpu], uuids: Sequence[str]) -> list[list[int]]:
    """The positions of the GPUs, those of one card together, in the order of their first."""
    groups: list[list[int]] = []
    known: dict[str, list[int]] = {}
    first: dict[str, int] = {}
    for position, (gpu, uuid) in enumerate(zip(gpus, uuids, strict=True)):
        names = _names(gpu, uuid, first)
        same = next((known[name] for name in names if name in known), None)
        if same is None:
            same = []
            groups.append(same)
        same.append(position)
        for name in names:
            known.setdefault(name, same)
    return groups


def _names(gpu: Gpu, uuid: str, first: dict[str, int]) -> list[str]:
    """What no other card has. NVML writes the PCI domain with eight digits, the kernel with four.

    ``first``: for each address the index of its first device; new ones are added.
    """
    if gpu.parent is not None:
        return []
    address = (gpu.pci_bus_id or "").strip().lower().lstrip("0")
    tile = min(max((gpu.index or 0) - first.setdefault(address, gpu.index or 0), 0), _DEVICES.get(gpu.vendor, 1) - 1)
    found = (
        [f"pci {address} {tile}"]
        if re.fullmatch(r"[0-9a-f]{0,8}:[0-9a-f]{2}:[0-9a-f]{2}(\.[0-9a-f])?", address)
        else []
    )
    number = uuid.lower().removeprefix("gpu-").replace("-", "")
    if re.fullmatch(r"[0-9a-f]{16,}", number) and number.strip("0"):
        return [*found, f"uuid {number}"]
    # AMD writes the same text (GPU-XX) for every card without a number. Drivers number their cards each once.
    return found if found or gpu.index is None else [f"number {gpu.vendor} {gpu.index}"]


def _joined(copies: Sequence[Gpu]) -> Gpu:
    first = copies[0]
    if all(replace(each, index=first.index, pci_bus_id=first.pci_bus_id) == first for each in copies):
        return first
    broken = next((each for each in copies if each.usable is False), None)
    return Gpu(
        vendor=first.vendor,
        index=None if any(each.index is None for each in copies) else first.index,
        name=first.name if all(each.name == first.name for each in copies) else None,
        pci_bus_id=first.pci_bus_id,
        visible=any(each.visible for each in copies),
        integrated=all(each.integrated for each in copies),
        unified=any(each.unified for each in copies),
        usable=None if broken is None else False,
        fault=CONTRADICTORY if broken is None else broken.fault,
    )


def _doubt(copies: Sequence[Gpu]) -> Doubt:
    first = copies[0]
    label = "GPU" if first.index is None else f"GPU {number(first.index)}"
    same = _joined(copies) is first
    where = f" at {first.pci_bus_id}" if first.pci_bus_id else ""
    if same:
        text = f"the same card{where} is listed {len(copies):,} times and counts once"
        return (f"gpu.{first.vendor}", DUPLICATE, label, text)
    text = f"the same card{where} is listed {len(copies):,} times with different facts: nothing of it is known"
    return (f"gpu.{first.vendor}", CONTRADICTORY, label, text)


def _left(machine: Machine, kept: Sequence[int]) -> tuple[tuple[int | None, ...], ...] | None:
    """The rows and columns of the NVLink matrix of the cards that are left; None where it is not of these cards."""
    matrix, gpus = machine.fabric.nvlink_matrix, machine.gpus or ()
    cards = [position for position, gpu in enumerate(gpus) if gpu.vendor == NVLINK_VENDOR and gpu.parent is None]
    if matrix is None or len(matrix) != len(cards) or any(len(row) != len(cards) for row in matrix):
        return None
    left = [row for row, position in enumerate(cards) if position in set(kept)]
    return tuple(tuple(matrix[row][column] for column in left) for row in left)
