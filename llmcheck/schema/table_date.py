"""How old the tables are that ship."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class TableDate(Struct, frozen=True, kw_only=True):
    """One table that ships, and how old it is."""

    name: str
    """What it is of: ``offers``, ``models``, ..."""
    rows: int
    """Its rows."""
    newest: datetime.date
    """The date of its newest row."""
    oldest: datetime.date
    """The date of its oldest row."""


class TableList(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck tables``."""

    schema: str = "llmcheck.tables/1"
    """Format of this document and its version."""
    today: datetime.date
    """What the ages are counted to."""
    old_after_days: int
    """An answer that rests on a table whose newest row is older says so."""
    tables: tuple[TableDate, ...]
    """By name."""
