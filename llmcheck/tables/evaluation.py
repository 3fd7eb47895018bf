"""What public evaluations measured of models: scales, and scores on them."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class Scale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One benchmark as one evaluator ran it, in one snapshot. Scores of two scales do not compare."""

    id: str
    task: str
    """``chat``, ``code``, ``reason``, ``vision``, ``embed`` or ``finetune``."""
    benchmark: str
    unit: str
    """Of every scale in the table higher is better, and 0 to 100 is possible."""
    evaluator: str
    terms: str
    """On which terms the figures are here."""
    source: str
    as_of: datetime.date
    """Of the snapshot."""


class Score(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measured value: what an evaluator estimated and what a vendor said of its own model are not in the table."""

    repository: str
    scale: str
    """Id of the scale."""
    value: float
    setting: str | None = None
    """``thinking on``, ``thinking off``, ``thinking effort high``, ...; None where the source does not say."""


class Evaluations(Struct, frozen=True, kw_only=True):
    scales: tuple[Scale, ...]
    """Of each task the preferred scale first."""
    scores: tuple[Score, ...]
