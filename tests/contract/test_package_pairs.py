"""The table of packages that were compiled for each other, and the packages whose metadata is read."""

from __future__ import annotations

import datetime

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from llmcheck import catalog, runtimes
from llmcheck.packages.known import IMPORT_NAMES, SHARED_FILES, matters
from llmcheck.schema.machine import normalized_name
from llmcheck.tables.package_pair import PackagePair

PAIRS = catalog.package_pairs()


@pytest.mark.parametrize("row", PAIRS, ids=lambda row: f"{row.package}{row.versions}-{row.other}")
def test_a_pair_is_sound(row: PackagePair) -> None:
    assert matters(row.package)
    assert matters(row.other)
    assert (row.package, row.other) == (normalized_name(row.package), normalized_name(row.other))
    assert not SpecifierSet(row.versions).is_unsatisfiable()
    needs = SpecifierSet(row.needs)
    assert not needs.is_unsatisfiable()
    if row.built_for is not None:
        assert needs.contains(Version(row.built_for))
    assert row.source
    assert row.as_of <= datetime.datetime.now(datetime.UTC).date()


def test_of_one_pair_no_version_has_two_rows() -> None:
    for row in PAIRS:
        for other in PAIRS:
            if row is not other and (row.package, row.other) == (other.package, other.other):
                assert SpecifierSet(f"{row.versions},{other.versions}").is_unsatisfiable(), (row, other)


def test_the_metadata_of_each_library_and_runtime_is_read() -> None:
    names = {name for library in catalog.libraries().values() for name in library.distributions}
    names |= {name for runtime in runtimes.every() for name in runtime.distributions}
    assert {normalized_name(each) for each in names} <= set(IMPORT_NAMES)
    for library in catalog.libraries().values():
        for name in library.distributions:
            assert library.import_name == IMPORT_NAMES[normalized_name(name)]


def test_the_distributions_that_share_a_file_are_read() -> None:
    assert all(matters(name) for _, names in SHARED_FILES for name in names)
