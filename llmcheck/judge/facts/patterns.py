"""Regular expressions whose time is bounded by the lengths of pattern and text, whatever both are.

A pattern comes with a profile, and a text from a machine. ``re`` goes back and tries again, for which a pattern of
twenty characters can take years. Here all states of the pattern advance together over the text, once. What cannot be
matched so is refused: references to groups, and looking around.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from llmcheck.judge.requirements import effort

LONGEST_PATTERN, LONGEST_TEXT = 200, 4096
_MOST_STATES, _MOST_REPEATS, _DEEPEST = 1000, 200, 20
_SPECIAL = frozenset("\\^$.|?*+()[]{}")
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": lambda one: "0" <= one <= "9",
    "w": lambda one: one.isalnum() or one == "_",
    "s": str.isspace,
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}

Test = Callable[[str], bool]
State = tuple[str, object, int, int]
"""``take`` (a test of one character, then the next state), ``split`` (two next states), ``start``, ``end``, ``met``."""


def compiled(pattern: str) -> Callable[[str], bool | None]:
    """A function that says whether a text has a part that matches; None for a text that is too long to be looked at.

    Capital letters differ, unless the pattern begins with ``(?i)``. Raises ValueError for what is no such pattern.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern of {len(pattern):,} characters; at most {LONGEST_PATTERN}")
    if not pattern:
        raise ValueError("an empty pattern, which everything matches")
    plain = pattern.removeprefix("(?i)")
    fold = plain != pattern
    if not _SPECIAL & set(plain):
        wanted = plain.casefold() if fold else plain
        return lambda text: wanted in (text.casefold() if fold else text)
    states = _Parser(plain, fold).states()

    @functools.lru_cache(maxsize=64)
    def matches(text: str) -> bool | None:
        return None if len(text) > LONGEST_TEXT else _search(states, text)

    return matches


def _search(states: list[State], text: str) -> bool:
    end = len(text)
    current: set[int] = set()
    seen: set[int] = set()
    for position in range(end + 1):
        if _follow(states, current, seen, 0, position, end):
            return True
        if position == end:
            return False
        effort.spend(len(seen))
        one, following, seen = text[position], set[int](), set[int]()
        for number in current:
            _, test, after, _ = states[number]
            if callable(test) and test(one) and _follow(states, following, seen, after, position + 1, end):
                return True
        current = following
    return False


def _follow(states: list[State], found: set[int], seen: set[int], start: int, position: int, end: int) -> bool:
    """Adds the states that take a character and can be reached from one without taking any. True: all is met.

    ``seen``: the states that were reached before at this position.
    """
    waiting = [start]
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        kind, _, first, second = states[number]
        if kind == "met":
            return True
        if kind == "take":
            found.add(number)
        elif kind == "split":
            waiting += (first, second)
        elif (kind == "start" and position == 0) or (kind == "end" and position == end):
            waiting.append(first)
    return False


