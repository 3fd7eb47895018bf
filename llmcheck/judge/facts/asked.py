"""A question about facts, as a profile asks it: read once, then judged on any machine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from llmcheck.gpus import vendors
from llmcheck.judge.facts import names, paths, quantities
from llmcheck.judge.facts.meaning import ABSENT, UNKNOWN
from llmcheck.judge.facts.operators import Operator, Truth, all_of, holds, operators_of
from llmcheck.judge.facts.paths import Path
from llmcheck.judge.facts.quantifiers import COUNTED, OF_NUMBERS, Member, Members, Quantifier, judged
from llmcheck.schema.machine import Machine, Problem

_MOST_SHOWN = 4
_IS = re.compile("^is ")
_OF_WHAT_IS_NOT = ("any", "at-least")
"""Quantifiers that are missed by what is not there."""
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
    adjective: str = ""
    """Of one that names a word: ``InfiniBand`` port."""


class Question(Struct, frozen=True):
    """A path, which of its elements are meant, and what is stated of them."""

    path: Path
    where: tuple[Filter, ...]
    quantifier: Quantifier
    operators: tuple[Operator, ...]
    n: int | None
    written: str
    """A value with its unit, as the profile writes it; sizes are shown in its powers."""

    def full(self) -> str:
        """As the profile asks it: ``each gpus[*].memory_total at least 24 GB, where vendor is 'nvidia'``."""
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

    def words(self) -> str:
        """For people: ``each GPU: memory total at least 24 GB``."""
        stated, label = self.stated(), names.label(self.path)
        if not self.path.to_elements:
            return f"{label} {stated}"
        one, several = (f"{self._whose(noun)}{noun}" for noun in names.nouns(self.path))
        of_each = f": {label} {stated}" if label else f" {stated}"
        of_one = f" {'where' if stated.startswith('is ') else 'with'} {label} {stated}" if label else of_each
        match self.quantifier:
            case "each":
                return f"each {one}{of_each}"
            case "any":
                return f"any {one}{of_one}"
            case "none":
                return f"no {one}{of_one}"
            case "at-least" | "at-most":
                of_several = of_one if label else f" {_IS.sub('are ', stated)}"
                return f"{self.quantifier.replace('-', ' ')} {self.n} {several}{of_several}"
            case "same":
                return f"the same {label} of all {several}" if label else f"the same {several}"
            case "count":
                return f"number of {several} {stated}"
        what = {"sum": "sum of all", "min": "least of all", "max": "greatest of all"}[self.quantifier]
        return f"{what} {several}{f': {label}' if label else ''} {stated}"

    def stated(self) -> str:
        """What has to hold: ``at least 24 GB``."""
        return " and ".join(each.brief or each.words for each in self.operators)

    def _whose(self, noun: str) -> str:
        """The elements that ``where`` leaves, in a few words. What the usual ones are not is not said."""
        plain = [each for each in self.where if not all(one.of_absent for one in each.operators)]
        words = [each.adjective for each in plain if each.adjective]
        said = [each for each in words if each.lower() not in noun.lower()]
        return " ".join([*(["selected"] if len(words) < len(plain) else []), *said, ""])

    def members(self, machine: object) -> Members:
        """The elements on one machine that are or may be meant."""
        found = paths.elements(self.path, machine)
        members = []
        for place, element in enumerate(found.known):
            meant: Truth = True
            if self.where:
                meant = all_of([holds(each.operators, paths.value(each.path, element)) for each in self.where])
                if meant is False:
                    continue
            members.append(Member(meant, paths.value(self.path, element), place))
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
        return self._total(members) or self._counted(meant) or "unknown"

    def found_bad(self, members: Members, bad: Sequence[Member], called: Sequence[str]) -> str:
        """The same, with the elements first that are to blame, by name: ``512 (GPU 3), 0 (7x)``."""
        whole = self.found(members)
        if not bad or self.quantifier in ("count", "sum"):
            return whole
        places = {each.place for each in bad}
        rest = self._counted([each for each in members.members if each.place not in places])
        words = self.named(bad, called)
        return words if not rest or self.quantifier in _OF_WHAT_IS_NOT else f"{words}, {rest}"

    def named(self, members: Sequence[Member], called: Sequence[str]) -> str:
        """``512 (GPU 3), 600 (GPU 5 and 6)``; the values alone where the elements have no other name."""
        groups: dict[str, list[str]] = {}
        for each in members:
            groups.setdefault(self._shown(each.value), []).append(called[each.place])
        shown = list(groups.items())[:_MOST_SHOWN]
        words = [f"{value} ({names.joined(own)})" if any(own) else value for value, own in shown]
        return ", ".join([*words, *(["..."] if len(groups) > _MOST_SHOWN else [])])

    def missing(self, members: Members) -> tuple[str, ...]:
        """Of what the elements have to be, what none is; () for a question that does not list it."""
        if self.quantifier not in _OF_WHAT_IS_NOT or members.open or len(self.operators) != 1 or self.path.of_element:
            return ()
        there = {each.value for each in members.members}
        return tuple(self._shown(each) for each in self.operators[0].choices if each not in there)

    def _counted(self, meant: Sequence[Member]) -> str:
        values = Counter[str]()
        for value, count in Counter(each.value for each in meant).items():
            values[self._shown(value)] += count
        shown = [f"{words} ({count}x)" if count > 1 else words for words, count in values.most_common(_MOST_SHOWN)]
        return ", ".join([*shown, *(["..."] if len(values) > _MOST_SHOWN else [])])

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
    text = condition if isinstance(condition, str) and re.fullmatch(r"[A-Za-z0-9-]{1,20}", condition) else ""
    adjective = vendors.named(text).name if name == "vendor" and text else text
    return Filter(own, operators, f"{name} {' and '.join(each.words for each in operators)}", adjective)


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
