"""Sizes are written with a unit, and GB and GiB are never mixed up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.units import format_gb, format_gib, parse_rate, parse_size, shortfall


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24 GB", 24 * 10**9),
        ("24GB", 24 * 10**9),
        (" 24 GB ", 24 * 10**9),
        ("24 GiB", 24 * 2**30),
        ("1.5 TiB", 3 * 2**39),
        ("1.5 TB", 1_500_000_000_000),
        ("10 PB", 10**16),
        ("2 PiB", 2**51),
        ("500 MB", 500_000_000),
        ("512 MiB", 2**29),
        ("3 kB", 3000),
        ("3 KiB", 3072),
        ("0 B", 0),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["24", "24 gb", "24 Gb", "24 gib", "24 G", "24 KB", "GB", "", "-24 GB", "1e3 GB", "24,5 GB", "24 GB free", "∞ GB"],
)
def test_anything_else_is_refused_with_the_units_that_are_known(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size.*\bGB\b.*\bGiB\b"):
        parse_size(text)


def test_a_size_too_long_for_arithmetic_is_refused_like_any_other_nonsense() -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size("9" * 400 + " GB")


@given(st.integers(min_value=10**3, max_value=10**18))
def test_a_written_decimal_size_reads_back_within_its_rounding(size: int) -> None:
    assert parse_size(format_gb(size)) == pytest.approx(size, rel=0.05)


@given(st.integers(min_value=2**10, max_value=2**60))
def test_a_written_binary_size_reads_back_within_its_rounding(size: int) -> None:
    assert parse_size(format_gib(size)) == pytest.approx(size, rel=0.05)


@given(st.integers(min_value=0, max_value=10**18))
def test_decimal_sizes_name_powers_of_ten_and_binary_sizes_powers_of_two(size: int) -> None:
    assert "iB" not in format_gb(size)
    assert format_gib(size).endswith("iB")


@given(needed=st.integers(0, 10**15), found=st.integers(0, 10**15))
def test_what_is_short_is_never_rounded_to_nothing(needed: int, found: int) -> None:
    lacking = shortfall(needed, found)
    if found >= needed:
        assert lacking is None
    else:
        assert lacking is not None
        assert parse_size(lacking) > 0
        assert parse_size(lacking) == pytest.approx(needed - found, rel=0.05, abs=1000)


def test_the_same_memory_reads_differently_in_both_families() -> None:
    assert format_gb(24564 * 2**20) == "25.8 GB"
    assert format_gib(24564 * 2**20) == "24.0 GiB"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1 Gb/s", 125e6),
        ("100Mbps", 12.5e6),
        ("10 Gbit/s", 1.25e9),
        ("80 MB/s", 80e6),
        ("1 GiB/s", 2.0**30),
        ("8 b/s", 1.0),
        ("2.5 TB/s", 2.5e12),
    ],
)
def test_a_rate_is_bytes_a_second(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "5", "1 Gb", "1 gb/s", "1 GB/h", "0 Gb/s", "-1 Gb/s", "1e9 b/s", "nan b/s", "1 Kb/s"],
)
def test_other_text_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        parse_rate(text)


@given(st.integers(1, 10**6))
def test_eight_bits_are_a_byte(count: int) -> None:
    assert parse_rate(f"{count} MB/s") == parse_rate(f"{8 * count} Mb/s")
