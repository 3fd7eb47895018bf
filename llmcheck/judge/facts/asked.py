"""A question about facts, as a profile asks it: read once, then judged on any machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from llmcheck.judge.facts import paths, quantities
from llmcheck.judge.facts.meaning import ABSENT, UNKNOWN
from llmcheck.judge.facts.operators import Operator, Truth, all_of, holds, operators_of
from llmcheck.judge.facts.paths import Path
from llmcheck.judge.facts.quantifiers import COUNTED, OF_NUMBERS, Member, Members, Quantifier, judged
from llmcheck.schema.machine import Machine, Problem

_MOST_SHOWN = 4
_SIGNED = ("degrees Celsius",)
_PROBES = {
    "os": "system", "identity": "system", "ram": "memory", "disks": "disk", "gpus": "gpu", "drivers": "gpu",
    "accelerators": "devices", "nvme_drives": "drives",
}  # fmt: skip
"""By the root of a path: the probe that reads it, where that has another name."""


class Filter(Struct, frozen=True):
    """One entry of ``where``."""

    path: Path
    operators: tuple[Operator, ...]
    words: str


class Question(Struct, frozen=True):
    """A path, which of its elements are meant, and what is stated of them."""

    path: Path
    where: tuple[Filter, ...]
    quantifier: Quantifier
    operators: tuple[Operator, ...]
    n: int | None
    written: str
    """A value with its unit, as the profile writes it; sizes are shown in its powers."""

    def words(self) -> str:
        """``each gpus[*].memory_total at least 24 GB``."""
        stated = " and ".join(each.words for each in self.operators)
        name = self.path.text
        whose = ", where " + " and ".join(each.words for each in self.where) if self.where else ""
        match self.quantifier:
            case "each" if not self.path.to_elements:
                return f"{name} {stated}"
            case "same":
                return f"the same {name} everywhere{whose}"
            case "sum" | "min" | "max" | "count":
                what = {"sum": "the sum of", "min": "the least", "max": "the greatest", "count": "the number of"}
                return f"{what[self.quantifier]} {name} {stated}{whose}"
        how = f"{self.quantifier} {self.n}" if self.n is not None else self.quantifier
        return f"{how.replace('-', ' ')} {name} {stated}{whose}"

    def members(self, machine: object) -> Members:
        """The elements on one machine that are or may be meant."""
        found = paths.elements(self.path, machine)
        members = []
        for element in found.known:
            meant: Truth = True
            if self.where:
                meant = all_of([holds(each.operators, paths.value(each.path, element)) for each in self.where])
                if meant is False:
                    continue
            members.append(Member(meant, paths.value(self.path, element)))
        return Members(tuple(members), found.open)

    def answer(self, members: Members) -> Truth:
        """Whether they meet what is stated."""
        signed = self.path.unit is None or self.path.unit.dimension in _SIGNED
        return judged(self.quantifier, members, self.operators, self.n, negative=signed)

    def found(self, members: Members) -> str:
        """What the machine has, in words: ``85.9 GB (8x)``."""
        if members.none_there:
            return "none"
        if self.quantifier == "count":
            possible = sum(each.meant is None for each in members.members)
            sure = len(members.members) - possible
            return f"{sure}{f' to {sure + possible}' if possible else ''}{' or more' if members.open else ''}"
        meant = members.members
        if self.quantifier in ("any", "at-least"):  # of many, those that count
            meant = tuple(each for each in meant if holds(self.operators, each.value)) or meant
        values = Counter[str]()
        for value, count in Counter(each.value for each in meant).items():
            values[self._shown(value)] += count
        total = self._total(members)
        shown = [f"{words} ({count}x)" if count > 1 else words for words, count in values.most_common(_MOST_SHOWN)]
        more = ["..."] if len(values) > _MOST_SHOWN else []
        return total or ", ".join([*shown, *more]) or "unknown"

    def _total(self, members: Members) -> str | None:
        values = [each.value for each in members.members]
        if self.quantifier != "sum" or members.open or any(each is UNKNOWN or each is ABSENT for each in values):
            return None
        return f"{self._shown(sum(values))} in total"

    def _shown(self, value: Any) -> str:
        if isinstance(value, int | float):
            return quantities.in_words(value, self.path.unit, self.written)
        if self.path.kind in ("list", "table") and value is not UNKNOWN and value is not ABSENT:
            return "there"
        return str(value)[:80]


def question_of(
    fact: str,
    where: Mapping[str, Any],
    quantifier: Quantifier,
    stated: Mapping[str, Any],
    n: int | None,
    root: Any = Machine,
) -> Question:
    """The question. Raises ValueError for a path, an operator, a unit or a combination of them that is not possible."""
    path = paths.path_of(fact, root)
    if quantifier == "count" and path.kind in ("list", "table") and path.of_element:
        path = paths.path_of(f"{fact}[*]", root)
    operators = _operators(path, quantifier, stated)
    if (quantifier in COUNTED) != (n is not None):
        raise ValueError(f"n is how many: it belongs to the quantifiers {' and '.join(COUNTED)}, and they need it")
    if quantifier in OF_NUMBERS and path.kind != "number":
        raise ValueError(f"{fact} is {paths.in_words(path.kind)}: only numbers have a {quantifier}")
    if quantifier == "same" and path.kind in ("list", "table"):
        raise ValueError(f"{fact} is {paths.in_words(path.kind)}: name one of its facts")
    if where and not path.to_elements:
        raise ValueError(f"where selects elements, and {fact} has no [*]")
    written = next((each for each in stated.values() if isinstance(each, str)), "GB")
    filters = tuple(_filter(name, condition, path) for name, condition in where.items())
    return Question(path, filters, quantifier, operators, n, written)


def _operators(path: Path, quantifier: Quantifier, stated: Mapping[str, Any]) -> tuple[Operator, ...]:
    if quantifier == "same":
        if stated:
            raise ValueError("the quantifier same takes no operator: it compares the elements with each other")
        return ()
    if not stated:
        raise ValueError("nothing is stated of it: add an operator, such as ge, eq, in, matches or exists")
    if quantifier == "count":
        operators = operators_of(stated, "number", None, f"the number of {path.text}")
    else:
        operators = operators_of(stated, path.kind, path.unit, path.text)
    if quantifier in ("count", *OF_NUMBERS) and any(each.within is None for each in operators):
        raise ValueError(f"the quantifier {quantifier} makes a number, which only numbers are compared with")
    return operators


def _filter(name: str, condition: object, path: Path) -> Filter:
    try:
        own = paths.path_of(name, path.element)
        if own.to_elements:
            raise ValueError("a path with [*] has several values")
        stated: Mapping[str, Any] = condition if isinstance(condition, dict) else {"eq": condition}
        if not stated:
            raise ValueError("nothing is stated of it")
        operators = operators_of(stated, own.kind, own.unit, name)
    except ValueError as error:
        raise ValueError(f"where, {name}: {error}") from None
    return Filter(own, operators, f"{name} {' and '.join(each.words for each in operators)}")


def reason(question: Question, machine: Machine, members: Members) -> Problem | None:
    """The problem of the machine that says why the fact is unknown; None where none does."""
    faults = {
        getattr(element, "fault", None)
        for element in paths.elements(question.path, machine).known
        if paths.value(question.path, element) is UNKNOWN
    }
    root = question.path.root
    probe = _PROBES.get(root, root)
    for each in machine.problems:
        if each.code in faults or (members.open and each.probe.partition(".")[0] == probe):
            return each
    late = ("deadline", "crashed", "failed")
    return next((each for each in machine.problems if each.code in late and each.probe.startswith(probe)), None)
