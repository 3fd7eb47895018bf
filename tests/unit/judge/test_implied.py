"""One requirement is said to be met wherever another is only where that is certain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcheck.judge.implied import implies, range_of
from llmcheck.judge.requirements import check, decode
from llmcheck.schema.profile import Requirement
from tests.unit.strategies import machines

MEMORY = {"kind": "fact", "fact": "gpus[*].memory_total"}


def stated(**keys: Any) -> Requirement:
    return decode({"id": "x", **keys}, "x")


@pytest.mark.parametrize(
    ("strict", "loose"),
    [
        ({"kind": "ram", "total": "64 GB"}, {"kind": "ram", "total": "64000 MB"}),
        ({"kind": "ram", "total": "64 GB"}, {"kind": "ram", "total": "32 GB"}),
        ({"kind": "gpu", "memory": "80 GB", "count": 2}, {"kind": "gpu", "memory": "24 GB"}),
        ({"kind": "gpu", "memory": "24 GB", "compute_capability": "10.0"},
         {"kind": "gpu", "memory": "24 GB", "compute_capability": "8.9"}),
        ({"kind": "package", "name": "vllm", "version": ">=0.6"}, {"kind": "package", "name": "vllm"}),
        ({**MEMORY, "ge": "48 GB"}, {**MEMORY, "ge": "24 GB"}),
        ({**MEMORY, "gt": "24 GB"}, {**MEMORY, "ge": "24 GB"}),
        ({**MEMORY, "between": ["30 GB", "40 GB"]}, {**MEMORY, "ge": "24 GB", "le": "48 GB"}),
        ({**MEMORY, "quantifier": "none", "ge": "24 GB"}, {**MEMORY, "quantifier": "none", "ge": "48 GB"}),
    ],
)  # fmt: skip
def test_what_asks_for_more_implies_what_asks_for_less(strict: dict[str, Any], loose: dict[str, Any]) -> None:
    assert implies(stated(**strict), stated(**loose))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"kind": "ram", "total": "32 GB"}, {"kind": "ram", "total": "64 GB"}),
        ({"kind": "ram", "total": "64 GB"}, {"kind": "disk", "free": "32 GB"}),
        ({"kind": "ram", "total": "64 GB", "scope": "cluster"}, {"kind": "ram", "total": "32 GB"}),
        ({"kind": "gpu", "memory": "80 GB"}, {"kind": "gpu", "memory": "24 GB", "count": 2}),
        ({"kind": "package", "name": "vllm"}, {"kind": "package", "name": "vllm", "version": ">=0.6"}),
        ({"kind": "package", "name": "vllm"}, {"kind": "package", "name": "torch"}),
        ({**MEMORY, "ge": "24 GB"}, {**MEMORY, "gt": "24 GB"}),
        ({**MEMORY, "ge": "48 GB"}, {**MEMORY, "ge": "24 GB", "where": {"vendor": "nvidia"}}),
        ({**MEMORY, "ge": "48 GB"}, {**MEMORY, "ge": "24 GB", "quantifier": "any"}),
        ({**MEMORY, "quantifier": "none", "ge": "48 GB"}, {**MEMORY, "quantifier": "none", "ge": "24 GB"}),
        ({**MEMORY, "quantifier": "at-most", "n": 1, "ge": "48 GB"},
         {**MEMORY, "quantifier": "at-most", "n": 1, "ge": "24 GB"}),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_not_implied(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not implies(stated(**one), stated(**other))


@pytest.mark.parametrize(
    ("keys", "is_possible"),
    [({"ge": "24 GB", "le": "24 GB"}, True), ({"gt": "24 GB", "le": "24 GB"}, False), ({"eq": "1 GB"}, True)],
)
def test_a_range_without_a_number_is_told_from_one_with(keys: dict[str, str], is_possible: bool) -> None:
    reach = range_of(stated(**MEMORY, **keys))
    assert reach is not None
    assert (reach[0] <= reach[1]) is is_possible


_SIZES = st.sampled_from(["8 GB", "24 GB", "24 GiB", "80 GB"])
_FACTS = st.builds(
    lambda operator, size, how: {**MEMORY, operator: size, "quantifier": how, **({"n": 1} if "at-" in how else {})},
    st.sampled_from(["ge", "gt", "le", "lt", "eq"]),
    _SIZES,
    st.sampled_from(["each", "any", "none", "at-least", "at-most", "sum", "min", "max"]),
)
_GPUS = st.builds(lambda size, count: {"kind": "gpu", "memory": size, "count": count}, _SIZES, st.integers(1, 3))
_RAM = st.builds(lambda size: {"kind": "ram", "total": size}, _SIZES)
_ANY = st.one_of(_FACTS, _GPUS, _RAM)


@settings(max_examples=300)
@given(_ANY, _ANY, machines())
def test_no_machine_meets_the_strict_one_and_fails_the_loose_one(
    one: dict[str, Any], other: dict[str, Any], machine: Any
) -> None:
    strict, loose = stated(**one), stated(**other)
    if implies(strict, loose) and check(strict, machine).status == "pass":
        assert check(loose, machine).status != "fail"
