"""Two profiles are compared by what they mean: not by their order, their spelling, or what is left to a default."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck.catalog.profiles import decode_profile
from llmcheck.judge.profile_difference import MOST, difference
from llmcheck.schema.profile import Profile
from llmcheck.schema.profile_tools import ProfileDifference
from tests.unit.strategies import SHIPPED

RAM = {"id": "ram", "kind": "ram", "total": "16 GB"}
GPU = {"id": "gpu", "kind": "gpu", "memory": "24 GB"}


def profile(*requirements: dict[str, Any], **keys: Any) -> Profile:
    table = {"id": "a", "title": "A", "task": "general", "sources": ["s"], "require": list(requirements), **keys}
    return decode_profile(table, "a.toml")


def compared(before: Profile, after: Profile) -> ProfileDifference:
    return difference(("a", "b"), before, after)


def test_order_spelling_and_defaults_are_no_difference() -> None:
    written = profile({**GPU, "level": "required", "count": 1}, {**RAM, "total": "16000 MB"}, order=3)
    assert compared(profile(RAM, GPU), written) == ProfileDifference(
        before="a", after="b", added=(), removed=(), changed=(), exit_code=0
    )


def test_a_key_that_differs_is_named_with_both_values() -> None:
    found = compared(profile(RAM, GPU), profile({**RAM, "total": "32 GB"}, {**GPU, "compute_capability": "8.0"}))
    changes = [(each.requirement, each.key, each.before, each.after, each.decides) for each in found.changed]
    assert changes == [("ram", "total", "16 GB", "32 GB", True), ("gpu", "compute_capability", None, "8.0", True)]
    assert found.exit_code == 1


def test_words_are_shown_and_decide_nothing() -> None:
    found = compared(profile(RAM), profile({**RAM, "why": "because"}, title="B"))
    assert {(each.key, each.decides) for each in found.changed} == {("title", False), ("why", False)}
    assert found.exit_code == 0


def test_alternatives_are_compared_one_by_one() -> None:
    first = {"id": "x", "kind": "package", "any_of": [{"name": "vllm"}, {"name": "sglang"}]}
    second = {"id": "x", "kind": "package", "any_of": [{"name": "vllm", "version": ">=0.6"}, {"name": "sglang"}]}
    (change,) = compared(profile(first), profile(second)).changed
    assert (change.requirement, change.key, change.before, change.after) == ("x", "any_of[0].version", None, ">=0.6")


def test_requirements_of_one_profile_alone_are_told_in_words() -> None:
    found = compared(profile(RAM), profile(GPU))
    assert [(each.id, each.needed) for each in found.added] == [("gpu", "24 GB")]
    assert [(each.id, each.needed) for each in found.removed] == [("ram", "16 GB")]
    assert found.exit_code == 1


@given(st.sampled_from(SHIPPED), st.sampled_from(SHIPPED))
def test_the_way_back_is_the_same_with_its_sides_changed(first: Profile, second: Profile) -> None:
    there, back = compared(first, second), compared(second, first)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert {(x.requirement, x.key, str(x.before), str(x.after)) for x in there.changed} == {
        (x.requirement, x.key, str(x.after), str(x.before)) for x in back.changed
    }
    assert (there.exit_code == 0) is (first == second)


@pytest.mark.parametrize("each", SHIPPED, ids=lambda each: each.id)
def test_a_requirement_that_is_taken_away_is_noticed(each: Profile) -> None:
    found = compared(each, replace(each, require=each.require[1:]))
    assert [one.id for one in found.removed] == [each.require[0].id]


def test_of_many_changes_some_are_listed_and_that_there_are_more_is_said() -> None:
    def numbered(size: int) -> Profile:
        return profile(*({"id": f"r{n}", "kind": "ram", "total": f"{n + size} GB"} for n in range(MOST + 1)))

    found = compared(numbered(1), numbered(2))
    assert (len(found.changed), found.truncated, found.exit_code) == (MOST, True, 1)
