"""Bandwidth of a machine's RAM: by the memory channels of its processor where the name tells them, else a wide band."""

from __future__ import annotations

import functools
import re

from llmcheck.schema.estimate import Band
from llmcheck.schema.machine import Cpu
from llmcheck.units import GB

UNKNOWN_CPU = Cpu()
UNKNOWN = Band(20 * GB, 45 * GB, 110 * GB)
"""Bytes per second that CPUs read from RAM: two channels of DDR4 to DDR5; servers have more."""
_SHARE = Band(0.35, 0.6, 0.9)
"""Of all channels' bandwidth: some are often empty, another socket's memory is farther away, and reading matrices
reaches less than copying does."""
_OF_CORE = Band(6 * GB, 12 * GB, 20 * GB)
"""Bytes per second that one core reads: what it has outstanding at a time, over the delay of the RAM."""
_CHANNELS = (
    (r"EPYC 7\w\w1", 8, 2666), (r"EPYC 7\w\w[23]", 8, 3200), (r"EPYC 8\w\w4", 6, 4800), (r"EPYC 9\w\w4", 12, 4800),
    (r"EPYC 9\w\w5", 12, 6000),
    (r"Threadripper PRO [35]\d\d\dWX", 8, 3200), (r"Threadripper PRO 7\d\d\dWX", 8, 5200),
    (r"Threadripper PRO 9\d\d\dWX", 8, 6400), (r"Threadripper [123]\d\d\d", 4, 2933),
    (r"Threadripper 7\d\d\d", 4, 5200), (r"Threadripper 9\d\d\d", 4, 6400),
    (r"(?:Platinum|Gold|Silver) [3-8]1\d\d", 6, 2666), (r"(?:Platinum|Gold|Silver) [3-8]2\d\d", 6, 2933),
    (r"(?:Platinum|Gold|Silver) [3-8]3\d\d", 8, 3200), (r"(?:Platinum|Gold|Silver) [3-8]4\d\d", 8, 4800),
    (r"(?:Platinum|Gold|Silver) [3-8]5\d\d", 8, 5600),
    (r"Xeon(?:\(R\))? 67\d\d[PE]", 8, 6400), (r"Xeon(?:\(R\))? 69\d\d[PE]", 12, 6400),
    (r"E5-[24]6\d\dL? v3", 4, 2133), (r"E5-[24]6\d\dL? v4", 4, 2400),
    (r"Neoverse-N1", 8, 3200), (r"Neoverse-V1", 8, 4800), (r"Neoverse-V2", 12, 5600),
)  # fmt: skip
"""By the processor's name: memory channels of one socket, and 8-byte transfers of each in millions a second at most
(data sheets of AMD, Intel and Ampere, as of 2026-11; Neoverse V1 and V2 as in Graviton 3 and 4, a Grace has as much).
Names with two channels are not listed: ``UNKNOWN`` is theirs."""


def bandwidth(cpu: Cpu) -> Band:
    """Bytes per second that the processes of this machine read from RAM."""
    found = _channels(cpu.model)
    if found is None:
        return UNKNOWN
    peak = found[0] * found[1] * 8e6
    whole = Band(_SHARE.low * peak, _SHARE.expected * peak, _SHARE.high * peak)
    own = _cores(cpu)
    if own is None:
        return whole
    return Band(
        min(whole.low, own * _OF_CORE.low), min(whole.expected, own * _OF_CORE.expected),
        min(whole.high, own * _OF_CORE.high),
    )  # fmt: skip


def note(cpu: Cpu) -> str:
    """A sentence on where ``bandwidth`` comes from."""
    band, found = bandwidth(cpu), _channels(cpu.model)
    ends = f"{band.low / GB:.0f} to {band.high / GB:.0f} GB/s, {band.expected / GB:.0f} expected"
    if found is None:
        return f"RAM bandwidth: {ends}; that of this machine was not measured"
    return (
        f"RAM bandwidth: {ends}: up to {found[0]} channels at {found[1]:,} MT/s, by the processor's name; not measured"
    )


@functools.cache
def _channels(name: str | None) -> tuple[int, int] | None:
    if name is None:
        return None
    return next((each[1:] for each in _CHANNELS if re.search(each[0] + r"(?!\d)", name, re.IGNORECASE)), None)


def _cores(cpu: Cpu) -> float | None:
    """Physical cores that this process may use; None where no number is known."""
    threads = cpu.threads_usable or cpu.threads
    if not threads:
        return cpu.cores
    per_core = cpu.threads / cpu.cores if cpu.threads and cpu.cores else 1.0
    return max(threads / max(per_core, 1.0), 1.0)
