"""Two specifiers for one package, combined into one requirement and tried on versions."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from llmcheck.install.specifiers import (
    bounded,
    excluded,
    has_lower_bound,
    lower_bound,
    satisfiable,
    specifier_of,
)
from llmcheck.schema.machine import normalized_name

VERSIONS = ["0.9", "1.0", "1.0.1", "1.5", "2.0", "2.1", "2.1.3", "3.0"]
_clause = st.tuples(st.sampled_from([">=", ">", "<=", "<", "==", "~=", "!="]), st.sampled_from(VERSIONS)).map("".join)
_series = st.sampled_from(["==1.*", "==2.1.*"])
specifiers = st.lists(_clause | _series, max_size=3).map(",".join)


@given(ours=specifiers, requested=specifiers)
def test_two_specifiers_are_combined_unless_they_exclude_each_other(ours: str, requested: str) -> None:
    assume(satisfiable(ours) and satisfiable(requested))  # a plan leaves out impossible specifiers
    made = Requirement(bounded(f"some[extra]{ours}", requested))
    assert (made.name, made.extras) == ("some", {"extra"})
    both = SpecifierSet(f"{ours},{requested}".strip(","))
    wanted = both if satisfiable(str(both)) else SpecifierSet(requested)
    for version in VERSIONS:
        assert made.specifier.contains(version) == wanted.contains(version)


@given(requested=specifiers)
def test_a_specifier_that_some_version_meets_is_possible(requested: str) -> None:
    assume(any(SpecifierSet(requested).contains(version) for version in VERSIONS))
    assert satisfiable(requested)


@pytest.mark.parametrize(
    ("requested", "possible"),
    [
        (">=5.10,!=5.10.*", True),
        (">=1.0,!=1.0,!=1.0.0.1", True),
        (">=2,<2.1,!=2.0", True),
        (">1.0,<1.0.1", True),
        (">=2,<1", False),
        ("==1.0,!=1.0", False),
        ("==2.1.*,<2.1", False),
    ],
)
def test_a_range_with_exclusions_is_impossible_only_when_nothing_is_left(requested: str, possible: bool) -> None:
    assert satisfiable(requested) == possible


@given(requested=specifiers)
def test_a_requirement_is_parsed_into_name_and_specifier(requested: str) -> None:
    text = f"some[extra]{requested}"
    assert SpecifierSet(specifier_of(text)) == Requirement(text).specifier
    floors = {each.operator for each in SpecifierSet(requested)} & {">=", ">", "==", "~="}
    assert has_lower_bound(text) == bool(floors)
    assert not lower_bound(text) or floors


@pytest.mark.parametrize(
    ("requirement", "specifier", "text"),
    [
        ("torch>=2.14", ">=2.15", "torch>=2.15"),
        ("torch>=2.6,<2.15", ">=2.10", "torch>=2.10,<2.15"),
        ("torch==2.13.*", ">=2.13", "torch==2.13.*"),
        ("torch>=2.14", "==2.14.0", "torch==2.14.0"),
        ("ray[default]>=2.58", ">=2,!=2.59", "ray[default]>=2.58,!=2.59"),
        ("wandb>=0.31", "<0.10", "wandb<0.10"),
    ],
)
def test_the_stricter_bound_is_written_and_the_lower_bound_first(requirement: str, specifier: str, text: str) -> None:
    assert bounded(requirement, specifier) == text


@given(version=st.sampled_from([*VERSIONS, "1", "1.0.0", "2.1.0", "2.1rc1", "2.1.post1"]), requested=specifiers)
def test_a_version_is_compared_with_the_specifier(version: str, requested: str) -> None:
    assert excluded(version, requested) != SpecifierSet(requested).contains(version, prereleases=True)


def test_a_version_that_cannot_be_compared_does_not_match() -> None:
    assert excluded("unknown", ">=1")
    assert not excluded("unknown", "")


@given(name=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?", fullmatch=True))
def test_names_compare_as_the_index_compares_them(name: str) -> None:
    assert normalized_name(name) == canonicalize_name(name)
