"""When the inventory of a machine was collected, and how old it is."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct

from llmcheck.schema.fact_bounds import CLOCK_SKEW_SECONDS, FIRST_YEAR

DAY = 86_400
"""Seconds."""

OUTDATED = "outdated"
"""The code of the Problem of a machine that is older than ``--max-age`` allows, or of unknown age."""


class SavedAge(Struct, frozen=True, kw_only=True):
    """The age of one saved machine."""

    name: str
    """The file, or ``standard input``."""
    collected_at: str | None
    """UTC, ISO 8601; None where the file does not say it, or what it says cannot be."""
    seconds: int | None
    """From then to now, 0 for a clock that is ahead; None where ``collected_at`` is."""
    doubts: int = 0
    """How many problems say that a fact of it cannot be true, so that it counts as unknown."""


def read_time(text: str | None) -> datetime.datetime | None:
    """A time as a file writes it (ISO 8601, in UTC where it names no zone); None for None and for other text."""
    try:
        found = datetime.datetime.fromisoformat(text or "")
        return found.astimezone(datetime.UTC) if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    except (ValueError, OverflowError):
        return None


def implausible_time(text: str | None, now: datetime.datetime) -> str | None:
    """Why a time of collection cannot be, as a phrase; None where it can, or where there is none."""
    if text is None:
        return None
    found = read_time(text)
    if found is None:
        return "it is not a date"
    if found.year < FIRST_YEAR:
        return f"llmcheck did not exist before {FIRST_YEAR}"
    if (found - now).total_seconds() > CLOCK_SKEW_SECONDS:
        return "it is in the future"
    return None


def age_seconds(collected_at: str | None, now: datetime.datetime) -> int | None:
    """Seconds since a time of collection, 0 for one that is slightly in the future; None where it is not known."""
    found = read_time(collected_at)
    if found is None or implausible_time(collected_at, now) is not None:
        return None
    return max(0, int((now - found).total_seconds()))
