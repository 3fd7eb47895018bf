"""Corrections of documented figures that are wrong: both figures, the source and the date."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class Correction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    applies_to: tuple[str, ...]
    """``profile:ID/REQUIREMENT``, ``offer:ID`` or ``library:ID``."""
    documented: str
    fact: str
    source: str
    as_of: datetime.date
    memory_total: str | None = None
    """The corrected memory of all GPUs together, as a size. A machine that meets only the documented figure gets a
    warning. None if the correction does not depend on the machine."""
    advice: str | None = None
    """An alternative that works on a machine with less than ``memory_total``."""
