"""Rates as sums of named times, each with a quick and a slow end from one named unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from llmcheck.schema.estimate import Band, Cause, Rate, Time


def time(rate: Rate, cause: Cause, work: float, speed: Band) -> Time:
    """``work`` done at ``speed`` per second, whose ``low`` is the slowest."""
    return Time(
        rate=rate, cause=cause, expected=work / speed.expected, low=work / speed.high, high=work / speed.low
    )  # fmt: skip


def spent(rate: Rate, cause: Cause, count: float, each: Band) -> Time:
    """``count`` times what each costs in seconds; ``each.low`` is the slowest."""
    return Time(rate=rate, cause=cause, expected=count * each.expected, low=count * each.high, high=count * each.low)


def slower(speed: Band, factor: float) -> Band:
    """A speed times a factor."""
    return Band(speed.low * factor, speed.expected * factor, speed.high * factor)


def longest(*groups: Sequence[Time]) -> list[Time]:
    """Groups that run at the same time: those of all but the longest are hidden."""
    sums = [sum(each.expected for each in group) for group in groups]
    most = sums.index(max(sums))
    found: list[Time] = []
    for position, group in enumerate(groups):
        found += group if position == most else [replace(each, hidden=True) for each in group]
    return found


def overlapped(one: Sequence[Time], other: Sequence[Time]) -> list[Time]:
    """Two groups that run at the same time, now the one and now the other ahead: of the shorter the part counts that
    makes the sum the root of their squares."""
    sums = [sum(each.expected for each in group if not each.hidden) for group in (one, other)]
    longer, shorter = (one, other) if sums[0] >= sums[1] else (other, one)
    part = (math.hypot(*sums) - max(sums)) / max(min(sums), 1e-12)
    left = [
        replace(each, expected=part * each.expected, low=part * each.low, high=part * each.high) for each in shorter
    ]
    return [*longer, *left]


_NOT_STATED: dict[Rate, float] = {"decode": 0.13, "batch": 0.2, "prefill": 0.22, "train": 0.14}
"""Relative spread that no figure of a card explains: clocks, driver, the runtime's version and kernels. Published
tables of the same cards differ from each other by as much."""


def total(times: Iterable[Time]) -> Band:
    """Seconds of all that are not hidden. The ends are independent of each other, so their squares are added."""
    middle = quick = slow = spread = 0.0
    for each in times:
        if not each.hidden:
            middle += each.expected
            quick += (each.expected - each.low) ** 2
            slow += (each.high - each.expected) ** 2
            spread = _NOT_STATED[each.rate]
    quick += (spread * middle) ** 2
    slow += (spread * middle) ** 2
    return Band(max(middle - math.sqrt(quick), 0.3 * middle), middle, middle + math.sqrt(slow))


def rate(count: float, seconds: Band) -> Band:
    """So many in so many seconds, per second."""
    ends = [count / max(each, 1e-12) for each in (seconds.high, seconds.expected, seconds.low)]
    return Band(min(ends[0], ends[1]), ends[1], max(ends[1], ends[2]))
