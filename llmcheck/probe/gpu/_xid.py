"""Errors that NVIDIA's kernel module writes into the kernel's log: Xid numbers, by card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from llmcheck.probe.gpu._cuda_start import PROBE
from llmcheck.schema.machine import Gpu, Problem

# "NVRM: Xid (PCI:0000:01:00): 79, pid=1234, GPU has fallen off the bus."
_LINE = r"NVRM: Xid \(PCI:([0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2})(?:\.[0-7])?\): ([0-9]{1,4})\b"
_RESET = "run 'sudo nvidia-smi --gpu-reset' or reboot; if it comes again, have the card checked"
# The errors of the card itself, with what NVIDIA's catalogue of 2025-09-30 wants done; the others come from programs
# (13, 31, 43, 45) or only tell of repairs (63, 92).
_SERIOUS = {
    46: ("the GPU stopped processing", _RESET),
    48: ("a double-bit memory error", _RESET),
    62: ("its micro-controller halted", _RESET),
    64: ("memory could not be remapped", _RESET),
    74: (
        "an NVLink error",
        "'nvidia-smi nvlink -s' shows the links; reset the GPU, and check bridge or board",
    ),
    79: (
        "the GPU fell off the bus",
        "power the machine off and on; if it comes again, check card, slot and power",
    ),
    94: ("a contained memory error", "start the program again; have the card checked if it comes often"),
    95: ("an uncontained memory error", _RESET),
    109: ("a context switch timed out", _RESET),
    110: ("a security fault", _RESET),
    119: ("its GSP firmware does not answer", _RESET),
    120: ("an error of its GSP firmware", _RESET),
    136: ("the training of an NVLink failed", _RESET),
    140: ("an unrecovered memory error", _RESET),
    143: ("its initialisation failed", _RESET),
}


def with_errors(gpu: Gpu, log: str | None) -> Gpu:
    """The card with its errors of a kernel's log; a MIG instance has none of its own. None: the log was not read."""
    if log is None or gpu.parent is not None or gpu.pci_bus_id is None:
        return gpu
    own = _without_function(gpu.pci_bus_id)
    numbers = {int(number) for bus_id, number in re.findall(_LINE, log) if _without_function(bus_id) == own}
    return replace(gpu, xids=tuple(sorted(numbers)))


def _without_function(bus_id: str) -> str:
    """Without leading zeros too: NVML writes the domain with eight digits, the kernel with four."""
    return bus_id.lower().partition(".")[0].lstrip("0")


def problems(gpus: Sequence[Gpu]) -> Iterator[Problem]:
    """The serious errors, one problem each."""
    for gpu in gpus:
        for number in gpu.xids or ():
            if number in _SERIOUS:
                what, remedy = _SERIOUS[number]
                message = f"the kernel's log has Xid {number} of GPU {gpu.index}: {what}"
                yield Problem(probe=PROBE, code="xid", message=message, remedy=remedy)
