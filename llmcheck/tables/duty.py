"""What responsible use asks for: six areas, what to do in each, and the tools for it."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct

Task = Literal["inference", "fine-tuning", "pre-training", "general"]


class Duty(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to do."""

    id: str
    """Unique, kebab-case: it marks the item in a checklist file."""
    text: str
    """What to do, as one imperative sentence."""
    documented: str | None = None
    """The document's words for it; None where llmcheck adds it to cover an issue that the document names."""
    tasks: tuple[Task, ...] = ()
    """Tasks of profiles that it is for; (): all."""


class Area(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the six areas."""

    id: str
    """Kebab-case."""
    title: str
    """As the document names it."""
    issues: tuple[str, ...]
    """What can go wrong, by the document."""
    duties: tuple[Duty, ...]
    """In the order of the document."""
    libraries: tuple[str, ...] = ()
    """Ids of libraries that the document names for it."""
    note: str | None = None
    """Where the document's words need a word."""
    source: str
    """Its place in the document."""
    as_of: datetime.date
    """Day on which the row was written."""
