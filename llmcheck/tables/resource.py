"""One thing to read, take, follow, join or visit, as the document names it."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct

Kind = Literal["paper", "course", "blog", "community", "conference"]


class Resource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table of reading."""

    id: str
    """Unique, kebab-case."""
    kind: Kind
    """What it is."""
    number: int | None = None
    """Its number in the document's list of papers; None for what is not in that list."""
    title: str
    """Its title or name."""
    authors: str
    """Who wrote it, gives it or runs it."""
    year: int | None = None
    """Year of a paper, as the document has it; None for what goes on."""
    url: str
    """Where it is."""
    topic: str
    """What it is about: ``scaling``, ``alignment``, ...; ``general`` for what is no paper."""
    stars: int = 0
    """Of the document: 4 or 5; 0 where it gives none."""
    must_read: bool = False
    """One of the four papers of the document's summary."""
    why: str
    """What it is good for."""
    tiers: tuple[str, ...]
    """Profiles that it prepares for."""
    first_for: tuple[str, ...] = ()
    """Profiles that it matters for most."""
    note: str | None = None
    """Where the document is not right about it."""
    source: str
    """Its place in the document."""
    as_of: datetime.date
    """Day on which the row was written."""
