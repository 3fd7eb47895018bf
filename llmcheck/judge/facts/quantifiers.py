"""Judges the elements of a fact together: each, any, at-least n, the sum, ...

What is unknown may be anything. So the answer is True or False only where it is that for every completion: of an
element of which it is not known whether it is meant, of a value that could not be read, of a list that is not complete.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from llmcheck.judge.facts.meaning import ABSENT, UNKNOWN
from llmcheck.judge.facts.operators import Operator, Truth, holds, within

Quantifier = Literal["each", "any", "none", "at-least", "at-most", "sum", "min", "max", "same", "count"]
COUNTED: tuple[Quantifier, ...] = ("at-least", "at-most")
"""Those that need ``n``."""
OF_NUMBERS: tuple[Quantifier, ...] = ("sum", "min", "max")
"""Those whose fact must be a number."""
_INFINITE = float("inf")


class Member(Struct, frozen=True):
    """One element."""

    meant: Truth
    """Whether ``where`` selects it; an element that it leaves out is no member."""
    value: Any
    """``UNKNOWN``, ``ABSENT``, or what was read."""


class Members(Struct, frozen=True):
    """All elements that are or may be meant."""

    members: tuple[Member, ...]
    open: bool
    """There may be more."""

    @property
    def none_there(self) -> bool:
        """Certainly none is meant."""
        return not self.members and not self.open


def judged(
    quantifier: Quantifier,
    members: Members,
    operators: tuple[Operator, ...],
    n: int | None,
    *,
    negative: bool,
) -> Truth:
    """Whether the elements meet the operators. ``negative``: whether a value may be below 0.

    Of no element at all nothing holds but that there is none: ``each``, ``same``, ``min`` and ``max`` fail then.
    """
    match quantifier:
        case "each":
            return _each(members, operators)
        case "any":
            return _at_least(members, operators, 1)
        case "none":
            return _at_most(members, operators, 0)
        case "at-least":
            return _at_least(members, operators, n or 1)
        case "at-most":
            return _at_most(members, operators, n or 0)
        case "count":
            sure = sum(each.meant is True for each in members.members)
            return within(operators, sure, _INFINITE if members.open else len(members.members))
        case "same":
            return _same(members)
    least = -_INFINITE if negative else 0.0
    if quantifier == "sum":
        return within(operators, *_sum(members, least))
    return _extreme(members, operators, least, highest=quantifier == "max")


def _each(members: Members, operators: tuple[Operator, ...]) -> Truth:
    if members.none_there:
        return False
    found = [(each.meant, holds(operators, each.value)) for each in members.members]
    if any(meant is True and met is False for meant, met in found):
        return False
    sure = any(meant is True for meant, _ in found)
    if sure and not members.open and all(met is True for _, met in found):
        return True
    if not sure and not members.open and all(met is False for _, met in found):
        return False
    return None


def _range(members: Members, operators: tuple[Operator, ...]) -> tuple[float, float]:
    """How many elements meet the operators, at least and at most."""
    found = [(each.meant, holds(operators, each.value)) for each in members.members]
    sure = sum(meant is True and met is True for meant, met in found)
    possible = sum(met is not False for _, met in found)
    return sure, _INFINITE if members.open else possible


def _at_least(members: Members, operators: tuple[Operator, ...], least: int) -> Truth:
    low, high = _range(members, operators)
    return True if low >= least else False if high < least else None


def _at_most(members: Members, operators: tuple[Operator, ...], most: int) -> Truth:
    low, high = _range(members, operators)
    return True if high <= most else False if low > most else None


def _same(members: Members) -> Truth:
    if members.none_there:
        return False
    known = {each.value for each in members.members if each.meant is True and each.value is not UNKNOWN}
    if len(known) > 1:
        return False
    all_known = {each.value for each in members.members}
    if members.open or UNKNOWN in all_known or len(all_known) > 1 or not known:
        return None
    return True


def _sum(members: Members, least: float) -> tuple[float, float]:
    low = high = 0.0
    for each in members.members:
        one, other = (least, _INFINITE) if each.value is UNKNOWN else _number(each.value)
        if each.meant is not True:
            one, other = min(0.0, one), max(0.0, other)
        low, high = low + one, high + other
    return (low + least if least else low, _INFINITE) if members.open else (low, high)


def _number(value: Any) -> tuple[float, float]:
    return (0.0, 0.0) if value is ABSENT else (value, value)


def _extreme(members: Members, operators: tuple[Operator, ...], least: float, *, highest: bool) -> Truth:
    """Of the smallest or largest value; an element without a value has no part in it."""
    there = [each for each in members.members if each.value is not ABSENT]
    if not there and not members.open:
        return False
    sure = [each.value for each in there if each.meant is True and each.value is not UNKNOWN]
    possible = [each.value for each in there if each.value is not UNKNOWN]
    unread = members.open or any(each.value is UNKNOWN for each in there)
    if highest:
        low = max(sure, default=least if unread else min(possible))
        high = _INFINITE if unread else max(possible)
    else:
        high = min(sure, default=_INFINITE if unread else max(possible))
        low = least if unread else min(possible)
        low = min(low, high)
    met = within(operators, low, high)
    certain = any(each.meant is True for each in there)
    return None if met is True and not certain else met