class _Parser:
    """A pattern as a list of states; each part of it is a function that adds its states before a next one."""

    def __init__(self, text: str, fold: bool) -> None:
        self._text, self._at, self._fold = text, 0, fold

    def states(self) -> list[State]:
        part = self._alternatives(0)
        if self._at < len(self._text):
            raise ValueError(f"')' without '(' at character {self._at + 1}")
        states: list[State] = [("met", None, 0, 0)]
        begin = part(states, 0)
        # The search begins with the first state of the list.
        states.append(states[0])
        moved = len(states) - 1

        def target(number: int) -> int:
            return moved if number == 0 else number

        states = [(kind, test, target(one), target(two)) for kind, test, one, two in states]
        states[0] = ("split", None, target(begin), target(begin))
        return states

    def _next(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _take(self) -> str:
        one = self._next()
        self._at += 1
        return one

    def _alternatives(self, depth: int) -> _Part:
        if depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} groups in each other")
        parts = [self._sequence(depth)]
        while self._next() == "|":
            self._take()
            parts.append(self._sequence(depth))
        return functools.reduce(_either, parts)

    def _sequence(self, depth: int) -> _Part:
        parts: list[_Part] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._one(depth)))

        def add(states: list[State], after: int) -> int:
            for part in reversed(parts):
                after = part(states, after)
            return after

        return add

    def _repeated(self, part: _Part) -> _Part:
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._next(), (1, 1))
        if self._next() in ("*", "+", "?"):
            self._take()
        elif self._next() == "{":
            least, most = self._bounds()
        else:
            return part
        if self._next() == "?":  # the shortest match is a match all the same
            self._take()
        if self._next() in ("*", "+", "{", "?") and self._next():
            raise ValueError(f"a repetition of a repetition at character {self._at + 1}")
        return _repeat(part, least, most)

    def _bounds(self) -> tuple[int, int | None]:
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : end].partition(",") if end > 0 else ("", "", "x")
        if not (low.isdecimal() and (not high or high.isdecimal())) or len(low) > 4 or len(high) > 4:
            raise ValueError(f"'{{' at character {self._at + 1} begins no repetition such as {{2,5}}")
        self._at = end + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise ValueError(f"a repetition of at most {_MOST_REPEATS} times, the smaller number first")
        return least, most

    def _one(self, depth: int) -> _Part:
        one = self._take()
        if one == "(":
            if self._text.startswith("?:", self._at):
                self._at += 2
            elif self._next() == "?":
                raise ValueError("'(?' other than '(?:' and a leading '(?i)' is not supported")
            inner = self._alternatives(depth + 1)
            if self._take() != ")":
                raise ValueError("'(' without ')'")
            return inner
        if one in ("^", "$"):
            return _mark("start" if one == "^" else "end")
        if one == ".":
            return _taking(lambda other: other != "\n")
        if one == "[":
            return _taking(self._set())
        if one == "\\":
            return _taking(self._escaped())
        if one in ("*", "+", "?", "{"):
            raise ValueError(f"'{one}' at character {self._at} repeats nothing")
        return _taking(self._letter(one))

    def _letter(self, one: str) -> Test:
        if not self._fold:
            return lambda other: other == one
        folded = one.casefold()
        return lambda other: other.casefold() == folded

    def _escaped(self) -> Test:
        one = self._take()
        if one.lower() in _CLASSES and one:
            known = _CLASSES[one.lower()]
            return known if one.islower() else lambda other: not known(other)
        if one in _CONTROLS:
            return self._letter(_CONTROLS[one])
        if not one or one.isalnum():
            raise ValueError(f"'\\{one}' is not supported; \\d, \\w and \\s are")
        return self._letter(one)

    def _set(self) -> Test:
        negated = self._next() == "^"
        if negated:
            self._take()
        tests: list[Test] = []
        while self._next() != "]" or not tests:
            tests.append(self._member())
        self._take()
        return (lambda other: not any(test(other) for test in tests)) if negated else _any(tests)

    def _member(self) -> Test:
        one = self._take()
        if not one:
            raise ValueError("'[' without ']'")
        if one == "\\":
            return self._escaped()
        if self._next() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return self._letter(one)
        self._take()
        last = self._take()
        if last == "\\" or last < one:
            raise ValueError(f"'{one}-{last}' is no range of characters")
        if not self._fold:
            return lambda other: one <= other <= last
        return lambda other: one <= other.lower() <= last or one <= other.upper() <= last


_Part = Callable[[list[State], int], int]


def _add(states: list[State], state: State) -> int:
    if len(states) >= _MOST_STATES:
        raise ValueError(f"a pattern that stands for more than {_MOST_STATES} characters")
    states.append(state)
    return len(states) - 1


def _any(tests: list[Test]) -> Test:
    return lambda other: any(test(other) for test in tests)


def _taking(test: Test) -> _Part:
    return lambda states, after: _add(states, ("take", test, after, after))


def _mark(kind: str) -> _Part:
    return lambda states, after: _add(states, (kind, None, after, after))


def _either(one: _Part, other: _Part) -> _Part:
    return lambda states, after: _add(states, ("split", None, one(states, after), other(states, after)))


def _repeat(part: _Part, least: int, most: int | None) -> _Part:
    def add(states: list[State], after: int) -> int:
        if most is None:
            loop = _add(states, ("split", None, after, after))
            states[loop] = ("split", None, part(states, loop), after)
            after = loop
        for _ in range((most or least) - least):
            after = _add(states, ("split", None, part(states, after), after))
        for _ in range(least):
            after = part(states, after)
        return after

    return add
