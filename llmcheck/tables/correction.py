"""Where the document disagrees with itself or with the facts: both figures, the source and the date."""

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
    """A size that all GPUs together need by the corrected figure; a machine that only meets the documented one is
    warned. None where the correction does not depend on the machine."""
    advice: str | None = None
    """What does work on a machine that is below ``memory_total``."""
