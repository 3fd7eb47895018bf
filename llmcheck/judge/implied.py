"""Whether one requirement is met wherever another one is, as far as their keys say so by themselves.

It errs on one side: where it is not certain, it is not implied.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from llmcheck.judge.facts import quantities
from llmcheck.judge.requirements import parts
from llmcheck.schema.machine import version_numbers
from llmcheck.schema.profile import Compared, Requirement
from llmcheck.units import parse_size

WORDS = frozenset(
    {"id", "level", "why", "fix", "source", "tags", "requires", "on_unknown", "label", "examples", "split"}
)
"""Keys that do not say what is required."""
_LEAST = ("memory", "total", "free", "per_gpu")
_FEWER = ("none", "at-most")
"""Quantifiers of which a wider range asks for more."""
_BOUNDS = ("ge", "gt", "le", "lt", "eq", "between")

Range = tuple[float, float]


def statement(requirement: Requirement) -> dict[str, Any]:
    """What a requirement states, without its words: two that are equal ask for the same."""
    return _without_words(msgspec.to_builtins(requirement))


def implies(strict: Requirement, loose: Requirement) -> bool:
    """Whether what meets ``strict`` always meets ``loose``."""
    if statement(strict) == statement(loose):
        return True
    if strict.kind != loose.kind or parts(strict) or parts(loose) or strict.scope != loose.scope:
        return False
    if isinstance(strict, Compared) and isinstance(loose, Compared):
        return _fact_implies(strict, loose)
    first, second = _stated(strict), _stated(loose)
    return all(_is_at_least(key, first.get(key), value) for key, value in second.items())


def range_of(requirement: Requirement) -> Range | None:
    """The numbers that meet a fact's operators, bounds included; None where they are no numbers, or not only bounds.

    The first is larger than the second where no number does.
    """
    question = getattr(requirement, "question", None)
    if question is None or not isinstance(requirement, Compared):
        return None
    stated = requirement.stated
    if not stated or any(key not in _BOUNDS for key in stated):
        return None
    low, high = -math.inf, math.inf
    try:
        for key, written in stated.items():
            values = [quantities.in_field(each, _unit(question), "") for each in _listed(written)]
            if key in ("ge", "gt", "eq", "between"):
                low = max(low, _beyond(values[0], key == "gt", math.inf))
            if key in ("le", "lt", "eq", "between"):
                high = min(high, _beyond(values[-1], key == "lt", -math.inf))
    except ValueError:  # text and flags have no order
        return None
    return low, high


def _unit(question: Any) -> quantities.Unit | None:
    unit: quantities.Unit | None = None if question.quantifier == "count" else question.path.unit
    return unit


def _beyond(value: float, is_open: bool, towards: float) -> float:
    return math.nextafter(value, towards) if is_open else value


def _listed(written: Any) -> list[Any]:
    return list(written) if isinstance(written, list | tuple) else [written]


def _fact_implies(strict: Compared, loose: Compared) -> bool:
    first, second = (_without(statement(each), each.stated) for each in (strict, loose))
    if first != second:
        return False
    inner, outer = range_of(strict), range_of(loose)
    if getattr(strict, "quantifier", "each") in _FEWER:
        inner, outer = outer, inner
    return inner is not None and outer is not None and outer[0] <= inner[0] and inner[1] <= outer[1]


def _without(table: dict[str, Any], keys: Any) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in keys}


def _without_words(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [_without_words(each) if isinstance(each, dict) else each for each in value]
        if isinstance(value, list | tuple)
        else value
        for key, value in table.items()
        if key not in WORDS and value not in (None, (), [], {})
    }


def _stated(requirement: Requirement) -> dict[str, Any]:
    """The keys with a value; a count of one is the default of each kind that has it."""
    return {key: value for key, value in statement(requirement).items() if (key, value) != ("count", 1)}


def _is_at_least(key: str, strict: Any, loose: Any) -> bool:
    if strict == loose:
        return True
    if strict is None:
        return False
    if key in _LEAST:
        return parse_size(strict) >= parse_size(loose)
    if key == "count":
        return bool(strict >= loose)
    return key == "compute_capability" and version_numbers(strict) >= version_numbers(loose)
