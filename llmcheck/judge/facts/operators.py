"""What a profile states of a fact: each operator as a function of one value, and of a range in which a value lies.

True: met. False: not met. None: open, because too little is known, or because a version cannot be compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from llmcheck.codec import did_you_mean
from llmcheck.judge import specifiers
from llmcheck.judge.facts import patterns, quantities
from llmcheck.judge.facts.meaning import ABSENT, UNKNOWN
from llmcheck.judge.facts.paths import Kind, in_words
from llmcheck.judge.facts.quantities import Unit
from llmcheck.schema.bounds import LONGEST_VERSION

OPERATORS = (
    "eq", "ne", "ge", "gt", "le", "lt", "between", "in", "not-in", "matches", "exists", "absent", "spec", "version",
)  # fmt: skip
_MOST_CHOICES = 100
_VERSION = r"[0-9]{1,18}(?:\.[0-9]{1,18}){0,9}"
_COMPARED = r"(>=|<=|==|!=|>|<)?\s*(" + _VERSION + ")"

Truth = bool | None


class Operator(Struct, frozen=True):
    """One operator with what it compares to."""

    words: str
    """``at least 24 GB``."""
    holds: Callable[[Any], Truth]
    """Of a value that is neither ``UNKNOWN`` nor ``ABSENT``."""
    within: Callable[[float, float], Truth] | None = None
    """Of every number from a lowest to a highest; None for what compares no numbers."""
    of_absent: bool = False
    """Of what is known not to be there."""


def all_of(found: list[Truth]) -> Truth:
    """Whether all hold."""
    return False if False in found else None if None in found else True


def holds(operators: tuple[Operator, ...], value: Any) -> Truth:
    """Whether a value meets all."""
    if value is UNKNOWN:
        return None
    if value is ABSENT:
        return all(each.of_absent for each in operators)
    if len(operators) == 1:
        return operators[0].holds(value)
    return all_of([each.holds(value) for each in operators])


def within(operators: tuple[Operator, ...], low: float, high: float) -> Truth:
    """Whether all numbers from ``low`` to ``high`` meet all; False where none does."""
    return all_of([each.within(low, high) for each in operators if each.within is not None])


def operators_of(given: Mapping[str, Any], kind: Kind, unit: Unit | None, name: str) -> tuple[Operator, ...]:
    """The operators of a table. ``name``: of the fact, for messages. Raises ValueError."""
    found = []
    for operator, value in given.items():
        make = _MAKERS.get(operator)
        if make is None:
            near = did_you_mean(operator, OPERATORS)
            raise ValueError(f"there is no operator '{operator}'{near}; operators: {', '.join(OPERATORS)}")
        try:
            found.append(make(value, _Fact(kind, unit, name)))
        except ValueError as error:
            raise ValueError(f"{operator}: {error}") from None
    return tuple(found)


class _Fact(Struct, frozen=True):
    kind: Kind
    unit: Unit | None
    name: str

    def value(self, written: Any) -> Any:
        """What a profile writes, as the fact has it. Raises ValueError."""
        if self.kind == "number":
            return quantities.in_field(written, self.unit, self.name)
        wanted = {"text": str, "flag": bool}.get(self.kind)
        if wanted is None or not isinstance(written, wanted):
            raise ValueError(f"{_shown(written)} cannot be compared: {self.name} is {in_words(self.kind)}")
        return written

    def words(self, written: Any) -> str:
        """As the profile writes it, where that has a unit."""
        if isinstance(written, str):
            return written if self.kind == "number" else f"'{written}'"
        return quantities.in_words(written, self.unit)

    def number(self, written: Any) -> float:
        if self.kind != "number":
            more = "; compare it with version, spec or matches" if self.kind == "text" else ""
            raise ValueError(f"{self.name} is {in_words(self.kind)}, not a number{more}")
        return quantities.in_field(written, self.unit, self.name)


def _shown(written: object) -> str:
    return f"{written!r:.60}"


def _equal(written: Any, fact: _Fact) -> Operator:
    wanted = fact.value(written)
    return Operator(
        f"is {fact.words(written)}", lambda value: value == wanted, lambda low, high: _is(low, high, wanted)
    )


def _is(low: float, high: float, wanted: Any) -> Truth:
    return True if low == high == wanted else False if wanted < low or wanted > high else None


def _not(found: Truth) -> Truth:
    return None if found is None else not found


def _unequal(written: Any, fact: _Fact) -> Operator:
    wanted = fact.value(written)
    return Operator(
        f"is not {fact.words(written)}",
        lambda value: value != wanted,
        lambda low, high: _not(_is(low, high, wanted)),
        of_absent=True,
    )


def _at_least(written: Any, fact: _Fact) -> Operator:
    least = fact.number(written)
    return Operator(
        f"at least {fact.words(written)}",
        lambda value: value >= least,
        lambda low, high: True if low >= least else False if high < least else None,
    )


def _above(written: Any, fact: _Fact) -> Operator:
    least = fact.number(written)
    return Operator(
        f"more than {fact.words(written)}",
        lambda value: value > least,
        lambda low, high: True if low > least else False if high <= least else None,
    )


def _at_most(written: Any, fact: _Fact) -> Operator:
    most = fact.number(written)
    return Operator(
        f"at most {fact.words(written)}",
        lambda value: value <= most,
        lambda low, high: True if high <= most else False if low > most else None,
    )


def _below(written: Any, fact: _Fact) -> Operator:
    most = fact.number(written)
    return Operator(
        f"less than {fact.words(written)}",
        lambda value: value < most,
        lambda low, high: True if high < most else False if low >= most else None,
    )


def _between(written: Any, fact: _Fact) -> Operator:
    if not isinstance(written, list | tuple) or len(written) != 2:
        raise ValueError("a list of two values, the smaller one first")
    least, most = fact.number(written[0]), fact.number(written[1])
    if least > most:
        raise ValueError(f"{fact.words(written[0])} is more than {fact.words(written[1])}")
    return Operator(
        f"between {fact.words(written[0])} and {fact.words(written[1])}",
        lambda value: least <= value <= most,
        lambda low, high: True if least <= low and high <= most else False if high < least or low > most else None,
    )


def _one_of(written: Any, fact: _Fact) -> Operator:
    wanted = _choices(written, fact)
    words = ", ".join(map(fact.words, written))
    return Operator(
        f"is one of {words}" if len(wanted) > 1 else f"is {words}",
        lambda value: value in wanted,
        lambda low, high: _any([_is(low, high, each) for each in wanted]),
    )


def _any(found: list[Truth]) -> Truth:
    return True if True in found else None if None in found else False


def _none_of(written: Any, fact: _Fact) -> Operator:
    wanted = _choices(written, fact)
    return Operator(
        f"is none of {', '.join(map(fact.words, written))}",
        lambda value: value not in wanted,
        lambda low, high: _not(_any([_is(low, high, each) for each in wanted])),
        of_absent=True,
    )


def _choices(written: Any, fact: _Fact) -> tuple[Any, ...]:
    if not isinstance(written, list | tuple) or not written:
        raise ValueError("a list of values")
    if len(written) > _MOST_CHOICES:
        raise ValueError(f"{len(written):,} values; at most {_MOST_CHOICES}")
    return tuple(map(fact.value, written))


def _matches(written: Any, fact: _Fact) -> Operator:
    if fact.kind != "text" or not isinstance(written, str):
        raise ValueError(f"{fact.name} is {in_words(fact.kind)}: only text matches a pattern in quotes")
    return Operator(f"matches '{written}'", patterns.compiled(written))


def _exists(written: Any, _fact: _Fact) -> Operator:
    if written is not True:
        raise ValueError("only true is possible; for the opposite write absent = true")
    return Operator("is there", lambda _value: True)


def _absent(written: Any, _fact: _Fact) -> Operator:
    if written is not True:
        raise ValueError("only true is possible; for the opposite write exists = true")
    return Operator("is not there", lambda _value: False, of_absent=True)


def _spec(written: Any, fact: _Fact) -> Operator:
    if fact.kind != "text" or not isinstance(written, str):
        raise ValueError(f"{fact.name} is {in_words(fact.kind)}: only the text of a version has a specifier in quotes")
    specifiers.validate(written, ">=2.4")
    return Operator(written, lambda value: specifiers.contains(written, value))


def _version(written: Any, fact: _Fact) -> Operator:
    """Dotted numbers, the first ones in the text: ``6.8.0-45-generic`` is 6.8.0, ``glibc 2.36`` is 2.36."""
    if fact.kind != "text" or not isinstance(written, str):
        raise ValueError(f"{fact.name} is {in_words(fact.kind)}: only the text of a version is one, in quotes")
    compared = []
    for part in written[: LONGEST_VERSION + 1].split(","):
        match = re.fullmatch(_COMPARED, part.strip())
        if match is None or len(written) > LONGEST_VERSION:
            raise ValueError(f"'{written[:40]}' is not a comparison such as >=550.54, or 550.54 for that or newer")
        compared.append((match[1] or ">=", _numbers(match[2])))

    def met(value: str) -> Truth:
        found = re.search(_VERSION, value[:LONGEST_VERSION])
        return None if found is None else all(_SIGNS[sign](_numbers(found[0]), other) for sign, other in compared)

    return Operator(written if not written[:1].isdigit() else f"{written} or newer", met)


def _numbers(version: str) -> tuple[int, ...]:
    """Without zeros at the end: 6.8 and 6.8.0 are one version."""
    numbers = [int(each) for each in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


_SIGNS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
}
_MAKERS: dict[str, Callable[[Any, _Fact], Operator]] = {
    "eq": _equal,
    "ne": _unequal,
    "ge": _at_least,
    "gt": _above,
    "le": _at_most,
    "lt": _below,
    "between": _between,
    "in": _one_of,
    "not-in": _none_of,
    "matches": _matches,
    "exists": _exists,
    "absent": _absent,
    "spec": _spec,
    "version": _version,
}
