"""What a profile states of facts is decided only where nothing unknown could turn it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck.catalog.profiles import decode_profile
from llmcheck.errors import DataError
from llmcheck.judge import requirements
from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.facts import patterns
from llmcheck.judge.facts.meaning import ABSENT, UNKNOWN
from llmcheck.judge.facts.operators import operators_of
from llmcheck.judge.facts.quantifiers import Member, Members, judged
from llmcheck.schema.machine import Gpu, Machine
from llmcheck.schema.profile import Requirement
from tests.unit.erasures import ERASURES
from tests.unit.strategies import machines

# --- members ---

_numbers = st.integers(-3, 3)
_values = st.one_of(_numbers, _numbers, st.just(ABSENT))
_some = st.lists(_numbers, min_size=1, max_size=3)
_stated: st.SearchStrategy[dict[str, Any]] = st.one_of(
    *(st.fixed_dictionaries({key: _numbers}) for key in ("eq", "ne", "ge", "gt", "le", "lt")),
    st.fixed_dictionaries({"in": _some}),
    st.fixed_dictionaries({"not-in": _some}),
    st.just({"between": [-1, 1]}),
    st.just({"ge": -1, "lt": 2}),
)
_quantifiers = st.sampled_from(
    ["each", "any", "none", "at-least", "at-most", "sum", "min", "max", "same", "count"]
)  # fmt: skip


@st.composite
def erased(draw: st.DrawFn) -> tuple[Members, Members]:
    """What is there, and how much of that is known."""
    there = draw(st.lists(_values, max_size=4))
    meant = [draw(st.booleans()) for _ in there]
    known: list[Member] = []
    is_open = False
    for value, is_meant in zip(there, meant, strict=True):
        fate = draw(st.sampled_from(["known", "known", "value", "filter", "both", "lost"]))
        if fate == "lost":
            is_open = True
        elif fate in ("filter", "both"):
            known.append(Member(None, UNKNOWN if fate == "both" else value))
        elif is_meant:
            known.append(Member(True, UNKNOWN if fate == "value" else value))
    whole = tuple(Member(True, value) for value, is_meant in zip(there, meant, strict=True) if is_meant)
    return Members(whole, False), Members(tuple(known), is_open or draw(st.booleans()))


@settings(max_examples=600)
@given(both=erased(), quantifier=_quantifiers, stated=_stated, n=st.integers(0, 3))
def test_what_is_decided_of_a_part_holds_of_the_whole(
    both: tuple[Members, Members], quantifier: Any, stated: dict[str, Any], n: int
) -> None:
    operators = () if quantifier == "same" else operators_of(stated, "number", None, "x")
    whole, part = (judged(quantifier, each, operators, n, negative=True) for each in both)
    assert whole is not None
    assert part in (None, whole)


@given(members=erased(), stated=_stated, n=st.integers(0, 3))
def test_quantifiers_are_each_others_opposites(
    members: tuple[Members, Members], stated: dict[str, Any], n: int
) -> None:
    operators = operators_of(stated, "number", None, "x")
    for each in members:
        any_ = judged("any", each, operators, None, negative=True)
        none = judged("none", each, operators, None, negative=True)
        assert (none is None) == (any_ is None)
        assert none is None or none is not any_
        more = judged("at-least", each, operators, n + 1, negative=True)
        most = judged("at-most", each, operators, n, negative=True)
        assert more is None or most is None or more is not most


# --- whole requirements on machines as they are found ---

LINES: dict[str, dict[str, Any]] = {
    "memory of each": {"fact": "gpus[*].memory_total", "ge": "24 GB"},
    "memory of all": {"fact": "gpus[*].memory_total", "quantifier": "sum", "ge": "100 GB"},
    "memory of the H100s": {"fact": "gpus[*].memory_total", "where": {"name": {"matches": "H100"}}, "ge": "80 GB"},
    "the same card": {"fact": "gpus[*].name", "quantifier": "same"},
    "two cards": {"fact": "gpus", "quantifier": "count", "ge": 2},
    "two linked": {"fact": "gpus[*].nvlinks", "quantifier": "at-least", "n": 2, "ge": 1},
    "no old card": {"fact": "gpus[*].compute_capability", "quantifier": "none", "version": "<8.0"},
    "driver": {"fact": "drivers[*].version", "version": "550"},
    "NVIDIA's driver": {"fact": "drivers.nvidia.version", "version": "550"},
    "RAM": {"fact": "ram.usable", "ge": "32 GB"},
    "no limit": {"fact": "ram.limit", "absent": True},
    "space": {"fact": "disks[*].free", "where": {"role": "models"}, "quantifier": "max", "ge": "100 GB"},
    "ports": {"fact": "fabric.ports[*].active", "where": {"link_layer": "InfiniBand"}, "eq": True},
    "torch": {"fact": "software.packages[*].version", "where": {"name": "torch"}, "quantifier": "any", "spec": ">=2"},
    "no git": {"fact": "software.tools[*].path", "where": {"name": "git"}, "absent": True},
}


def joined() -> dict[str, Requirement]:
    """The lines alone, and joined with each other."""
    lines = [{"kind": "fact", **each} for each in LINES.values()]
    tables: dict[str, dict[str, Any]] = dict(zip(LINES, lines, strict=True))
    for name in ("any_of", "all_of", "none_of"):
        tables |= {f"{name} {at}": {name: lines[at : at + 3]} for at in range(0, len(lines), 2)}
    tables["nested"] = {
        "any_of": [{"all_of": lines[:4]}, {"none_of": lines[4:8]}, {"all_of": [{"none_of": lines[8:]}]}]
    }
    return {name: requirements.decode({"id": "x", **table}, name) for name, table in tables.items()}


JOINED = joined()


@pytest.mark.parametrize("fact", ERASURES)
@settings(max_examples=25)
@given(where=machines())
def test_erasing_a_fact_of_a_machine_opens_a_line_and_never_turns_it(fact: str, where: Machine) -> None:
    before = {name: requirements.check(each, where).status for name, each in JOINED.items()}
    for erased_machine in ERASURES[fact](where):
        after = {name: requirements.check(each, erased_machine).status for name, each in JOINED.items()}
        turned = {name: (before[name], after[name]) for name in before if after[name] not in (before[name], "unknown")}
        assert turned == {}


@given(where=machines())
def test_the_order_of_cards_is_irrelevant(where: Machine) -> None:
    turned = replace(where, gpus=None if where.gpus is None else where.gpus[::-1])
    for name, each in JOINED.items():
        assert requirements.check(each, turned).status == requirements.check(each, where).status, name


@given(where=machines())
def test_a_finding_of_the_language_survives_being_written(where: Machine) -> None:
    for each in JOINED.values():
        found = requirements.check(each, where)
        assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found


# --- patterns ---

_PIECES = [
    "a",
    "b",
    ".",
    "a*",
    "b+",
    "(a|b)",
    "(ab|c)*",
    "[ab]",
    "[^a]",
    "^",
    "$",
    "a?",
    "(a{1,2})",
    "|",
    "\\d",
    "b{0,3}",
]


@settings(max_examples=400)
@given(pieces=st.lists(st.sampled_from(_PIECES), min_size=1, max_size=7), text=st.text("abc1", max_size=10))
def test_a_pattern_matches_what_the_library_matches(pieces: list[str], text: str) -> None:
    pattern = "".join(pieces)
    assert patterns.compiled(pattern)(text) is bool(re.search(pattern, text))


@given(pattern=st.text("ab.*+?|()[]{}^$\\-,1dws", min_size=1, max_size=30), text=st.text("ab1 ", max_size=20))
def test_any_text_is_a_pattern_or_refused_in_one_line(pattern: str, text: str) -> None:
    found: object
    try:
        found = patterns.compiled(pattern)(text)
    except ValueError as error:
        found = "\n" not in str(error)
    assert found in (True, False)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a?){100}b", "(.*)*(.*)*x", "((a*)*)*b", "(a|aa)+$"])
def test_no_pattern_takes_longer_than_its_length_times_the_text(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    monkeypatch.setattr(requirements.effort, "spend", steps.append)
    assert patterns.compiled(pattern)("a" * 300 + "!") is False
    assert 0 < sum(steps) < 300 * 400


def test_patterns_that_take_too_long_together_end_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(requirements.effort), "_most", 100_000)
    where = Machine(gpus=tuple(Gpu(vendor="nvidia", name=f"{'a' * 4000}{number}") for number in range(8)))
    many = [
        {"id": f"r{at}", "kind": "fact", "fact": "gpus[*].name", "matches": f"(.*a{{200}})*{at}!"} for at in range(99)
    ]
    head = {"id": "mine", "title": "t", "task": "general", "sources": ["x"]}
    with pytest.raises(DataError, match="take too long"):
        evaluate(decode_profile({**head, "require": many}, "mine.toml"), where)
    assert requirements.check(JOINED["the same card"], Machine(gpus=())).status == "fail"


@pytest.mark.parametrize(
    "pattern",
    ["", "a" * 201, "(?=a)", "(?P<x>a)", "\\1", "a**", "a{3,1}", "a{1000}", "(" * 30, "[a", "(((a{99}){99}){99})"],
)
def test_what_has_no_bound_or_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        patterns.compiled(pattern)


def test_a_text_that_is_too_long_is_not_looked_at() -> None:
    assert patterns.compiled("a.b")("x" * 5000) is None
