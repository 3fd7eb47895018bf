"""The judgement of simple specifiers and markers is the one of ``packaging``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from llmcheck.packages.versions import allows, holds, parts, surroundings
from llmcheck.schema.machine import Machine, Os, Python, Software

numbers = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda each: ".".join(map(str, each)))
versions = st.builds("{}{}".format, numbers, st.sampled_from(("", "", "+cu132", ".post1", "rc1", ".dev3")))
operators = st.sampled_from((">=", "<=", "<", ">", "==", "!="))
clauses = st.one_of(
    st.builds("{}{}".format, operators, numbers),
    st.builds("{}{}.*".format, st.sampled_from(("==", "!=")), numbers),
    st.builds("~={}.{}".format, st.integers(0, 9), numbers),
)
VARIABLES = surroundings(
    Machine(
        software=Software(python=Python(executable="python", version="3.11.7", implementation="cpython")),
        os=Os(system="linux", architecture="x86_64"),
    )
)


@given(st.lists(clauses, min_size=1, max_size=3).map(",".join), versions)
def test_a_specifier_allows_what_packaging_says(specifier: str, version: str) -> None:
    parsed, accepted = Version(version), SpecifierSet(specifier)
    expected = accepted.contains(parsed, prereleases=True)
    if parsed.is_prerelease:
        expected = expected or accepted.contains(parsed.base_version, prereleases=True)
    assert allows(specifier, version) is expected


@pytest.mark.parametrize(
    ("specifier", "version", "expected"),
    [
        ("", "anything", True),
        (">=2.0", "not a version", None),
        ("nonsense", "1.0", None),
        ("==2.14.0", "2.14.0+cu130", True),
        ("<2.15", "2.15.0a0+nv26.10", False),
        (">=2.15", "2.15.0a0+nv26.10", True),
        (">=1" + "0" * 300, "1.0", None),
    ],
)
def test_of_what_is_no_version_nothing_is_said(specifier: str, version: str, expected: bool | None) -> None:
    assert allows(specifier, version) is expected


@pytest.mark.parametrize(
    "marker",
    [
        'python_version >= "3.9"',
        "python_version < '3.11'",
        'python_full_version < "3.13" and sys_platform == "linux"',
        'platform_system == "Linux" and platform_machine == "x86_64"',
        'platform_system != "Linux"',
        "(sys_platform == 'darwin' or sys_platform == 'linux') and python_version >= '3.8'",
        "platform_machine in 'x86_64 amd64'",
        "implementation_name == 'cpython'",
        'sys_platform not in "win32"',
    ],
)
def test_a_marker_holds_where_packaging_says_so(marker: str) -> None:
    assert holds(marker, VARIABLES, frozenset()) is Marker(marker).evaluate({**VARIABLES, "extra": ""})


def test_extras_count_where_they_are_in_play() -> None:
    marker = 'extra == "cuda13" and python_version >= "3.9"'
    assert holds(marker, VARIABLES, frozenset()) is False
    assert holds(marker, VARIABLES, frozenset(("cuda13",))) is True
    assert holds('extra == "a" or extra == "b"', VARIABLES, frozenset(("b",))) is True


def test_without_the_fact_that_decides_nothing_is_said() -> None:
    assert holds('python_version >= "3.9"', {}, frozenset()) is None
    assert holds('platform_release >= "5"', VARIABLES, frozenset()) is None
    assert holds("no marker", VARIABLES, frozenset()) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("torch (>=2.14.0)", ("torch", (), ">=2.14.0", "")),
        ("ray[cgraph, default]>=2.9 ; extra == 'x'", ("ray", ("cgraph", "default"), ">=2.9", "extra == 'x'")),
        ("numpy", ("numpy", (), "", "")),
        ("thing @ https://example.org/x.whl", None),
        ("", None),
    ],
)
def test_the_parts_of_a_line(line: str, expected: object) -> None:
    assert parts(line) == expected
