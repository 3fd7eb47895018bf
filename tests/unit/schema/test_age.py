"""How old a saved machine is, and dates that cannot be."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.render.views.age import in_words
from llmcheck.schema.age import age_seconds, implausible_time, read_time

NOW = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-27T12:00:00+00:00", 0),
        ("2026-11-27T11:59:30Z", 30),
        ("2026-11-27T13:00:00+02:00", 3600),
        ("2026-11-27T13:00:00+00:00", 0),  # a clock that is ahead
        ("2026-11-20", 7 * 86_400 + 43_200),
        (None, None),
        ("", None),
        ("soon", None),
        ("1999-12-31T23:59:59Z", None),
        ("2027-01-01", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_age(text: str | None, seconds: int | None) -> None:
    assert age_seconds(text, NOW) == seconds


@given(st.text() | st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(datetime.datetime.isoformat))
def test_a_time_of_any_text_is_one_or_none(text: str) -> None:
    found = read_time(text)
    assert found is None or found.tzinfo == datetime.UTC
    assert (age_seconds(text, NOW) is None) == (implausible_time(text, NOW) is not None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 minutes"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (7200, "2 hours"),
        (86_400, "1 day"),
        (10**9, "11,574 days"),
    ],
)
def test_a_time_span_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words
